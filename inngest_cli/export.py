"""`inngest runs RUN --export FILE`: a run as a file for tests, without secrets, which the engine takes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from inngest_devserver.json_parts import mapping

from .errors import CommandError, NotThereError, UsageError
from .remote import Remote
from .runs import Wanted


def export(remote: Remote, run_id: str | None, file: Path, patterns: Sequence[str], *, payloads: bool) -> int:
    """Write a run to a file, and say so. patterns: of more keys to redact. payloads: whether values are kept at all."""
    if run_id is None:
        raise UsageError("--export needs the id of the run: inngest runs RUN_ID --export FILE")
    query = [*(("redact", pattern) for pattern in patterns), ("payloads", "true" if payloads else "false")]
    try:
        found = mapping(remote.data(f"/api/v2/runs/{quote(run_id, safe='')}/export", query))
    except NotThereError:
        raise CommandError(f"there is no run {run_id} at {remote.origin}, or its engine cannot export runs") from None
    document, redacted = found["document"], found["redacted"]
    try:
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    count = len(document["steps"])
    steps = f"{count} step{'' if count == 1 else 's'}"
    values = f"{redacted} value{'' if redacted == 1 else 's'}"
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
