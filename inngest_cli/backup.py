"""`inngest backup FILE`: a copy of all that a running engine keeps, as a file to start another engine with."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from .errors import CommandError
from .remote import Remote


def backup(remote: Remote, file: Path, *, as_json: bool) -> int:
    """Write the copy to *file*, in place of an older one, and say so. Raises CommandError: *file* is as it was."""
    file = file.absolute()
    try:
        handle, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        partial = Path(name)
        try:
            with os.fdopen(handle, "wb") as target:
                size = remote.download("/v1/backup", "application/vnd.sqlite3", target)
                target.flush()
                os.fsync(target.fileno())
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from None
    if as_json:
        print(json.dumps({"file": str(file), "bytes": size}))
    else:
        print(f"{size} bytes of the engine at {remote.origin} are in {file}")
    return 0
