"""One-time codes by time: RFC 6238 with its defaults, SHA-1, six digits, thirty seconds. Pure."""

import base64
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

STEP_SECONDS: Final = 30
DIGITS: Final = 6
#: Bytes of a secret: as many as the hash has.
SECRET_BYTES: Final = 20
#: How many steps a telephone's clock may be off, either way.
DRIFT: Final = 1


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step, with its leading zeros (RFC 4226, section 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(moment: datetime) -> int:
    """The step in which an aware moment lies."""
    return int(moment.timestamp()) // STEP_SECONDS


def find_step(secret: bytes, typed: str, now: datetime, after: int) -> int | None:
    """The step whose code was typed, later than `after`, so that each code opens once; or None."""
    plain = "".join(typed.split())
    found = None
    for step in range(step_of(now) - DRIFT, step_of(now) + DRIFT + 1):
        same = hmac.compare_digest(code_at(secret, step).encode(), plain.encode())
        if same and step > after:
            found = step
    return found


def readable(secret: bytes) -> str:
    """The secret as it is typed into an app where its camera does not help."""
    return base64.b32encode(secret).decode()


def address(secret: bytes, account: str, issuer: str) -> str:
    """What the QR code of an enrolment says: an otpauth address."""
    label = quote(f"{issuer}:{account}")
    return f"otpauth://totp/{label}?{urlencode({'secret': readable(secret), 'issuer': issuer})}"
