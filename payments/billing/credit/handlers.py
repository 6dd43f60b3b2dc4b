"""What a stall's money does: when some has come, when more is owed, when a bill is owed again."""

from collections.abc import Sequence

from core.sessions import WriteSession
from payments.billing.credit.commands import take_credit
from payments.billing.credit.queries import find_references_billed, find_references_paid
from payments.events import BillReopened, StallCreditWaits


async def pay_with_credit(session: WriteSession, events: Sequence[StallCreditWaits]) -> None:
    """Give each stall's money to what is owed there; what nobody owes goes on waiting."""
    told = {event.payment_id for event in events}
    await take_credit(session, await find_references_paid(session, told))


async def pay_again_with_credit(session: WriteSession, events: Sequence[BillReopened]) -> None:
    """A bill is owed again: its stall's money pays it, where some waits."""
    told = {event.bill_id for event in events}
    await take_credit(session, await find_references_billed(session, told))
