"""The pytest plugin, in real runs of pytest: fixtures, the mark, settings, and what a failure shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.stage.kit_plugin import PLUGIN_OPTIONS

pytest_plugins = ["pytester"]

SHOP = """
import datetime
import inngest

client = inngest.Inngest(app_id="shop")


@client.create_function(fn_id="checkout", trigger=inngest.TriggerEvent(event="shop/ordered"), retries=1)
def checkout(ctx):
    receipt = ctx.step.run("charge", charge, ctx.event.data.get("order"))
    ctx.step.sleep("cool-off", datetime.timedelta(days=3))
    return receipt


@client.create_function(fn_id="nightly", trigger=inngest.TriggerCron(cron="0 3 * * *"))
async def nightly(ctx):
    return "done"


def charge(order):
    raise ConnectionError("the bank is down")


functions = [checkout, nightly]
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), str(Path(__file__).parents[2])]))
    for name in ("CI", "BUILD_NUMBER"):  # with these, pytest's summary repeats each failure in its full length
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(shop=SHOP)
    return pytester


def run(project: pytest.Pytester, *options: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-p", "no:cacheprovider", *PLUGIN_OPTIONS, *options)


def test_the_engine_is_a_fixture(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import asyncio, datetime
        import inngest, pytest
        from inngest import testing
        from shop import checkout, client, functions, nightly

        NEW_YEAR = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)

        @pytest.mark.inngest(functions, steps={"charge": "paid"}, now=NEW_YEAR)
        def test_sync(inngest_engine):
            client.send_sync(inngest.Event(name="shop/ordered", data={"order": 5}))
            inngest_engine.advance(datetime.timedelta(days=365))
            assert [run.output for run in inngest_engine.runs(checkout)] == ["paid"]
            assert len(inngest_engine.runs(nightly)) == 365
            assert inngest_engine.now == datetime.datetime(2028, 1, 1, tzinfo=datetime.UTC)

        @pytest.mark.inngest(functions, steps={"charge": "paid"})
        def test_async(inngest_async_engine):
            async def main():
                sent = await inngest_async_engine.send(inngest.Event(name="shop/ordered"))
                run = await inngest_async_engine.wait(inngest_async_engine.runs_of(sent)[0])
                assert run.output == "paid"
            asyncio.run(main())

        pytestmark = pytest.mark.inngest(checkout)

        def test_of_the_module(inngest_engine):
            sent = inngest_engine.send(inngest.Event(name="shop/ordered"))
            with pytest.raises(ConnectionError):
                inngest_engine.wait(inngest_engine.runs_of(sent)[0]).output
        """
    )
    run(project).assert_outcomes(passed=3)


def test_what_is_sent_is_a_fixture(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ninngest_app = shop:functions\n")
    project.makepyfile(
        """
        import asyncio, threading
        import inngest, pytest
        from inngest import testing
        from shop import client

        def test_sent(inngest_sent):
            other = inngest.Inngest(app_id="made-later")
            client.send_sync([inngest.Event(name="a", data={"x": 1, "y": 2}), inngest.Event(name="b")])
            asyncio.run(other.send(inngest.Event(name="c", id="one")))
            thread = threading.Thread(target=lambda: client.send_sync(inngest.Event(name="d")))
            thread.start(); thread.join()
            assert [event.name for event in inngest_sent.events] == ["a", "b", "c", "d"]
            inngest_sent.assert_sent("a", data={"x": 1})
            inngest_sent.assert_sent("c", id="one", count=1)
            inngest_sent.assert_not_sent("e")

        def test_drain(inngest_sent):
            client.send_sync(inngest.Event(name="shop/ordered", data={"order": 5}))
            (run,) = inngest_sent.drain(steps={"charge": "paid"})
            assert run.output == "paid"
            inngest_sent.assert_not_sent()

        def test_wrong_data(inngest_sent):
            client.send_sync(inngest.Event(name="shop/ordered", data={"order": 5, "total": 7}))
            inngest_sent.assert_sent("shop/ordered", data={"order": 6, "vip": True})

        def test_too_much(inngest_sent):
            client.send_sync(inngest.Event(name="shop/ordered"))
            inngest_sent.assert_not_sent()
        """
    )
    result = run(project)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            'E *NotSentError: expected to be sent: "shop/ordered" with data = {"order": 6, "vip": true}',
            'E *the nearest "shop/ordered" differs: data.order is 5, not 6; it has no data.vip',
            "E *sent were:",
            'E *  shop/ordered  {"order": 5, "total": 7}',
            "E *NotSentError: expected no event to be sent; sent were:",
        ]
    )


def test_a_failure_shows_the_run(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from inngest import testing
        from shop import checkout

        def test_output():
            assert testing.run(checkout).output == "paid"

        def test_status():
            run = testing.run(checkout)
            assert run.status == "completed"

        def test_run():
            assert testing.run(checkout) == "paid"
        """
    )
    result = run(project)
    result.assert_outcomes(failed=3)
    text = result.stdout.str()
    assert "ConnectionError: the bank is down" in text
    assert "def charge(order):" in text, "the traceback leads to what raised"
    result.stdout.fnmatch_lines(
        [
            "E *the comparison == of this run failed:",
            "E *shop-checkout  failed in *",
            "E *>      0.00 s  charge: attempt 1 failed: ConnectionError: the bank is down",
        ]
    )


