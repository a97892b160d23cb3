"""step.sleep and step.sleep_until: durations as users give them and as engines read them."""

from __future__ import annotations

import datetime

import inngest

from .case import Build, Call, Case, Expected, Saying, both, error, op, raised, returned

PARIS = datetime.timezone(datetime.timedelta(hours=1))
NAIVE = datetime.datetime(2027, 1, 2, 3, 4, 5, 678000)
NAIVE_ON_THE_WIRE = NAIVE.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.678Z")


def sleeps(duration: object) -> Build:
    """Build a function that sleeps once; the type is left open, because users get it wrong."""

    def sync(ctx: inngest.ContextSync) -> object:
        result = ctx.step.sleep("nap", duration)  # type: ignore[arg-type,func-returns-value]  # pyright: ignore
        return {"slept": result}

    async def asynchronous(ctx: inngest.Context) -> object:
        result = await ctx.step.sleep("nap", duration)  # type: ignore[arg-type,func-returns-value]  # pyright: ignore
        return {"slept": result}

    return both(sync, asynchronous)


def sleeps_until(until: object) -> Build:
    """Build a function that sleeps until a time."""

    def sync(ctx: inngest.ContextSync) -> None:
        ctx.step.sleep_until("nap", until)  # type: ignore[arg-type]  # pyright: ignore

    async def asynchronous(ctx: inngest.Context) -> None:
        await ctx.step.sleep_until("nap", until)  # type: ignore[arg-type]  # pyright: ignore

    return both(sync, asynchronous)


def named(name: str) -> Expected:
    return Expected(body=[op("Sleep", "nap", name=name)])


def refused(*parts: str) -> Expected:
    return raised(error("ConfigError", Saying('step "nap"', *parts), code="config_invalid"), no_retry=True)


milliseconds = Case(build=sleeps(1500), expect=named("1s500ms"))
timedelta = Case(build=sleeps(datetime.timedelta(days=1, hours=2, minutes=3, seconds=4)), expect=named("1d2h3m4s"))
weeks = Case(build=sleeps(datetime.timedelta(weeks=2)), expect=named("2w"))
under_a_millisecond_rounds_down = Case(build=sleeps(datetime.timedelta(microseconds=1)), expect=named("0s"))
zero = Case(build=sleeps(0), expect=named("0s"))
longest = Case(build=sleeps(datetime.timedelta(days=366)), expect=named("52w2d"))
done = Case(build=sleeps(1000), call=Call(steps={"nap": None}), expect=returned({"slept": None}))
negative = Case(build=sleeps(-1), expect=refused("-1", "negative"))
too_long = Case(build=sleeps(datetime.timedelta(days=367)), expect=refused("366 days"))
not_a_duration = Case(build=sleeps("1h"), expect=refused("'1h'", "timedelta"))
boolean_is_no_duration = Case(build=sleeps(True), expect=refused("True"))

until_utc = Case(
    build=sleeps_until(datetime.datetime(2027, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
    expect=named("2027-01-02T03:04:05.000Z"),
)
until_elsewhere = Case(
    build=sleeps_until(datetime.datetime(2027, 1, 2, 3, 4, 5, 999999, tzinfo=PARIS)),
    expect=named("2027-01-02T02:04:05.999Z"),
)
until_naive_is_local_time = Case(build=sleeps_until(NAIVE), expect=named(NAIVE_ON_THE_WIRE))
until_the_past = Case(
    build=sleeps_until(datetime.datetime(1999, 1, 1, tzinfo=datetime.UTC)), expect=named("1999-01-01T00:00:00.000Z")
)
until_done = Case(build=sleeps_until(NAIVE), call=Call(steps={"nap": None}), expect=returned(None))
until_not_a_time = Case(build=sleeps_until("tomorrow"), expect=refused("'tomorrow'", "datetime"))
