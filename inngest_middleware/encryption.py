"""Encrypts what steps and functions return, and one field of event data, so that no engine can read it.

The envelope and the cipher are those of the other SDKs: XSalsa20-Poly1305 of the JSON, with the BLAKE2b hash of the
secret as its key. Keys and plain values never appear in a message. See docs/protocol.md#encryption.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from inngest_core.error_text import kind_of
from inngest_core.errors import ConfigError, InngestError
from inngest_core.events.event import Event
from inngest_core.middleware.base import MiddlewareSync
from inngest_core.middleware.values import Invocation, StepMemos, TransformOutputResult
from inngest_core.values.serializer import Serializer, dump

ENCRYPTED = "__ENCRYPTED__"
STRATEGY = "__STRATEGY__"
LIBSODIUM = "inngest/libsodium"
DATA = "data"
DEFAULT_FIELD = "encrypted"
SYSTEM_EVENTS = "inngest/function."
"""Events about the end of a run begin with this; they hold the run's events, and its result."""


class DecryptionError(InngestError):
    """Data is encrypted with none of the known keys, or was changed."""

    code = "decryption_failed"


class EncryptionMiddleware(MiddlewareSync):
    """Encrypts outputs and event data; give `EncryptionMiddleware.factory(secret)` to a client."""

    @classmethod
    def factory(
        cls,
        secret_key: str | bytes,
        *,
        decrypt_only: bool = False,
        event_encryption_field: str | None = None,
        fallback_decryption_keys: Sequence[str | bytes] | None = None,
    ) -> Callable[[Any, object], EncryptionMiddleware]:
        """Return what to give to a client as middleware.

        secret_key: encrypts, and decrypts. Any text, of which the key is made; or bytes, which are the key itself, as
            64 hexadecimal digits.
        decrypt_only: read what is encrypted, and encrypt nothing: the first step of a rollout, and the last of a
            retreat.
        event_encryption_field: the field of event data that is encrypted; "encrypted" by default. All other fields
            stay readable, for triggers and expressions.
        fallback_decryption_keys: older keys that still decrypt.
        Raises ConfigError: a key that cannot be used, or another argument of the wrong type.
        """
        keyring = Keyring([secret_key, *_read_keys(fallback_decryption_keys)])
        field = _read_field(event_encryption_field)
        if not isinstance(cast("object", decrypt_only), bool):  # "no" and "false" would be taken for True
            raise ConfigError(f"decrypt_only is {decrypt_only!r}; give True or False")
        return lambda client, raw_request: cls(client, raw_request, keyring, field, decrypt_only=decrypt_only)

    def __init__(
        self, client: Any, raw_request: object, keyring: Keyring, field: str, *, decrypt_only: bool = False
    ) -> None:
        """client, raw_request: as of any middleware. keyring, field, decrypt_only: as `factory` makes them."""
        super().__init__(client, raw_request)
        self._keyring = keyring
        self._field = field
        self._encrypts = not decrypt_only
        self.records_step_inputs = decrypt_only

    def transform_input(self, ctx: Any, function: Any, steps: StepMemos) -> None:
        """Decrypt the results of finished steps, and the data of the events."""
        for memo in steps.values():
            data: object = memo.data
            if isinstance(data, dict):
                memo.data = self._decrypt_fields(cast("dict[str, Any]", data), "the result of a step")
        distinct = {id(event): event for event in [ctx.event, *ctx.events]}
        decrypted = {key: self._decrypt_event(event) for key, event in distinct.items()}
        ctx.event, ctx.events = decrypted[id(ctx.event)], [decrypted[id(event)] for event in ctx.events]

    def transform_output(self, result: TransformOutputResult) -> None:
        """Encrypt what a step or the function returned; null stays null."""
        if not self._encrypts or not result.has_output() or result.output is None:
            return
        what = "the function's output" if result.step is None else f'step "{result.step.id}": output'
        try:
            result.output = self._keyring.encrypt(result.output, self.client.serializer, what=what)
        except InngestError as error:  # of the value, as without encryption: it is the step that fails
            result.error = error

    def before_send_events(self, events: list[Event]) -> None:
        """Encrypt the field of each event; the caller's own events stay as they are."""
        if self._encrypts:
            events[:] = [
                event.model_copy(update={DATA: self._encrypt_field(event.data, f'event "{event.name}"')})
                for event in events
            ]

    def before_invoke(self, invocation: Invocation) -> None:
        """Encrypt the field of the data that another function is invoked with."""
        if self._encrypts:
            invocation.data = self._encrypt_field(invocation.data, f'step "{invocation.step_id}"')

    def _encrypt_field(self, data: dict[str, Any], what: str) -> dict[str, Any]:
        if self._field not in data or is_encrypted(data[self._field]):
            return data
        sealed = self._keyring.encrypt(data[self._field], self.client.serializer, what=f"{what}: data.{self._field}")
        return {**data, self._field: sealed}

    def _decrypt_event(self, event: Event) -> Event:
        data = self._decrypt_data(event.data, f'event "{event.name}"', nested=event.name.startswith(SYSTEM_EVENTS))
        return event if data is event.data else event.model_copy(update={DATA: data})

    def _decrypt_data(self, data: dict[str, Any], what: str, *, nested: bool = False) -> dict[str, Any]:
        data = self._decrypt_fields(data, what)
        if not nested:
            return data
        inner: dict[str, Any] = {
            key: self._decrypt_inner(data[key], what) for key in ("event", "events") if key in data
        }
        return {**data, **inner}

    def _decrypt_inner(self, value: object, what: str) -> object:
        """Decrypt the events in the data of an event about the end of a run."""
        if isinstance(value, list):
            return [self._decrypt_inner(each, what) for each in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        event = cast("dict[str, Any]", value)
        data: object = event.get(DATA)
        if not isinstance(data, dict):
            return event
        return {**event, DATA: self._decrypt_fields(cast("dict[str, Any]", data), what)}

    def _decrypt_fields(self, data: dict[str, Any], what: str) -> Any:
        """Return the plain value of an envelope, or an object with its fields decrypted.

        What stands beside the envelope of an event's whole data, such as `_inngest`, is kept.
        """
        if is_encrypted(data):
            plain = self._keyring.decrypt(data, what)
            beside = {key: value for key, value in data.items() if key not in (ENCRYPTED, STRATEGY, DATA)}
            return {**cast("dict[str, Any]", plain), **beside} if beside and isinstance(plain, dict) else plain
        found = {key: value for key, value in data.items() if is_encrypted(value)}
        if not found:
            return data
        return {**data, **{key: self._keyring.decrypt(value, f"{key} in {what}") for key, value in found.items()}}


def is_encrypted(value: object) -> bool:
    """Tell whether a value is an envelope that this strategy can open; what others have sealed is passed through."""
    if not isinstance(value, dict):
        return False
    envelope = cast("dict[str, object]", value)
    return envelope.get(ENCRYPTED) is True and envelope.get(STRATEGY) == LIBSODIUM


class Keyring:
    """The keys of an app: the first one encrypts, all of them are tried to decrypt."""

    def __init__(self, keys: Sequence[str | bytes]) -> None:
        """keys: as `EncryptionMiddleware.factory` takes them. Raises ConfigError."""
        raw = [_read_key(key, number) for number, key in enumerate(keys)]
        self._boxes = [SecretBox(key) for key in raw]
        self._fingerprints = [_fingerprint(key) for key in raw]

    def encrypt(
        self,
        value: object,
        serializer: Serializer | None = None,
        *,
        what: str = "a value to encrypt",
        nonce: bytes | None = None,
    ) -> dict[str, object]:
        """Return the envelope of a value.

        value: anything that steps may return. serializer: asked for what pydantic does not know. what: names it.
        nonce: 24 bytes, random by default; only tests give it, for no two values may share one.
        Raises OutputUnserializableError: the value is not JSON.
        """
        text = json.dumps(json.loads(dump(value, what, serializer=serializer).body))
        sealed = self._boxes[0].encrypt(text.encode(), nonce)
        return {ENCRYPTED: True, STRATEGY: LIBSODIUM, DATA: base64.b64encode(sealed).decode()}

    def decrypt(self, envelope: Mapping[str, object], what: str) -> object:
        """Return the value in an envelope. what: names it in messages. Raises DecryptionError."""
        try:
            sealed = base64.b64decode(str(envelope.get(DATA)), validate=True)
        except binascii.Error:
            raise DecryptionError(f"{what} is marked as encrypted, but holds no base64; was it changed?") from None
        for box in self._boxes:
            try:
                plain = box.decrypt(sealed)
            except (CryptoError, ValueError):  # another key, or too short to be sealed at all
                continue
            return cast("object", json.loads(plain))
        tried = ", ".join(self._fingerprints)
        keys = "the key" if len(self._boxes) == 1 else f"any of the {len(self._boxes)} keys"
        raise DecryptionError(
            f"{what} cannot be decrypted with {keys} of this app (fingerprints: {tried}); if the key was changed, give "
            "the old one as one of fallback_decryption_keys; if it was not, the data was changed"
        )


def _read_keys(keys: object) -> Sequence[str | bytes]:
    if keys is None:
        return ()
    given = kind_of(keys)
    if isinstance(keys, str | bytes | Mapping) or not isinstance(keys, Iterable):  # each letter would be a key
        raise ConfigError(f"fallback_decryption_keys is {given}; give a list of keys")
    return cast("Sequence[str | bytes]", list(cast("Iterable[object]", keys)))


def _read_field(field: object) -> str:
    if field is None:
        return DEFAULT_FIELD
    if isinstance(field, str) and field:
        return field
    raise ConfigError(f"event_encryption_field is {field!r}; give the name of a field of event data, as a text")


def _read_key(key: object, number: int) -> bytes:
    which = "secret_key" if number == 0 else f"fallback_decryption_keys[{number - 1}]"
    if isinstance(key, str) and key:
        return hashlib.blake2b(key.encode(), digest_size=SecretBox.KEY_SIZE).digest()
    if isinstance(key, bytes):
        try:
            raw = binascii.unhexlify(key)
        except binascii.Error:
            raw = b""
        if len(raw) == SecretBox.KEY_SIZE:
            return raw
        raise ConfigError(f"{which} is {len(key)} bytes; give a text, or 64 hexadecimal digits as bytes")
    given = "an empty text" if key == "" else kind_of(key)
    raise ConfigError(f"{which} is {given}; give a text, or 64 hexadecimal digits as bytes")


def _fingerprint(key: bytes) -> str:
    """Return what tells keys apart and nothing else about them."""
    return hashlib.blake2b(key, digest_size=4, person=b"fingerprint").hexdigest()
