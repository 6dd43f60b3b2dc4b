"""Money that only a statement tells of. Commands take a session and never commit."""

from sqlmodel import col, exists, or_, select

from core.bank_refs import plain_bank_ref
from core.crypto import Cipher
from core.references import find_references
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue
from payments.bills.models import Bill, Payment, Reference
from payments.books.credits import record_credit
from payments.books.destination import destination_of
from payments.books.identity import STATEMENT
from payments.books.several import owe_exactly
from payments.ports import Credit
from payments.states import LIVE


def may_be_taken(credit: Credit) -> bool:
    """Whether a statement's credit says by itself what it is and what it pays.

    If not, `take_statement_credit` leaves it to people without a look at the books.
    """
    return bool(plain_bank_ref(credit.bank_ref)) and bool(find_references(credit.narrative))


async def take_statement_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> bool:
    """Record a credit that only a statement tells of, if it clearly pays something that is unpaid.

    True when it was recorded. False leaves it to people: no reference, several that it does not pay
    to the đồng, one that is settled or withdrawn, one with an attempt at a gateway still open
    (whose money this may be), and money whose bank's reference tells nothing, so that a late feed
    could not be held against it.
    The caller has matched the statement first, so this money is not in the books under another
    name.
    """
    if not may_be_taken(credit):
        return False
    # A gateway may be about to tell of this very money: it is asked first.
    under_way = exists(col(Payment.id)).where(
        col(Payment.bill_id) == col(Bill.id), col(Payment.status).in_({"held", *LIVE})
    )
    references = find_references(credit.narrative)
    unpaid = await session.all(
        select(Reference.reference)
        .join(Bill, col(Bill.reference) == col(Reference.reference), isouter=True)
        .where(
            col(Reference.reference).in_(references),
            or_(col(Reference.kind) != "bill", col(Bill.status).in_(("open", "expired"))),
            ~under_way,
        )
    )
    if len(unpaid) != len(references):
        return False
    if len(references) > 1:
        named = (await destination_of(session, account, credit.narrative)).several
        if not await owe_exactly(session, named, credit.amount):
            return False
    recorded = await record_credit(
        session, account, credit, source=STATEMENT, actor=actor, cipher=cipher
    )
    return recorded.new
