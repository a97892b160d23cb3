"""`inngest runs RUN --export FILE`: a run as a file for tests, without what must not be in a repository."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from .errors import CommandError, NotThereError, UsageError
from .remote import Remote
from .runs import Wanted

SECRETS = (
    *("*password*", "*passwd*", "*secret*", "*token*", "*api_key*", "*apikey*", "*auth_key*", "authorization"),
    *("cookie", "set-cookie", "*credential*", "*private_key*", "card_number", "cvc", "cvv", "iban", "ssn"),
)
"""Keys whose values are never exported, in any case of letters; with hyphens as with underscores."""

REDACTED = "[redacted]"


def export(remote: Remote, run_id: str | None, file: Path, patterns: Sequence[str], *, payloads: bool) -> int:
    """Write a run to a file, and say so. patterns: of more keys to redact. payloads: whether values are kept at all."""
    if run_id is None:
        raise UsageError("--export needs the id of the run: inngest runs RUN_ID --export FILE")
    try:
        document = remote.data(f"/v1/runs/{quote(run_id, safe='')}/export")
    except NotThereError:
        raise CommandError(f"there is no run {run_id} at {remote.origin}, or its engine cannot export runs") from None
    redactor = _Redactor([*SECRETS, *patterns], payloads=payloads)
    for event in document["events"]:
        event["data"] = redactor.redact(event.get("data"))
        event.pop("user", None)
    for step in document["steps"]:
        step["memo"] = redactor.redact(step["memo"])
    document["output"] = redactor.redact(document["output"])
    try:
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    count = len(document["steps"])
    steps = f"{count} step{'' if count == 1 else 's'}"
    values = f"{redactor.count} value{'' if redactor.count == 1 else 's'}"
    print(f"exported run {run_id} with {steps} to {file}; {values} redacted")
    return 0


def check_only_export(wanted: Wanted, *, as_json: bool) -> None:
    """Refuse options that say nothing about an export. Raises UsageError."""
    given = [*wanted.given(), *(["--json"] if as_json else [])]
    if given:
        raise UsageError(f"--export writes one run to a file, as JSON; leave {' and '.join(given)} out")


def check_no_export(patterns: Sequence[str], *, no_payloads: bool) -> None:
    """Refuse options of an export when there is none. Raises UsageError."""
    given = [*(["--redact"] if patterns else []), *(["--no-payloads"] if no_payloads else [])]
    if given:
        raise UsageError(f"{' and '.join(given)} say what is exported; add --export FILE")


class _Redactor:
    """Replaces values; count: of those that were. Keys, lengths of lists and kinds of values stay as they are."""

    def __init__(self, patterns: Sequence[str], *, payloads: bool) -> None:
        self._patterns = [_plain(pattern) for pattern in patterns]
        self._payloads = payloads
        self.count = 0

    def redact(self, value: object) -> Any:
        if isinstance(value, dict):
            given = cast("dict[str, object]", value)
            return {key: self._hide(each) if self._is_secret(key) else self.redact(each) for key, each in given.items()}
        if isinstance(value, list):
            return [self.redact(each) for each in cast("list[object]", value)]
        return value if self._payloads or value is None or isinstance(value, bool) else self._hide(value)

    def _is_secret(self, key: str) -> bool:
        return any(fnmatch.fnmatchcase(_plain(key), pattern) for pattern in self._patterns)

    def _hide(self, value: object) -> object:
        if value is None:
            return None
        self.count += 1
        return 0 if isinstance(value, int | float) and not isinstance(value, bool) else REDACTED


def _plain(key: str) -> str:
    return key.lower().replace("-", "_")
