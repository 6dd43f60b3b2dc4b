"""Passwords in tests are hashed in the same way as in production, at a hundredth of the cost."""

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

#: How the service hashes.
AS_SHIPPED = PasswordHash.recommended


def hash_cheaply() -> None:
    """From here on this process hashes cheaply: the tests' staff are made by the hundred."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    PasswordHash.recommended = lambda: cheap  # type: ignore[method-assign]
