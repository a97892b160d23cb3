"""Hides the values of fields whose names look like secrets from whoever looks. Changes no value that is kept."""

from __future__ import annotations

import fnmatch
import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

SECRETS = (
    *("*password*", "*passwd*", "*secret*", "*token*", "*api_key*", "*apikey*", "*auth_key*", "authorization"),
    *("cookie", "set-cookie", "*credential*", "*private_key*", "*signing_key*", "*access_key*"),
    *("card_number", "cvc", "cvv", "iban", "ssn"),
)
"""Names of fields, as patterns, in any case of letters; with hyphens as with underscores."""
MASK = "[masked]"
TOO_DEEP = "[nested too deeply to be shown]"
_DEEPEST = 100
"""Objects and lists within each other that are shown: those who look, and their programs, have a limit, too."""
CUT = "…"
_FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"?|[\[{]|[^\s,\]}"]+)')
"""A field in JSON text, with its value, or with the beginning of it."""
_IN_LINE = re.compile(r"""(?<![\w-])([\w-]{1,100}+)["']?\s*+[=:]\s*+""")
"""The name of a field in a line of text, up to its value: which may be another field, as in `failed: password=x`."""
_VALUE_IN_LINE = re.compile(
    r"""(?:bearer|basic)\s+\S+|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&?)}\]]+""", re.IGNORECASE
)
_MOST_NAMES = 10_000
"""Names of fields that are remembered as secret or not."""


@functools.lru_cache(maxsize=16)
def _compile(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return what matches the names that any of the patterns does; None for no patterns."""
    alternatives = [fnmatch.translate(_plain(pattern)) for pattern in patterns]
    return re.compile("|".join(alternatives)) if alternatives else None


class Masking:
    """patterns: names of fields whose values are hidden, such as `password` or `*_token`; none hides nothing."""

    def __init__(self, patterns: Iterable[str] = SECRETS) -> None:
        self.patterns = tuple(patterns)
        self._pattern = _compile(self.patterns)
        self._known: dict[str, bool] = {}

    def hides(self, name: str) -> bool:
        """Tell whether the value of a field of this name is hidden."""
        if self._pattern is None:
            return False
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _MOST_NAMES:
                self._known.clear()
            known = self._known[name] = self._pattern.match(_plain(name)) is not None
        return known

    def mask(self, value: object) -> Any:
        """Return a JSON value without what is to be hidden; null stays null, as it tells nothing.

        What is nested more than a hundred levels deep is not shown either.
        """
        return self._mask(value, _DEEPEST)

    def _mask(self, value: object, levels: int) -> Any:
        if not isinstance(value, dict | list):
            return value
        if not levels:
            return TOO_DEEP
        if isinstance(value, list):
            return [self._mask(each, levels - 1) for each in cast("list[object]", value)]
        return {
            name: MASK if each is not None and self.hides(name) else self._mask(each, levels - 1)
            for name, each in cast("dict[str, object]", value).items()
        }

    def mask_event(self, body: bytes) -> dict[str, Any]:
        """Return the body of an event as an object; with a text as its data where the body cannot be read as JSON."""
        shown: Any = self.mask_json(body)
        return cast("dict[str, Any]", shown) if isinstance(shown, dict) else {"data": shown}

    def mask_json(self, body: bytes, *, is_whole: bool = True) -> Any:
        """Return the value of a JSON body without what is to be hidden; a text of it where it is cut or no JSON."""
        text = body.decode("utf-8", "replace")
        if is_whole:
            try:
                return self.mask(json.loads(text))
            except (ValueError, RecursionError):
                return self.mask_text(text)
        return self.mask_text(text) + CUT

    def mask_text(self, text: str) -> str:
        """Return JSON text, which may be cut anywhere, without what is to be hidden.

        Where an object or a list is to be hidden, the text ends, as nobody knows where that does.
        """
        shown: list[str] = []
        place = 0
        for field in _FIELD.finditer(text):
            if field.start() < place or not self.hides(field[1]):
                continue
            shown += (text[place : field.start(2)], f'"{MASK}"')
            place = field.end()
            if field[2] in ("[", "{"):
                return "".join(shown) + CUT
        return "".join(shown) + text[place:]

    def mask_line(self, line: str) -> str:
        """Return a line of a log without values of fields, as in `password=x`, `"password": "x"`, `{'token': 'x'}`."""
        shown: list[str] = []
        place = 0
        for field in _IN_LINE.finditer(line):
            if field.start() < place or not self.hides(field[1]):
                continue
            value = _VALUE_IN_LINE.match(line, field.end())
            if value is not None:
                shown += (line[place : field.end()], MASK)
                place = value.end()
        return "".join(shown) + line[place:]

    def restore(self, value: object, original: object) -> Any:
        """Return *value* with what is masked in it taken from *original*, where that has the field.

        For somebody who has edited what was shown, and gives it back.
        """
        unchanged: Any = value
        if value == TOO_DEEP and isinstance(original, dict | list):
            return cast("object", original)
        if isinstance(value, dict) and isinstance(original, dict):
            given, kept = cast("dict[str, object]", value), cast("Mapping[str, object]", original)
            return {name: self._restored(name, each, kept) for name, each in given.items()}
        if isinstance(value, list) and isinstance(original, list):
            items, originals = cast("list[object]", value), cast("list[object]", original)
            known = [*originals, *[None] * max(len(items) - len(originals), 0)]
            return [self.restore(each, known[number]) for number, each in enumerate(items)]
        return unchanged

    def _restored(self, name: str, value: object, kept: Mapping[str, object]) -> Any:
        if name not in kept:
            return value
        return kept[name] if value == MASK and self.hides(name) else self.restore(value, kept[name])


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")
