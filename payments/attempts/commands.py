"""What others may have done about attempts at gateways."""

from sqlmodel import col

from core.errors import Conflict
from core.statements import values_of
from payments.attempts.asking import AskedAttempt, ask
from payments.bills.models import Payment
from payments.context import Context


class NotAskable(Conflict):
    """No gateway can be asked about this: it is no attempt of ours at one."""

    code = "not_askable"


async def ask_about(context: Context, payment_id: str) -> str | None:
    """Ask an attempt's gateway now and record what it says; its word, None where it gave none.

    Opens transactions of its own, for a gateway is never called inside one. Raises `NotAskable`.
    """
    is_attempt = (col(Payment.id) == payment_id) & col(Payment.gateway_account_id).is_not(None)
    wanted = values_of(AskedAttempt, Payment).where(is_attempt, Payment.kind == "attempt")
    async with context.database.reading() as session:
        attempt = await session.first(wanted)
    if attempt is None:
        raise NotAskable("Khoản này không phải lần thanh toán qua cổng, không hỏi cổng được.")
    said = await ask(context, attempt)
    return None if said is None else said.outcome.value
