"""Every error this SDK raises, but those of realtime, in one tree. Holds no decisions and imports nothing of ours.

BaseException
└── Interrupt                      ends a call; not an error, and not for users to catch
Exception
└── InngestError                   unknown, 500
    ├── ConfigError                config_invalid, 500
    │   ├── SigningKeyMissingError     signing_key_unspecified
    │   ├── EventKeyMissingError       event_key_unspecified
    │   ├── FunctionConfigError        function_config_invalid
    │   └── URLInvalidError            url_invalid
    ├── RequestError               the engine's request cannot be answered
    │   ├── BodyInvalidError           body_invalid, 400
    │   ├── BodyTooLargeError          body_too_large, 413
    │   ├── URLTooLongError            url_too_long, 414
    │   ├── QueryParamMissingError     query_param_missing, 400
    │   ├── MethodNotAllowedError      method_not_allowed, 405
    │   ├── FunctionNotFoundError      function_not_found, 500
    │   ├── ServerKindMismatchError    server_kind_mismatch, 400
    │   ├── SignatureError             sig_verification_failed, 401
    │   │   └── HeaderMissingError         header_missing, 401
    │   └── StateFetchError            state_fetch_failed, 500
    ├── RegistrationError          registration_failed, 500
    ├── SendEventsError            send_event_failed, 500
    ├── SendSignalError            send_signal_failed, 500
    ├── FetchError                 fetch_failed
    ├── StepError                  step_errored: a step failed for good
    ├── StepNestedError            step_nested, not retriable
    ├── StepUnexpectedError        step_unexpected
    ├── StepIdClashError           step_id_clash, not retriable
    ├── NoCurrentCallError         no_current_call
    ├── InterruptSwallowedError    interrupt_swallowed, not retriable
    ├── CallSupersededError        call_superseded, not retriable
    ├── AsyncUnsupportedError      async_unsupported, not retriable
    ├── MiddlewareError            middleware_failed
    ├── OutputUnserializableError  output_unserializable, not retriable
    ├── EventInvalidError          event_invalid, not retriable
    ├── NonRetriableError          non_retriable_error: raised by users
    └── RetryAfterError            retry_after_error: raised by users
"""

from __future__ import annotations

import datetime
from typing import ClassVar, cast


class InngestError(Exception):
    """Base of every error of this SDK.

    message: what was seen, what was expected, and what to change.
    code: stable, for programs. status: of the HTTP answer. retriable: whether the engine may try again.
    """

    code: ClassVar[str] = "unknown"
    status: ClassVar[int] = 500
    retriable: ClassVar[bool] = True

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class ConfigError(InngestError):
    """An option or an environment variable does not fit."""

    code = "config_invalid"
    retriable = False


class SigningKeyMissingError(ConfigError):
    """Cloud mode without a signing key."""

    code = "signing_key_unspecified"


class EventKeyMissingError(ConfigError):
    """Events are to be sent in cloud mode without an event key."""

    code = "event_key_unspecified"


class FunctionConfigError(ConfigError):
    """An option of a function is not allowed."""

    code = "function_config_invalid"


class URLInvalidError(ConfigError):
    """An origin or a path cannot be used in a URL."""

    code = "url_invalid"


class RequestError(InngestError):
    """A request that cannot be answered as asked."""


class BodyInvalidError(RequestError):
    """The body is not JSON, or not of the expected shape."""

    code = "body_invalid"
    status = 400


class BodyTooLargeError(RequestError):
    """The body is over the cap."""

    code = "body_too_large"
    status = 413


class URLTooLongError(RequestError):
    """The URL of the request is longer than any that an engine asks for."""

    code = "url_too_long"
    status = 414


class QueryParamMissingError(RequestError):
    """A query parameter is missing, empty, or given more than once."""

    code = "query_param_missing"
    status = 400


class MethodNotAllowedError(RequestError):
    """Only GET, PUT and POST are answered."""

    code = "method_not_allowed"
    status = 405


class FunctionNotFoundError(RequestError):
    """No function of this app has the asked id."""

    code = "function_not_found"


class ServerKindMismatchError(RequestError):
    """A dev server speaks to an app in cloud mode, or the other way round."""

    code = "server_kind_mismatch"
    status = 400


class SignatureError(RequestError):
    """A signature is malformed, too old, from the future, or made by neither key."""

    code = "sig_verification_failed"
    status = 401


class HeaderMissingError(SignatureError):
    """The signature header is missing."""

    code = "header_missing"


class StateFetchError(RequestError):
    """The full state of a run could not be fetched from the engine."""

    code = "state_fetch_failed"


