"""A package that is not installed: what needs it says what to install, and nothing else is disturbed."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from inngest._extras import needs

EXTRAS = {
    "flask": ("flask", "flask"),
    "starlette": ("starlette", "starlette"),
    "fast_api": ("fastapi", "fastapi"),
    "fastapi": ("starlette", "fastapi"),
    "django": ("django", "django"),
    "tornado": ("tornado", "tornado"),
}


@pytest.mark.parametrize(("module", "missing", "extra"), [(name, *each) for name, each in EXTRAS.items()])
def test_a_missing_framework_says_which_extra_to_install(module: str, missing: str, extra: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None  # as if it were not there
import inngest
import inngest.{module}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(f"ModuleNotFoundError: this needs {missing}")
    assert last.endswith(f"pip install 'inngest-suite[{extra}]'")


def test_a_missing_msgspec_says_so_when_its_serializer_is_made() -> None:
    program = """
import sys
sys.modules["msgspec"] = None
import inngest
inngest.Inngest(app_id="app")
inngest.MsgspecSerializer()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        "ModuleNotFoundError: this needs msgspec, which is not installed: pip install 'inngest-suite[msgspec]'"
    )


@pytest.mark.parametrize("module", [*EXTRAS, "asgi", "wsgi", "digital_ocean"])
def test_what_is_installed_is_imported(module: str) -> None:
    assert importlib.import_module(f"inngest.{module}").__all__ == ["serve"]


def test_asgi_wsgi_and_digital_ocean_need_no_framework() -> None:
    program = """
import sys
for name in ("flask", "werkzeug", "starlette", "fastapi", "django", "tornado", "uvicorn"):
    sys.modules[name] = None
import inngest.asgi, inngest.wsgi, inngest.digital_ocean
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("no", name="users_own"), ModuleNotFoundError("no"), ImportError("no", name="flask")]
)
def test_other_errors_pass_as_they_are(error: ImportError) -> None:
    with pytest.raises(ImportError) as caught, needs("flask"):
        raise error
    assert caught.value is error
