"""A user's app in a process of its own: how it starts, what it says when it cannot, and that it always ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from inngest_devserver.hosting.endpoints import Endpoint, HostError
from inngest_devserver.hosting.host import AppHost, child_environ

from .hosting import ANSWER, ASGI_APP, ENGINE, WSGI_APP, host_of, hosted, write

pytestmark = pytest.mark.live

APPS = pytest.mark.parametrize("source", [ASGI_APP, WSGI_APP], ids=["asgi", "wsgi"])


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310
        return str(response.read().decode())


def failure(host: AppHost) -> str:
    """Return what start() says, having seen that the child is gone."""

    async def start() -> str:
        with pytest.raises(HostError) as caught:
            await host.start()
        assert not is_alive(host.pid)
        return str(caught.value)

    return asyncio.run(start())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@APPS
def test_start_says_where_the_app_serves_and_stop_ends_it(tmp_path: Path, source: str) -> None:
    async def go() -> None:
        host = host_of(tmp_path, source)
        await host.stop()
        async with hosted(host):
            assert host.endpoints == (Endpoint("/api/inngest", "dev", 2),)
            assert host.serve_urls == (f"{host.origin}/api/inngest",)
            assert host.warnings == ()
            assert await asyncio.to_thread(read, host.serve_urls[0]) == ANSWER
            assert await asyncio.to_thread(read, f"{host.origin}/") == ENGINE
            assert is_alive(host.pid)
        assert not is_alive(host.pid)
        # It is killed where a busy machine gives it no time to end; how it ends by itself is tested below, by hand.
        assert await host.wait() in (0, -signal.SIGKILL)
        await host.stop()

    asyncio.run(go())


@APPS
def test_path_is_taken_instead_of_found(tmp_path: Path, source: str) -> None:
    async def go() -> None:
        async with hosted(host_of(tmp_path, source, path="/elsewhere")) as host:
            assert host.serve_urls == (f"{host.origin}/elsewhere",)

    asyncio.run(go())


def test_a_path_where_nothing_serves(tmp_path: Path) -> None:
    said = failure(host_of(tmp_path, ASGI_APP, path="/nowhere"))
    assert said == "shop does not serve functions at --path /nowhere: status 200, not from an Inngest SDK"


def test_an_app_without_functions(tmp_path: Path) -> None:
    said = failure(host_of(tmp_path, ASGI_APP.replace("x-inngest-sdk", "x-other")))
    assert "no functions found in shop" in said
    assert "called no inngest serve()" in said
    assert "/api/inngest (status 200, not from an Inngest SDK)" in said
    assert "--path" in said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shap", "there is no module 'shap' in {folder}; did you mean shop?"),
        ("shop:ap", "module 'shop' has no 'ap'; did you mean shop:app?"),
        ("shop.py", "'shop.py' names a file; write a module, as in shop:app"),
    ],
)
def test_a_target_that_cannot_be_loaded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    assert failure(host_of(tmp_path, ASGI_APP, target=target)).startswith(said.format(folder=tmp_path))
    assert "Traceback" not in capfd.readouterr().err


def test_a_crash_at_import_shows_the_users_traceback_and_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert failure(host_of(tmp_path, "1 / 0")) == "importing shop failed: ZeroDivisionError: division by zero"
    shown = capfd.readouterr().err
    assert "shop.py" in shown
    assert "inngest_devserver" not in shown
    assert "importlib" not in shown


def test_an_app_that_ends_at_import(tmp_path: Path) -> None:
    assert failure(host_of(tmp_path, "raise SystemExit('bye')")) == "importing shop failed: SystemExit: bye"
    assert failure(host_of(tmp_path, "import os; os._exit(7)")) == "shop ended with exit code 7 before it served"


def test_a_failing_lifespan(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = """
        async def app(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})
    """
    assert failure(host_of(tmp_path, source)) == "shop failed at start-up: its lifespan raised, see above"
    assert "no database" in capfd.readouterr().err


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = failure(host_of(tmp_path, ASGI_APP, port=port))
    assert said == f"the app cannot listen on port {port}: Address already in use; choose another --app-port"


def blocking(source: str, path: str) -> str:
    """Return *source* with an app that never answers /block."""
    block = f'if {path} == "/block": import time; print("in", flush=True); time.sleep(600)'
    return source.replace("    found = ", f"    {block}\n    found = ")


BLOCKED = {
    "asgi loop": blocking(ASGI_APP, 'scope["path"]'),
    "wsgi thread": blocking(WSGI_APP, 'environ["PATH_INFO"]'),
}

PARENT = f"""
import asyncio, sys
from inngest_devserver.hosting.host import AppHost

