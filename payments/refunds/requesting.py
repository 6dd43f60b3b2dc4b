"""Writing down that money is to go back, before anybody has decided it."""

from sqlalchemy import insert

from core import audit, clock
from core.references import new_reference
from core.sessions import WriteSession
from payments.bills.models import Reference
from payments.books.models import Refund
from payments.refunds.locks import RefundableMoney
from payments.states import REFUND as STATES


async def write_request(
    session: WriteSession,
    refund_id: str,
    money: RefundableMoney,
    amount: int,
    reason: str,
    payee: bytes | None,
    by: str,
    through: str | None = None,
    *,
    disputed: bool = False,
) -> None:
    """Write down what is asked for, under a reference of its own, which its transfer will bear.

    `through` is the account at a gateway by which it goes back, None for the body's own transfer;
    `disputed` says that the gateway does so by itself.
    """
    now, payment = clock.now(), money.payment
    way = "dispute" if disputed else "bank" if through is None else "gateway"
    reference = {
        "reference": new_reference(),
        "kind": "refund",
        "agency_id": payment.agency_id,
        "created_at": now,
    }
    await session.write(insert(Reference), reference)
    row = {
        "id": refund_id,
        "payment_id": payment.id,
        "agency_id": payment.agency_id,
        "collection_account_id": payment.collection_account_id,
        "amount": amount,
        "reason": reason,
        "status": "requested",
        "reference": reference["reference"],
        "requested_by": by,
        "requested_at": now,
        "bill_id": money.bill_id,
        "from_revenue": 0,
        "payee": payee,
        "way": way,
        "gateway_account_id": through,
        "asked": 0,
    }
    await session.write(insert(Refund), row)
    await audit.record(
        session,
        actor=by,
        action=STATES.move(None, "requested").event,
        object_id=refund_id,
        details={"payment": payment.id, "amount": amount, "way": way},
    )
