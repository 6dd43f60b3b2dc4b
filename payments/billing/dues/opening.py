"""Who may see what a vendor owes at a stall: whoever has the short code, or knows the phone.

The sticker is there for everybody who passes by, so it opens nothing. What opens is the code that
stands on the contract, of which a keyed hash is kept, or the last four digits of the holder's
phone. The code is a vendor's: who held the stall before has another, which opens what they still
owe and nothing of the holder's. Both can be guessed, so tries are counted: those from one network
first, then all with codes about the stall, and all with a phone's digits about its holder, who may
have other stalls. Whoever guesses can so use up the tries of a day; the address that the code has
opened once goes on opening, for it bears a token of its own, until the stall has another holder or
that vendor another code.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from core import allowances
from core.allowances import Pace
from core.crypto import Cipher, keyed_hash
from core.errors import RateLimited
from core.sessions import ReadSession, WriteSession
from payments.billing.credit.queries import Tenancy
from payments.billing.dues.queries import VendorStall
from payments.billing.short_codes import hash_of_code
from payments.bills.queries import read_payer
from payments.urls import Urls

#: How many of a phone number's last digits open a stall's page.
PHONE_DIGITS: Final = 4

#: Tries from one network about one stall; whoever mistypes needs a few.
_OF_A_NETWORK: Final = Pace(6, timedelta(minutes=15))
#: Tries from anywhere, about one stall with codes and about one holder with a phone's digits: half
#: of all phones' last digits take more than a year, and a code of 30 random bits for ever.
_WITH_CODE: Final = Pace(30, timedelta(days=1))
_WITH_PHONE: Final = Pace(10, timedelta(days=1))


@dataclass(frozen=True, slots=True)
class StallKeys:
    """What keyed hashes and tokens are made with."""

    cipher: Cipher
    urls: Urls
    hash_key: bytes


@dataclass(frozen=True, slots=True)
class StallDoor:
    """A stall, and who has held it, oldest first."""

    stall: VendorStall
    holdings: Sequence[Tenancy]

    def code_of(self, vendor_id: str) -> str | None:
        """The hash of the code that this vendor was given last; None for none."""
        own = [one.code_hash for one in self.holdings if one.vendor_id == vendor_id]
        return next((code for code in reversed(own) if code is not None), None)


async def opened_by(
    session: ReadSession, keys: StallKeys, door: StallDoor, holding: Tenancy, typed: str
) -> Tenancy | None:
    """Whose page what was typed opens: that of `holding`, the present one, by the vendor's code or
    the end of their phone number; that of somebody who has left, by the code of then; None: no
    page."""
    typed = typed.strip()
    if _is_of_phone(typed):
        digits = await _phone(session, keys, holding)
        right = len(digits) > PHONE_DIGITS and hmac.compare_digest(digits[-PHONE_DIGITS:], typed)
        return holding if right else None
    given = hash_of_code(keys.hash_key, door.stall.id, typed)
    left = [one for one in reversed(door.holdings) if one.first_on < holding.first_on]
    for one in (holding, *left):
        code = door.code_of(one.vendor_id)
        if code is not None and hmac.compare_digest(code, given):
            return one
    return None


async def count_try(
    session: WriteSession,
    keys: StallKeys,
    stall: VendorStall,
    holding: Tenancy,
    typed: str,
    network: str,
) -> None:
    """Count a try before it is looked at; the caller commits. Raises `RateLimited`."""
    whose = keyed_hash(keys.hash_key, f"{stall.id} {network}".encode())
    every = (f"stall:code:{stall.id}", _WITH_CODE)
    if _is_of_phone(typed.strip()):
        every = (f"stall:phone:{holding.vendor_id}", _WITH_PHONE)
    for subject, allowed in ((f"stall:network:{whose}", _OF_A_NETWORK), every):
        if not await allowances.take(session, subject, allowed):
            raise RateLimited(
                "Đã thử mở sạp này quá nhiều lần; hãy chờ rồi thử lại, hoặc hỏi ban quản lý chợ."
            )


def token_of(keys: StallKeys, door: StallDoor, holding: Tenancy) -> str:
    """What opens the page for good, as long as code and contract are these: 100 bits."""
    return keys.urls.token(_named(door, holding))


def is_token(keys: StallKeys, door: StallDoor, holding: Tenancy, token: str) -> bool:
    """Whether `token` is the one of `token_of`."""
    return bool(token) and keys.urls.opens(_named(door, holding), token)


def _named(door: StallDoor, holding: Tenancy) -> str:
    code = door.code_of(holding.vendor_id)
    return f"stall:{door.stall.id}:{holding.contract_id}:{code or ''}"


def _is_of_phone(typed: str) -> bool:
    return len(typed) == PHONE_DIGITS and typed.isascii() and typed.isdigit()


async def _phone(session: ReadSession, keys: StallKeys, holding: Tenancy) -> str:
    said = (await read_payer(session, keys.cipher, holding.vendor_id)).get("phone", "")
    return "".join(sign for sign in said if sign.isascii() and sign.isdigit())
