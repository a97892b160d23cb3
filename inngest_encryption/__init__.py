"""The package name under which the official SDK has its encryption. Holds no logic."""

from inngest_core.extras import needs

with needs("encryption", "nacl"):
    from inngest_middleware.encryption import DecryptionError, EncryptionMiddleware

__all__ = ["DecryptionError", "EncryptionMiddleware"]
