"""Casso as the sandbox plays it: what its second webhook carries and how it is signed.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from adapters.sandbox.engine.reading import mac
from adapters.sandbox.engine.store import BankAccount, Movement
from core import json
from core.clock import VIETNAM


class Casso:
    """See `engine.dialect.FeedDialect`."""

    name = "casso"

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
        local = movement.booked_at.astimezone(VIETNAM)
        sign = 1 if movement.direction == "in" else -1
        return json.dumps(
            {
                "error": 0,
                "data": {
                    "id": movement.id,
                    "reference": movement.reference_code,
                    "description": movement.narrative,
                    "amount": sign * movement.amount,
                    "runningBalance": movement.balance,
                    "transactionDateTime": local.strftime("%Y-%m-%d %H:%M:%S"),
                    "accountNumber": movement.account_number,
                    "bankName": account.bank_name,
                    "bankAbbreviation": "THU",
                    "virtualAccountNumber": movement.virtual_account,
                    "virtualAccountName": "",
                    "counterAccountName": "",
                    "counterAccountNumber": "",
                    "counterAccountBankId": "",
                    "counterAccountBankName": "",
                },
            }
        )

    def headers(self, secret: str, body: bytes, at: datetime) -> dict[str, str]:
        milliseconds = int(at.timestamp() * 1000)
        text = json.canonical(json.loads(body)).decode()
        seal = mac(secret, f"{milliseconds}.{text}", "sha512")
        return {"X-Casso-Signature": f"t={milliseconds},v1={seal}"}


DIALECT: Final = Casso()
