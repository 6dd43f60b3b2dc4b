"""What becomes of a receipt whose money goes back: it stands as it was issued, and says so.

`refunded` where all of it has gone back, `notified` where a part has: the body owes the payer a
notice of the difference. `issued` again where the statement that showed it was withdrawn. A number
is never given anew and nothing that was signed changes.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from core import audit
from core.sessions import WriteSession
from core.statements import values_of
from payments.bills.locks import lock_bills
from payments.refunds.queries import sum_paid_back
from payments.summaries import FALLEN
from receipts.commands import ACTOR
from receipts.models import Receipt

#: What a receipt is by its money alone.
_OF_MONEY = frozenset({"issued", "notified", "refunded"})


@dataclass(frozen=True, slots=True)
class _LockedReceipt:
    """A receipt that nobody else changes before our transaction ends; `amount` in đồng."""

    id: str
    status: str
    amount: int


async def note_what_went_back(session: WriteSession, bill_ids: Collection[str]) -> None:
    """Say on the receipts of these bills, where they have any yet, what of their money went back.

    The bills stay locked, as they are while a receipt is issued: of the two who say it, issuing and
    the refund, the second one sees what the first one wrote.
    """
    await lock_bills(session, bill_ids)
    paid_back = await sum_paid_back(session, bill_ids)
    for bill_id in sorted(set(bill_ids)):
        await _note_paid_back(session, bill_id, paid_back.get(bill_id, 0))


async def _note_paid_back(session: WriteSession, bill_id: str, amount: int) -> None:
    """Of the money of a bill `amount` đồng have gone back: its receipt says so, if it has one."""
    wanted = values_of(_LockedReceipt, Receipt).where(
        Receipt.bill_id == bill_id, col(Receipt.status).not_in(FALLEN)
    )
    receipt = await session.lock_first(wanted)
    if receipt is None:
        return
    after = "issued" if amount == 0 else "refunded" if amount >= receipt.amount else "notified"
    if receipt.status == after or receipt.status not in _OF_MONEY:
        return
    await session.write(update(Receipt).where(col(Receipt.id) == receipt.id).values(status=after))
    await audit.record(
        session,
        actor=ACTOR,
        action=f"receipt.{after}",
        object_id=receipt.id,
        details={"before": receipt.status, "paid_back": amount},
    )