class RegistrationError(InngestError):
    """The engine refused the registration, or could not be reached.

    engine_status: of the engine's answer when that was an error; otherwise None.
    """

    code = "registration_failed"

    def __init__(self, message: str, engine_status: int | None = None) -> None:
        super().__init__(message)
        self.engine_status = engine_status


class SendEventsError(InngestError):
    """Some events were not sent; *message* says why.

    ids: those of the events that were sent.
    engine_status: the status of the engine's answer; None without one.
    """

    code = "send_event_failed"

    def __init__(self, message: str, ids: list[str] | None = None, engine_status: int | None = None) -> None:
        super().__init__(message)
        self.ids, self.engine_status = ids or [], engine_status


class SendSignalError(InngestError):
    """A signal was refused, or the engine did not say whether it took it."""

    code = "send_signal_failed"


class FetchError(InngestError):
    """A request that the app made for a step got no answer."""

    code = "fetch_failed"


class StepError(InngestError):
    """A step failed for good: raised in the function, live and on replay alike.

    message, name, stack: those of the exception that the step raised.
    step_id: the id of the step, as the function wrote it.
    cause: what that exception was raised from, as a StepError too; None when there was nothing.
    data: what the error held besides: of `step.ai.infer`, the provider's answer.
    """

    code = "step_errored"
    retriable = False

    def __init__(
        self,
        message: str,
        *,
        name: str = "StepError",
        stack: str | None = None,
        step_id: str = "",
        cause: StepError | None = None,
        data: object = None,
    ) -> None:
        super().__init__(message)
        self.cause = self.__cause__ = cause
        self.name, self.stack, self.step_id, self.data = name, stack, step_id, data


class StepNestedError(InngestError):
    """A step was met while another one was running."""

    code = "step_nested"
    retriable = False


class StepUnexpectedError(InngestError):
    """The function met other steps than the engine asked for."""

    code = "step_unexpected"


class StepIdClashError(InngestError):
    """Two different steps of a function have the same id on the wire."""

    code = "step_id_clash"
    retriable = False


class NoCurrentCallError(InngestError):
    """The running function was asked for where none is running."""

    code = "no_current_call"


class InterruptSwallowedError(InngestError):
    """User code caught the exception that ends a call."""

    code = "interrupt_swallowed"
    retriable = False


class CallSupersededError(InngestError):
    """The engine takes no more results from this call: the run has ended, or another call of it is under way."""

    code = "call_superseded"
    retriable = False


class AsyncUnsupportedError(InngestError):
    """Something asynchronous was given where only synchronous code can run."""

    code = "async_unsupported"
    retriable = False


class MiddlewareError(InngestError):
    """A hook of a middleware raised."""

    code = "middleware_failed"


class OutputUnserializableError(InngestError):
    """A value cannot be written as JSON."""

    code = "output_unserializable"
    retriable = False


class EventInvalidError(InngestError):
    """The data of an event does not fit its type."""

    code = "event_invalid"
    retriable = False


class NonRetriableError(InngestError):
    """Raise it to fail a step or a function at once, without another try.

    message, quiet: what the engine shows; do not log it.
    """

    code = "non_retriable_error"
    retriable = False

    def __init__(self, message: str | None = None, quiet: bool = False) -> None:
        super().__init__(message or "")
        self.quiet = quiet


class RetryAfterError(InngestError):
    """Raise it to have a step or a function tried again at a given time.

    message: what the engine shows.
    retry_after: milliseconds, a timedelta, or a datetime (naive means local time).
    quiet: do not log it.
    Raises ConfigError when retry_after is anything else.
    """

    code = "retry_after_error"

    def __init__(
        self, message: str | None, retry_after: int | datetime.timedelta | datetime.datetime, quiet: bool = False
    ) -> None:
        super().__init__(message or "")
        kinds = int | datetime.timedelta | datetime.datetime
        if isinstance(retry_after, bool) or not isinstance(cast("object", retry_after), kinds):
            raise ConfigError(
                f"RetryAfterError was given a {type(retry_after).__name__} as retry_after; "
                "give milliseconds as an int, a timedelta or a datetime"
            )
        self.retry_after = retry_after
        self.quiet = quiet


class Interrupt(BaseException):
    """Ends a call: the engine takes over. Not an error: code that catches BaseException must raise it again."""

    def __init__(self, step_id: str) -> None:
        super().__init__(
            f'the call ends here, because step "{step_id}" was handed to the engine; '
            "this is not an error: raise it again, and put clean-up with side effects in a step"
        )
        self.step_id = step_id


CONTROL = (KeyboardInterrupt, GeneratorExit, Interrupt)
"""What ends a process, a generator or a call. All else that user code raises, an Exception or not, is its failure."""