def test_a_failure_shows_the_runs_that_it_does_not_show_itself(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import inngest, pytest
        from inngest import testing
        from shop import checkout, client, functions

        def test_status():
            run = testing.run(checkout)
            assert run.status is testing.Status.COMPLETED

        @pytest.mark.inngest(functions)
        def test_typo(inngest_engine):
            inngest_engine.send(inngest.Event(name="shop/ordered"))
            client.send_sync(inngest.Event(name="shop/order", data={"order": 5}))
            (run, other) = inngest_engine.runs(checkout)

        def test_no_app(inngest_engine):
            client.send_sync(inngest.Event(name="shop/ordered"))
            assert inngest_engine.runs()

        def test_sent(inngest_sent):
            client.send_sync(inngest.Event(name="shop/ordered", data={"order": 5}))
            assert inngest_sent.drain(functions)[0].output == "paid"

        def test_that_passes():
            testing.run(checkout)
        """
    )
    result = run(project)
    result.assert_outcomes(failed=4, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ test_status _*",
            "*- inngest -*",
            "*shop-checkout  failed in *",
            '*started by "shop/ordered" {}',
            ">      0.00 s  charge: attempt 1 failed: ConnectionError: the bank is down",
            "*_ test_typo _*",
            '"shop/order" {"order": 5} started no run; did you mean "shop/ordered"[?]',
            "*_ test_no_app _*",
            "the engine calls no functions; name an app by @pytest.mark.inngest(app), or by the setting inngest_app",
            "*_ test_sent _*",
            "E *ConnectionError: the bank is down",
            "sent were:",
            '  shop/ordered  {"order": 5}',
        ]
    )


def test_stubs_that_the_engine_never_used(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import inngest, pytest
        from shop import checkout

        @pytest.mark.inngest(checkout, steps={"refund": 1})
        def test_it(inngest_engine):
            inngest_engine.send(inngest.Event(name="shop/ordered"))
            inngest_engine.settle()
        """
    )
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ['E *a stub was given for "refund", but no such step was met', 'E *the steps that were met: "charge"']
    )


def test_a_run_is_shown_once(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        from inngest import testing
        from shop import checkout

        def test_it():
            testing.run(checkout, steps={"charge": "paid", "refund": 1})
        """
    )
    text = run(project).stdout.str()
    assert text.count('started by "shop/ordered"') == 1
    assert "in unwrap" not in text


def test_settings_are_shown_and_checked(project: pytest.Pytester) -> None:
    text = run(project, "--help").stdout.str()
    for setting in ("inngest_app (linelist)", "inngest_path (string)", "inngest_replay (bool)", "--inngest-no-replay"):
        assert setting in text, setting
    assert "@pytest.mark.inngest(*apps, steps=None" in run(project, "--markers").stdout.str()
    project.makepyfile(
        """
        import pytest

        @pytest.mark.inngest(stubs={})
        def test_it(inngest_engine):
            pass

        @pytest.mark.inngest(crash_after="charge")
        def test_fault(inngest_engine):
            pass

        def test_drain(inngest_sent):
            inngest_sent.drain()
        """
    )
    result = run(project)
    text = result.stdout.str()
    assert "@pytest.mark.inngest has no 'stubs'; it takes apps and now, path, replay, signing_key, steps" in text
    assert "@pytest.mark.inngest has no 'crash_after': faults are for one run; give it to testing.run" in text
    assert "sent.drain() does not know what to run; give it functions or an app, or mark the test" in text


def test_an_app_that_cannot_be_loaded(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\ninngest_app = shop:nothing\n")
    project.makepyfile("def test_it(inngest_engine):\n    pass\n")
    result = run(project)
    assert (
        "inngest_app is 'shop:nothing', which cannot be loaded: module 'shop' has no attribute" in result.stdout.str()
    )


def test_the_plugin_loads_nothing_before_it_is_used(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import sys

        def test_it():
            loaded = [name for name in sys.modules if name.startswith("inngest")]
            assert set(loaded) <= {"inngest_testing", "inngest_testing.plugin"}
        """
    )
    run(project).assert_outcomes(passed=1)


