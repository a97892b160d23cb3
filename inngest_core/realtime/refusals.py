"""The errors of realtime: a message that was not published, and a subscription that is refused."""

from inngest_core.errors import InngestError


class PublishError(InngestError):
    """A realtime message was not published, as far as is known.

    message: which one, and why.
    """

    code = "publish_failed"


class SubscriptionError(InngestError):
    """The engine refuses a subscription, or a token for one.

    message: which one, and why.
    """

    code = "subscription_refused"
    retriable = False
