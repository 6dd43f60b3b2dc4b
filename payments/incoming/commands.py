"""Money that only a statement tells of. Commands take a session and never commit."""

from sqlalchemy import text

from core.crypto import Cipher
from core.references import find_references
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue
from payments.books.credits import record_credit
from payments.ports import Credit
from payments.states import LIVE


async def take_statement_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> bool:
    """Record a credit that only a statement tells of, if it clearly pays something that is unpaid.

    True when it was recorded. False leaves it to people: no reference, several, one that is
    settled or withdrawn, one with an attempt at a gateway still open (whose money this may be), and
    money without the bank's own reference, which a feed that comes late could not be held against.
    The caller has matched the statement first, so this money is not in the books under another
    name.
    """
    if not credit.bank_ref or len(find_references(credit.narrative)) != 1:
        return False
    unpaid = (
        await session.scalars(
            text(
                "SELECT r.reference FROM reference r LEFT JOIN bill b ON b.reference = r.reference"
                " WHERE r.reference = ANY(CAST(:found AS text[]))"
                " AND (r.kind <> 'bill' OR b.status IN ('open', 'expired'))"
                # A gateway may be about to tell of this very money: it is asked first.
                " AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.bill_id = b.id"
                "  AND (p.status = 'held' OR p.status = ANY(CAST(:live AS text[]))))"
            ),
            {"found": find_references(credit.narrative), "live": sorted(LIVE)},
        )
    ).all()
    if len(unpaid) != 1:
        return False
    recorded = await record_credit(session, account, credit, actor=actor, cipher=cipher)
    return recorded.new
