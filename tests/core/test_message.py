"""An exception in words: cut to a length that is of use, readable whatever its class does, and without users' data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic
import pytest

import inngest
from inngest_core.error_text import cut, headline, leaves, message_of, misfit_of, name_of


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("broken")


class NoTextError(Exception):
    def __str__(self) -> Any:
        return None


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]  # a property is what is to be tried
        raise RuntimeError("no name")


class NamelessError(Exception, metaclass=Meta):
    pass


def test_a_text_is_cut_and_what_is_missing_is_counted() -> None:
    assert cut("x" * 100, 100) == "x" * 100
    assert cut("x" * 1101, 100) == "x" * 60 + "... (1,041 characters more)"
    assert cut("a" * 500 + "b" * 500, 100, end=20) == "a" * 40 + "... (940 characters more)\n" + "b" * 20


@pytest.mark.parametrize("end", [0, 30])
def test_a_cut_text_is_within_the_limit_and_is_not_cut_again(end: int) -> None:
    once = cut("x" * 10**7, 100, end=end)
    assert len(once) <= 100
    assert cut(once, 100, end=end) == once


@pytest.mark.parametrize(
    ("error", "name", "message", "both"),
    [
        (ValueError("boom"), "ValueError", "boom", "ValueError: boom"),
        (ValueError(), "ValueError", "", "ValueError"),
        (KeyError("k"), "KeyError", "'k'", "KeyError: 'k'"),
        (
            UnreadableError(),
            "UnreadableError",
            "(its message cannot be read: RuntimeError)",
            "UnreadableError: (its message cannot be read: RuntimeError)",
        ),
        (NoTextError(), "NoTextError", "(its message cannot be read: TypeError)", None),
        (NamelessError("n"), "Exception", "n", "Exception: n"),
        (inngest.StepError("boom", name="KeyError", step_id="load"), "KeyError", "boom", 'step "load": KeyError: boom'),
        (inngest.StepError("boom", name="KeyError"), "KeyError", "boom", "KeyError: boom"),
        (inngest.StepError("", name="KeyError", step_id="load"), "KeyError", "", 'step "load": KeyError'),
        (type("N" * 1000, (Exception,), {})(), "N" * 160 + "... (840 characters more)", "", None),
    ],
)
def test_name_and_message(error: Exception, name: str, message: str, both: str | None) -> None:
    assert name_of(error) == name
    assert message_of(error) == message
    assert both is None or headline(error) == both


def test_a_long_message_is_cut() -> None:
    error = ValueError("x" * 5_000_000)
    assert message_of(error) == "x" * 8152 + "... (4,991,848 characters more)"
    assert len(headline(error)) < 2100


def test_a_group_names_its_exceptions() -> None:
    inner = ExceptionGroup("inner", [KeyError("k"), inngest.StepError("no", name="OSError", step_id="load")])
    group = ExceptionGroup("outer", [ValueError("a"), inner, ValueError()])
    assert message_of(group) == """outer: ValueError: a; KeyError: 'k'; step "load": OSError: no; ValueError"""
    assert message_of(ExceptionGroup("", [ValueError("a")])) == "ValueError: a"


def test_a_group_of_many_says_how_many_more() -> None:
    group = ExceptionGroup("all", [ValueError(number) for number in range(2000)])
    assert message_of(group) == "all: " + "; ".join(f"ValueError: {n}" for n in range(25)) + "; and 1,975 more"


def test_a_group_of_long_messages_is_cut() -> None:
    group = ExceptionGroup("g" * 10**6, [ValueError("x" * 10**6) for _ in range(1000)])
    assert len(message_of(group)) <= 8192


def test_a_group_takes_linear_time_however_it_is_nested() -> None:
    """Each exception is told once: the last of these holds two to the power of 2000."""
    leaf = ValueError("leaf")
    group: ExceptionGroup[Exception] = ExceptionGroup("g", [leaf])
    for _ in range(2000):
        group = ExceptionGroup("g", [group, group])
    assert leaves(group) == [leaf]
    assert message_of(group) == "g: ValueError: leaf"


class Item(pydantic.BaseModel):
    id: int
    name: str


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]


def refusal(typ: Any, data: object) -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(typ).validate_python(data)
    return caught.value


def test_misfits_name_the_first_places_and_show_no_data() -> None:
    error = refusal(list[Item], [{"id": "hunter2"}] * 1000)
    number = "Input should be a valid integer, unable to parse string as an integer"
    assert misfit_of(error) == (
        f"[0].id: {number}, [0].name: Field required, [1].id: {number}, [1].name: Field required, "
        f"[2].id: {number}, and 1,995 more"
    )
    assert misfit_of(refusal(int, "hunter2"), "data") == f"data: {number}"
    assert misfit_of(refusal(int, "hunter2")) == number
    assert misfit_of(refusal(dict[str, int], {"a b": "x"}), "data") == f"data['a b']: {number}"


def test_misfits_show_no_tag_of_the_data() -> None:
    tagged = Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]
    assert misfit_of(refusal(tagged, {"kind": "hunter2"}), "data") == "data: 'kind' should be one of: 'cat', 'dog'"


def test_misfits_are_cut() -> None:
    error = refusal(dict[str, int], {"k" * 10**6: "x"})
    assert len(misfit_of(error)) <= 300
    assert misfit_of(TypeError("no")) == "no"
    assert misfit_of(TypeError()) == "TypeError"
