"""The headers of a request, read where they are asked for: a call has twenty, and needs three of them.

Knows no header by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

from .messages import MAX_CACHED_KEY

_MAX_NAMES = 1024

D = TypeVar("D")
G = TypeVar("G")
S = TypeVar("S", str, bytes)


class Headers(Mapping[str, str], Generic[G]):
    """Headers by lower-case names, of what a server gave.

    A dictionary of all is made when it is needed. Heirs say how, and may have a `get` that does without it.
    """

    __slots__ = ("_given", "_whole")

    def __init__(self, given: G) -> None:
        self._given = given
        self._whole: dict[str, str] | None = None

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | D) -> str | D: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        """Return a header; *default* when there is none of that name."""
        return self.whole.get(key, default)

    def read(self, given: G) -> dict[str, str]:
        """Return all headers; where two have the same name, that which `get` returns."""
        raise NotImplementedError

    @property
    def whole(self) -> dict[str, str]:
        """All headers."""
        if self._whole is None:
            self._whole = self.read(self._given)
        return self._whole

    def __getitem__(self, key: str) -> str:
        return self.whole[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole)

    def __len__(self) -> int:
        return len(self.whole)

    def __contains__(self, key: object) -> bool:
        return key in self.whole

    def __repr__(self) -> str:
        return repr(self.whole)


class Spelled(dict[str, S]):
    """How some names are spelled elsewhere; the first ones that are met are kept, for these come again."""

    def spell(self, name: str) -> S:
        """Return how a name is spelled."""
        raise NotImplementedError

    def __missing__(self, key: str) -> S:
        spelled = self.spell(key)
        if len(self) < _MAX_NAMES and len(key) <= MAX_CACHED_KEY:
            self[key] = spelled
        return spelled
