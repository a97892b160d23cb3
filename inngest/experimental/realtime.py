"""The names of the official SDK's `inngest.experimental.realtime`; `client.realtime` does the same and more."""

from inngest_core.official_realtime import (
    get_subscription_token,
    get_subscription_token_sync,
    publish,
    publish_sync,
)

__all__ = ["get_subscription_token", "get_subscription_token_sync", "publish", "publish_sync"]
