"""Secrets of receivers: made, sealed, and opened for signing."""

import secrets
from datetime import datetime
from typing import Protocol

from core.crypto import Cipher
from payments.webhooks.rules import SECRET_BYTES


class SealedEndpoint(Protocol):
    """A receiver as its secrets are kept."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def secret(self) -> bytes:
        """Its secret, encrypted."""
        ...

    @property
    def previous_secret(self) -> bytes | None:
        """The one before, encrypted."""
        ...

    @property
    def previous_until(self) -> datetime | None:
        """How long the one before signs too."""
        ...


def new_secret() -> bytes:
    """A secret of 32 random bytes (Standard Webhooks asks for 24 to 64)."""
    return secrets.token_bytes(SECRET_BYTES)


def seal_secret(cipher: Cipher, endpoint_id: str, secret: bytes) -> bytes:
    """A secret as it is kept; it opens at its own receiver only."""
    return cipher.encrypt(secret, _place(endpoint_id))


def open_secrets(cipher: Cipher, endpoint: SealedEndpoint, now: datetime) -> list[bytes]:
    """The secrets that sign now, the newest first. Raises `DecryptionFailed`."""
    sealed = [endpoint.secret]
    until = endpoint.previous_until
    if endpoint.previous_secret is not None and until is not None and now < until:
        sealed.append(endpoint.previous_secret)
    return [cipher.decrypt(bytes(one), _place(endpoint.id)) for one in sealed]


def _place(endpoint_id: str) -> str:
    """What a secret's encryption is bound to."""
    return f"webhook:{endpoint_id}"
