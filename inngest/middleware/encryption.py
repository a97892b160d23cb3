"""End-to-end encryption of outputs and event data. Needs the extra `encryption`."""

from inngest_core.extras import needs

with needs("encryption", "nacl"):
    from inngest_middleware.encryption import DecryptionError, EncryptionMiddleware

__all__ = ["DecryptionError", "EncryptionMiddleware"]