async def main():
    host = AppHost("shop", engine_origin="{ENGINE}")
    await host.start()
    print(host.origin, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def start_parent(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PARENT], cwd=folder, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kind", BLOCKED)
def test_a_blocked_app_is_ended(tmp_path: Path, kind: str) -> None:
    async def go() -> None:
        host = host_of(tmp_path, BLOCKED[kind])
        async with hosted(host):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(host.origin.rpartition(":")[2]))
            writer.write(b"GET /block HTTP/1.1\r\nhost: x\r\n\r\n")
            await writer.drain()
            loop = asyncio.get_running_loop()
            before = loop.time()
            await host.stop()
            assert loop.time() - before < 10
            assert not is_alive(host.pid)
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.close()

    asyncio.run(go())


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL elsewhere")
@pytest.mark.parametrize("kind", BLOCKED)
def test_the_app_ends_when_the_parent_is_killed(tmp_path: Path, kind: str) -> None:
    write(tmp_path, BLOCKED[kind])
    with start_parent(tmp_path) as parent:
        assert parent.stdout is not None
        origin = parent.stdout.readline()
        with socket.create_connection(("127.0.0.1", int(origin.rpartition(":")[2]))) as caller:
            caller.sendall(b"GET /block HTTP/1.1\r\nhost: x\r\n\r\n")
            assert parent.stdout.readline() == "in\n"
            parent.send_signal(signal.SIGKILL)
            assert parent.stdout.read() == ""  # the app holds the other end until it is gone


def test_the_app_ends_when_the_parent_is_killed_while_it_imports(tmp_path: Path) -> None:
    write(tmp_path, "import time; print('importing', flush=True); time.sleep(600)")
    with start_parent(tmp_path) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "importing\n"
        parent.kill()
        assert parent.stdout.read() == ""


def test_cancelling_the_start_ends_the_app(tmp_path: Path) -> None:
    async def go() -> None:
        host = host_of(tmp_path, "import time; open('importing', 'w').close(); time.sleep(600)")
        start = asyncio.create_task(host.start())
        while not (tmp_path / "importing").exists():
            await asyncio.sleep(0.01)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        assert not is_alive(host.pid)

    asyncio.run(go())


def test_wait_returns_when_the_app_ends_by_itself(tmp_path: Path) -> None:
    source = ASGI_APP.replace("    found = ", '    if scope["path"] == "/end": os._exit(3)\n    found = ')

    async def go() -> None:
        async with hosted(host_of(tmp_path, source)) as host:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(read, f"{host.origin}/end")
            assert await host.wait() == 3

    asyncio.run(go())


def test_output_of_the_app_passes_through_and_it_is_told_of_no_keyboard(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def go() -> None:
        async with hosted(host_of(tmp_path, "print('hello from the app')\n" + ASGI_APP)) as host:
            os.kill(host.pid, signal.SIGINT)
            assert await asyncio.to_thread(read, host.serve_urls[0]) == ANSWER

    asyncio.run(go())
    assert "hello from the app" in capfd.readouterr().out


@pytest.mark.parametrize("given", [None, "", "1", "true", "True", ENGINE, f"{ENGINE}/", "http://localhost:1"])
def test_the_app_is_pointed_at_the_engine(given: str | None) -> None:
    environ, warnings = child_environ({} if given is None else {"INNGEST_DEV": given}, ENGINE)
    assert environ["INNGEST_DEV"] in (ENGINE, given)
    assert environ["INNGEST_DEV"].startswith("http")
    assert warnings == ()


@pytest.mark.parametrize(
    ("name", "value"), [("INNGEST_DEV", "0"), ("INNGEST_DEV", "http://other:8288"), ("INNGEST_BASE_URL", "http://x")]
)
def test_what_the_user_has_set_is_kept_with_a_warning(name: str, value: str) -> None:
    environ, warnings = child_environ({name: value, "OTHER": "1"}, ENGINE)
    assert environ[name] == value
    assert environ["OTHER"] == "1"
    assert len(warnings) == 1
    assert f"{name}={value} is kept" in warnings[0]
    assert ENGINE in warnings[0]


def test_started_by_hand_it_prints_what_it_would_tell(tmp_path: Path) -> None:
    write(tmp_path, ASGI_APP)
    arguments = [sys.executable, "-W", "error", "-m", "inngest_devserver.hosting.host", "shop"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        report = json.loads(child.stderr.readline())
        assert report["endpoints"] == [{"path": "/api/inngest", "mode": "dev", "function_count": 2}]
        child.terminate()
        assert child.wait() == 0
