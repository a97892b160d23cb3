"""Says which extra to install when a feature is used whose package is missing. It knows no package by name."""

from __future__ import annotations

from types import TracebackType

_FOR_MUSL = frozenset({"dev-server", "testing"})
"""Extras that hold what cannot be installed on Alpine Linux and other systems with the C library musl. There, the same
with `-musl` at the end does without it."""


def install_command(extra: str) -> str:
    """Return what a user types to install an extra on this machine."""
    import sysconfig  # takes long to load, and is seldom needed

    is_musl = "musl" in str(sysconfig.get_config_var("HOST_GNU_TYPE"))
    return f"pip install 'inngest-suite[{extra}{'-musl' if is_musl and extra in _FOR_MUSL else ''}]'"


class needs:  # noqa: N801 - it reads as a statement: with needs("flask"): from inngest_flask import serve
    """Turn a missing package inside the block into an error that says what to install.

    extra: also the name of its package, where that has one. packages: the others that come with it.
    """

    def __init__(self, extra: str, *packages: str) -> None:
        self._extra = extra
        self._packages = frozenset({extra, *packages})

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in self._packages:
            raise ModuleNotFoundError(
                f"this needs {error.name}, which is not installed: {install_command(self._extra)}",
                name=error.name,
            ) from None
