"""The serializer for what msgspec knows, with pydantic for the rest. Needs the extra `msgspec` when one is made.

No I/O, no knowledge of steps.
"""

from __future__ import annotations

import pydantic
import pydantic_core

from inngest_core.extras import needs

from .classes import is_struct
from .codec import codec_of, jsonable
from .json_text import as_body


class MsgspecSerializer:
    """The serializer for `msgspec.Struct` and all that msgspec knows; what pydantic alone knows may be held in it.

    Making one raises ModuleNotFoundError, which says what to install, when msgspec is not there.
    """

    def __init__(self) -> None:
        with needs("msgspec"):
            import msgspec
        self._convert, self._to_builtins = msgspec.convert, msgspec.to_builtins

    def serialize(self, obj: object, typ: object) -> object:
        return self._to_builtins(obj, str_keys=True, enc_hook=self._write_rest)

    def deserialize(self, obj: object, typ: object) -> object:
        try:
            return self._convert(obj, typ, str_keys=True, dec_hook=_read)
        except TypeError as error:  # msgspec does not support the type; what does not fit it is a ValueError
            try:
                return _read(typ, obj)
            except pydantic.PydanticUserError:
                raise error from None

    def _write_rest(self, obj: object) -> object:
        return pydantic_core.to_jsonable_python(obj, bytes_mode="base64", fallback=self._write_held)

    def _write_held(self, obj: object) -> object:
        return self.serialize(obj, type(obj)) if is_struct(type(obj)) else jsonable(obj)


def _read(typ: object, data: object) -> object:
    return codec_of(typ).read(as_body(data))
