"""A gateway's charge told of twice is recorded once: its name, and what the books have of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import col

from core import audit
from core.name_locks import lock_names
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.books.allocation import Distribution, Reason
from payments.ports import CallbackResult


@dataclass(frozen=True, slots=True)
class Recording:
    """What became of a gateway's result or a credit."""

    result: CallbackResult
    payment_id: str | None = None
    bill_id: str | None = None
    #: where it went; None where it was known already, or pays several bills
    distribution: Distribution | None = None
    #: whether this call changed anything
    new: bool = False
    #: whether it was told by an account that the order is not of: a person has to look at it
    misdirected: bool = False


@dataclass(frozen=True, slots=True)
class RecordedMoney:
    """Money that the books have: the payment it is recorded as, and how many đồng came.

    `reference` is the payer's; held money is of no bill yet, and names one by it.
    """

    payment_id: str
    bill_id: str | None
    credited: int
    reference: str | None = None


_RECORDED = values_of(RecordedMoney, Payment, payment_id=col(Payment.id))


def settlement_key(account_id: str, money_ref: str) -> str:
    """The name of a gateway's charge, for ever: our account there and the gateway's own number."""
    return f"{account_id}:{money_ref}"


def conflicting_key(key: str, amount: int) -> str:
    """The name of money told of once more under `key`, but with another amount.

    The amount stands in front: behind, it could be the end of some bank's reference.
    """
    return f"{amount}:{key}"


async def lock_money(session: WriteSession, key: str) -> None:
    """Let nobody else record the money of this name before our transaction ends.

    Taken after the bill's lock. A gateway that tells two orders of one charge at one instant then
    meets the first as recorded, and not a broken constraint.
    """
    await lock_names(session, key)


async def find_recorded(session: ReadSession, key: str) -> RecordedMoney | None:
    """What the books have under this name, None if they have nothing."""
    return await session.first(_RECORDED.where(Payment.settlement_key == key))


async def note_conflict(
    session: WriteSession, actor: str, payment_id: str, details: Mapping[str, Any]
) -> None:
    """Note that a gateway or bank contradicts itself or us; an alert counts these rows."""
    await note_doubt(session, actor, payment_id, Reason.CONFLICTING_NOTICE, details)


async def note_doubt(
    session: WriteSession, actor: str, payment_id: str, doubt: Reason, details: Mapping[str, Any]
) -> None:
    """Note that money was told of that may be this payment's; an alert counts these rows.

    Once, however often the same is told: each row calls for a person.
    """
    action = f"payment.{doubt}"
    if await audit.is_recorded(session, action, payment_id, details, exactly=True):
        return
    await audit.record(session, actor=actor, action=action, object_id=payment_id, details=details)
