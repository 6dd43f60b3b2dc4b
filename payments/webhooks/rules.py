"""What is said to a receiver, how it is signed, and for how long it is tried. Pure.

Signatures are those of Standard Webhooks 1.0 (spec/standard-webhooks.md): HMAC-SHA256 over
`id.timestamp.body`, the secret's bytes written in base64 after `whsec_`, one `v1,…` for each secret
that holds.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from core.json import canonical

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  what secrets begin with, none itself
SECRET_BYTES: Final = 32

#: For how long one message is tried before it is set aside.
TRIED_FOR: Final = timedelta(days=3)
#: How long messages that were acknowledged can be seen and replayed.
KEPT_FOR: Final = timedelta(days=30)
#: The longest that an old secret signs beside the new one.
LONGEST_WINDOW: Final = timedelta(days=7)
#: How many receivers a body may have.
MOST_ENDPOINTS: Final = 20

_PAUSES: Final = tuple(timedelta(seconds=one) for one in (5, 30, 120, 600, 1800, 3600))

#: Everything that is told, with the version of its shape.
EVENT_TYPES: Final = ("bill.paid", "refund.paid", "refund.unproved", "receipt.issued")


def pause(failures: int) -> timedelta:
    """How long a receiver is left alone after so many failures in a row: 5 s … 1 h."""
    return _PAUSES[min(max(failures, 1), len(_PAUSES)) - 1]


@dataclass(frozen=True, slots=True)
class MessageContent:
    """What a message says; the same bytes at every try."""

    id: str
    sequence: int
    type: str
    version: int
    object_id: str
    told_at: datetime

    def body(self) -> bytes:
        """The message as JSON; nothing but what happened to which object."""
        at = self.told_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return canonical(
            {
                "id": self.id,
                "type": self.type,
                "version": self.version,
                "sequence": self.sequence,
                "timestamp": at.replace("+00:00", "Z"),
                "data": {"id": self.object_id},
            }
        )


def written_secret(secret: bytes) -> str:
    """A secret as its receiver is shown it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def headers_of(
    message_id: str, body: bytes, at: datetime, secrets: Iterable[bytes]
) -> dict[str, str]:
    """The headers of a call made at `at`: one signature for each secret, the newest first."""
    stamp = str(int(at.timestamp()))
    signed = f"{message_id}.{stamp}.".encode() + body
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(one, signed) for one in secrets),
    }


def _signature(secret: bytes, signed: bytes) -> str:
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
