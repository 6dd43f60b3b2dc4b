"""SePay as the sandbox plays it: what its webhook carries and how it is signed.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.sandbox.engine.store import BankAccount, Movement
from core import json
from core.clock import VIETNAM


class SePay:
    """See `engine.dialect.FeedDialect`."""

    name = "sepay"

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {"account_number": account_number, "secret": secrets.token_hex(24)}

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """Any 2xx that says success."""
        told = '"success":true' in "".join(answer.split())
        return status is not None and 200 <= status < 300 and told

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def bank_account(self, credentials: Mapping[str, str]) -> tuple[str, str]:
        return credentials["account_number"], credentials["secret"]

    def notice(self, account: BankAccount, movement: Movement) -> bytes:
        return notice_body(account, movement)

    def headers(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        return notice_headers(secret, body, at)


DIALECT: Final = SePay()


def notice_body(account: BankAccount, movement: Movement) -> bytes:
    """One movement of an account as SePay posts it."""
    local = movement.booked_at.astimezone(VIETNAM)
    return json.dumps(
        {
            "id": movement.id,
            "gateway": account.bank_name,
            "transactionDate": local.strftime("%Y-%m-%d %H:%M:%S"),
            "accountNumber": movement.account_number,
            "subAccount": movement.virtual_account or None,
            "code": None,
            "content": movement.narrative,
            "transferType": movement.direction,
            "transferAmount": movement.amount,
            "accumulated": movement.balance,
            "referenceCode": movement.reference_code,
            "description": f"BankAPINotify {movement.narrative}",
        }
    )


def notice_headers(secret: str, body: bytes, at: datetime) -> dict[str, str]:
    """SePay's signature headers for a notice sent at `at`."""
    seconds = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return {"X-SePay-Timestamp": seconds, "X-SePay-Signature": f"sha256={mac.hexdigest()}"}
