"""Every number of the wire contract: sizes, counts and times, in one place. The bundled engine enforces the same ones.

Sizes are in bytes; times say their unit. Nothing here decides what happens when a limit is passed.
"""

from __future__ import annotations

MIB = 1024 * 1024

# Sizes
MAX_EVENT_BYTES = 3 * MIB
MAX_STEP_BYTES = 4 * MIB
"""The output of one step, and the input of one."""
MAX_STATE_BYTES = 32 * MIB
"""The outputs of all steps of a run together."""
MAX_RESPONSE_BYTES = 8 * MIB
"""What an app may answer to one call request."""
MAX_REQUEST_BYTES = 16 * MIB
"""What an app or the bundled engine reads of one request: an engine may send 4 MiB of state and the event twice."""
MAX_CALL_STATE_BYTES = 4 * MIB - 1024
"""With more state than this, a call request leaves the state out and the app asks for it."""
MAX_CALL_BYTES = 4 * MIB
"""With a larger body than this, a call request leaves the events out, too."""
MAX_CANONICAL_BYTES = 8 * 1024
"""The largest body whose canonical form is tried when its raw bytes do not fit the signature. Anybody can ask for
that with a well-formed wrong signature, and it costs about a millisecond for each KiB of the worst body."""

MAX_MESSAGE_BYTES = MIB // 2
"""The data of one realtime message."""

MAX_METADATA_BYTES = 64 * 1024
"""The metadata of one step, all kinds together."""
MAX_RUN_METADATA_BYTES = MIB
"""The metadata of a run and of its steps together."""

MAX_STATE_ANSWER_BYTES = 64 * MIB
"""What an app reads of one answer that holds the memos of a run or its batch of events: twice the largest state."""

# Counts
MAX_EVENTS = 5_000
"""Events in one request."""
MAX_STEPS = 1_000
"""Steps of one run, and ops in one answer."""
MAX_TRIGGERS = 10
MAX_CANCEL = 5
MAX_CONCURRENCY = 2
MAX_CONCURRENCY_OF_RUNS = 1
"""Limits of whole runs, in the newer form that limits runs and steps apart."""
MAX_RETRIES = 20

# Lengths, in characters
MAX_EVENT_NAME = 512
"""In an event that is sent."""
MAX_TRIGGER_NAME = 255
"""In a trigger, a wait, or a cancellation."""

MAX_URL = 16_384
"""In the URL of a request to an app, query included."""

# Times
KEEP_ALIVE_SECONDS = 3.0
"""Between two pieces of white space in a streamed answer."""
SIGNATURE_WINDOW_SECONDS = 300
"""How far the time of a signature may be from now, in either direction."""
MAX_WAIT_SECONDS = 366 * 86_400
"""Of a sleep or a wait."""
MAX_RETRY_AFTER_SECONDS = 86_400


def in_words(limit: int) -> str:
    """Return a number of bytes as messages name it."""
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit // 1024} KiB"
