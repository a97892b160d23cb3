"""The names by which routers of Tornado tell that functions are served twice at one path.

Tornado has no hook for whoever makes a rule to see the router that takes it in. But a router asks for each rule whether
it has that name already, and so compares the names of two endpoints when it is made.
"""

from __future__ import annotations

from inngest_core.serving.arguments import refuse_second_endpoint


class Place(str):
    """The path of an endpoint, as the name of its rule; it is found neither by that path nor by any other text."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash((Place, str(self)))

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same one. Raises ConfigError: it is another one at the same path."""
        if self is other:
            return True
        if isinstance(other, Place) and str(self) == str(other):
            refuse_second_endpoint(str(self))
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other
