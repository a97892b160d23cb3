"""What the metadata of steps says of models and tokens, for people. Asks no engine, and reads that of any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .json_parts import mapping, mappings, one_line

KIND = "inngest.ai"
"""The kind of metadata that tells of models and tokens."""
_LONGEST_COUNT = 16
"""Digits of a number of tokens."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What models were asked. answers: how many they gave. models: in the order in which they were asked first.

    tokens: how many there were, in and out.
    """

    answers: int
    models: tuple[str, ...]
    tokens_in: int
    tokens_out: int

    @property
    def tokens(self) -> str:
        """How many tokens there were, in words."""
        return f"{self.tokens_in:,} tokens in, {self.tokens_out:,} out"

    def __str__(self) -> str:
        return f"{', '.join(self.models)}: {self.tokens}" if self.models else self.tokens


def usage_of(metadata: Iterable[Mapping[str, Any]]) -> Usage | None:
    """Return what metadata says of models and tokens together; None when it says nothing of them."""
    values = [mapping(each.get("values")) for each in metadata if each.get("kind") == KIND]
    if not values:
        return None
    models = dict.fromkeys(model for each in values if (model := _model(each)))
    tokens_in, tokens_out = (sum(_count(each.get(f"{way}_tokens")) for each in values) for way in ("input", "output"))
    return Usage(len(values), tuple(models), tokens_in, tokens_out)


def all_metadata(spans: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the metadata of spans, as `/api/v2` shows them."""
    for span in spans:
        yield from mappings(span.get("metadata"))


def _model(values: Mapping[str, Any]) -> str:
    """Return the model that has answered, as its provider calls it, else the one that was asked."""
    model = values.get("response_model") or values.get("request_model")
    return one_line(model) if isinstance(model, str) else ""


def _count(value: object) -> int:
    """Return a number of tokens, which may be told as a text; 0 for anything else."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_COUNT else 0
