"""Says which extra to install when a feature is used whose package is missing. It knows no package by name."""

from __future__ import annotations

from types import TracebackType


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
                f"this needs {error.name}, which is not installed: pip install 'inngest-suite[{self._extra}]'",
                name=error.name,
            ) from None
