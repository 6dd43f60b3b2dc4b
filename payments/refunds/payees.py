"""The account that money goes back to: kept encrypted, for it is a person's."""

import json
from dataclasses import asdict, dataclass

from core.crypto import Cipher
from core.json import canonical


@dataclass(frozen=True, slots=True)
class Payee:
    """The account that money goes back to, as the payer gave it."""

    bank_bin: str
    account_number: str
    holder: str


def sealed(cipher: Cipher, refund_id: str, payee: Payee) -> bytes:
    """The payee as it is stored with its refund."""
    return cipher.encrypt(canonical(asdict(payee)), f"refund:{refund_id}")


def opened(cipher: Cipher, refund_id: str, payee: bytes) -> Payee:
    """What `sealed` was given. Raises `core.crypto.DecryptionFailed`."""
    return Payee(**json.loads(cipher.decrypt(payee, f"refund:{refund_id}")))
