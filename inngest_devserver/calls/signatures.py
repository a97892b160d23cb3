"""Signs requests to apps, and checks that answers come from an app that has the key.

While keys are being changed, some apps know the new key and others only the old one: which one an app knows is found
out by asking, and kept for its origin. No I/O, no clock.
"""

from __future__ import annotations

import urllib.parse

from inngest_core.errors import InngestError
from inngest_core.protocol.signing import SigningKey, SigningKeys, verify
from inngest_core.protocol.wire import Header

from .reply import Answer


class Signatures:
    """keys: None signs nothing. checks_answers: whether an answer counts only when it is signed."""

    def __init__(self, keys: SigningKeys | None, *, checks_answers: bool = False) -> None:
        self._keys = keys
        self._checks_answers = checks_answers and keys is not None
        self._known: dict[str, SigningKey] = {}
        """The fallback key, by the origins of apps that took it after they had refused the other one."""

    def to_try(self, url: str) -> tuple[SigningKey | None, ...]:
        """Return the keys to sign a request to *url* with, the likeliest first; None is no signature."""
        if self._keys is None:
            return (None,)
        first = self._known.get(_origin(url), self._keys.key)
        return (first, *(key for key in self._keys.each() if key is not first))

    def worked(self, url: str, key: SigningKey | None) -> None:
        """Note that the app at *url* took a request that was signed with *key*."""
        if self._keys is None or key is None:
            return
        if key is self._keys.key:
            self._known.pop(_origin(url), None)
        else:
            self._known[_origin(url)] = key

    def refusal(self, answer: Answer, now: float) -> str:
        """Return why a successful *answer* must not be believed at the Unix time *now*; empty when it may be."""
        if not self._checks_answers or self._keys is None:
            return ""
        header = answer.headers.get(Header.SIGNATURE)
        if not header:
            return (
                f"the answer ({answer.status}) is not signed: the app has no signing key or is in dev mode, "
                "or something between it and this engine answered instead"
            )
        # Engines leave the last line break out of what was signed.
        bodies = (answer.body, answer.body[:-1]) if answer.body.endswith(b"\n") else (answer.body,)
        said = ""
        for body in bodies:
            try:
                verify(body, header, self._keys, now=now)
            except InngestError as error:
                said = said or error.message
            else:
                return ""
        return f"the signature of the answer ({answer.status}) is not valid: {said}"


def _origin(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