def test_workers_of_xdist_do_not_meet(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import pytest
        from inngest import testing
        from shop import checkout

        @pytest.mark.parametrize("number", range(6))
        def test_it(number):
            assert testing.run(checkout, steps={"charge": number}).output == number
        """
    )
    run(project, "-n", "2").assert_outcomes(passed=6)


def test_the_extra_is_all_that_it_takes(project: pytest.Pytester) -> None:
    """Without the web servers and the tools of the extra `dev-server`."""
    project.makeconftest(
        """
        import sys

        MISSING = {"uvicorn", "starlette", "waitress", "wsproto", "graphql", "watchfiles", "websockets", "flask"}

        class Missing:
            def find_spec(self, name, path=None, target=None):
                if name in MISSING:
                    raise ModuleNotFoundError(f"no {name}", name=name)

        sys.meta_path.insert(0, Missing())
        """
    )
    project.makepyfile(
        """
        import inngest
        from shop import checkout, client

        def test_it(inngest_engine, inngest_sent):
            client.send_sync(inngest.Event(name="shop/ordered"))
            (run,) = inngest_sent.drain(checkout, steps={"charge": "paid"})
            assert run.output == "paid"
        """
    )
    run(project, "-p", "no:flask").assert_outcomes(passed=1)


def test_outcomes_of_the_test_inside_of_functions(project: pytest.Pytester) -> None:
    """A time-out ends a test once and for all, though the function that blocks would be tried again."""
    project.makepyfile(
        """
        import asyncio, threading
        import inngest, pytest
        from inngest import testing
        from shop import checkout, client

        def make(fn_id, handler):
            return client.create_function(fn_id=fn_id, trigger=inngest.TriggerEvent(event="a"))(handler)

        def blocks(ctx):
            threading.Event().wait()

        async def skips(ctx):
            await ctx.step.run("skip", lambda: pytest.skip("not here"))

        @pytest.mark.timeout(1, method="signal")
        def test_time_out():
            testing.run(make("blocks", blocks))

        def test_stub_that_must_not_be_called():
            testing.run(checkout, steps={"charge": lambda order: pytest.fail("charged")})

        @pytest.mark.parametrize("replay", [True, False])
        def test_skipped_in_a_step(replay):
            with testing.Engine(make("skips", skips), replay=replay) as engine:
                engine.send(inngest.Event(name="a"))
                engine.settle()

        def test_skipped_in_an_async_test():
            asyncio.run(testing.run_async(make("skips", skips)))
        """
    )
    result = run(project)
    result.assert_outcomes(failed=2, skipped=3)
    result.stdout.fnmatch_lines(["E *Failed: Timeout*", "E *Failed: charged"])


def test_tracebacks_lead_from_the_test_to_the_app(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import inngest, pytest
        from inngest import testing
        from shop import checkout

        LATE = OSError("too late")

        def test_output_that_was_read_before():
            run = testing.run(checkout)
            with pytest.raises(ConnectionError):
                run.steps["charge"].output
            assert run.output == "paid"

        def test_stub_that_raises():
            assert testing.run(checkout, steps={"charge": LATE}).output == "paid"

        def test_the_same_in_another_run():
            assert testing.run(checkout, steps={"charge": LATE}).output == "paid"

        def test_wrong_stub():
            testing.run(checkout, steps={"charge": "paid", "pack": 1})

        def test_failed_before_a_stub():
            testing.run(checkout, steps={"pack": 1})

        def test_wrong_kind():
            testing.run(checkout, 5)

        @pytest.mark.inngest(checkout, steps={"charge": testing.TIMEOUT})
        def test_engine(inngest_engine):
            run = inngest_engine.send(inngest.Event(name="shop/ordered"))
            inngest_engine.settle()

        def test_engine_of_none():
            with testing.Engine([checkout, len]):
                pass

        @pytest.mark.anyio
        @pytest.mark.inngest(checkout, steps={"charge": testing.TIMEOUT})
        async def test_async_engine(inngest_async_engine):
            await inngest_async_engine.send(inngest.Event(name="shop/ordered"))
            await inngest_async_engine.settle()

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
        """
    )
    result = run(project, "--show-capture=no", "--tb=short")
    result.assert_outcomes(failed=9)
    frames = [line.partition(": in ")[2] for line in result.outlines if ": in " in line]
    assert frames == [
        *("test_output_that_was_read_before", "charge"),
        "test_stub_that_raises",
        "test_the_same_in_another_run",
        "test_wrong_stub",
        *("charge", "test_failed_before_a_stub"),  # the error that the run failed with comes first
        "test_wrong_kind",
        "test_engine",
        "test_engine_of_none",
        "test_async_engine",
    ]
    text = result.stdout.str()
    assert "no such step was met; the run failed first" in text
    assert text.count("shop-checkout  failed in 1.00 s") == 4, "each run that failed by itself is shown once"
