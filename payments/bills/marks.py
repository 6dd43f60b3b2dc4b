"""Notes that staff set on bills for one another: set, read, taken off.

A note is for people alone: nothing that is owed, paid or told depends on it. What it says is
encrypted, and in no audit entry, for it may be about somebody.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import Cipher
from core.cursors import Page, page_of, read_cursor, write_cursor
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.bills.models import Bill, BillMark


@dataclass(frozen=True, slots=True)
class MarkedBill:
    """A bill with its note; `amount` in đồng, `agency` the body's code, `marked_by` an actor."""

    bill_id: str
    reference: str
    amount: int
    status: str
    agency: str
    note: str
    marked_by: str
    marked_at: datetime


@dataclass(frozen=True, slots=True)
class _StoredMark:
    bill_id: str
    reference: str
    amount: int
    status: str
    agency: str
    content: bytes
    marked_by: str
    marked_at: datetime

    def opened(self, cipher: Cipher) -> MarkedBill:
        note = cipher.decrypt(bytes(self.content), _place(self.bill_id)).decode()
        return MarkedBill(
            *(self.bill_id, self.reference, self.amount, self.status, self.agency),
            *(note, self.marked_by, self.marked_at),
        )


_MARKED = (
    values_of(
        _StoredMark,
        BillMark,
        reference=col(Bill.reference),
        amount=col(Bill.amount),
        status=col(Bill.status),
        agency=col(Agency.code),
    )
    .join_from(BillMark, Bill, col(Bill.id) == col(BillMark.bill_id))
    .join(Agency, col(Agency.id) == col(BillMark.agency_id))
)


async def find_mark(session: ReadSession, cipher: Cipher, bill_id: str) -> MarkedBill | None:
    """The note on a bill, if there is one."""
    found = await session.first(_MARKED.where(col(BillMark.bill_id) == bill_id))
    return None if found is None else found.opened(cipher)


async def page_of_marked(
    session: ReadSession,
    cipher: Cipher,
    agency_ids: Collection[str],
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[MarkedBill]:
    """The bills of some bodies that bear a note, the newest note first.

    Raises `Invalid` for a cursor that we did not make.
    """
    place = (col(BillMark.marked_at), col(BillMark.bill_id))
    wanted = _MARKED.where(col(BillMark.agency_id).in_(agency_ids))
    if cursor is not None:
        wanted = wanted.where(tuple_(*place) < read_cursor(cursor, "bill"))
    newest_first = wanted.order_by(*(one.desc() for one in place))
    stored = await session.all(newest_first.limit(limit + 1))
    page = page_of(stored, limit, lambda one: write_cursor(one.marked_at, one.bill_id))
    return Page(tuple(one.opened(cipher) for one in page.items), page.next_cursor)


async def mark(
    session: WriteSession, cipher: Cipher, bill_id: str, agency_id: str, note: str, *, actor: str
) -> None:
    """Set a note on a bill, in place of the one that it bears."""
    content = cipher.encrypt(note.encode(), _place(bill_id))
    row = {"content": content, "marked_by": actor, "marked_at": clock.now()}
    made = insert(BillMark).values(bill_id=bill_id, agency_id=agency_id, **row)
    await session.write(made.on_conflict_do_update(index_elements=["bill_id"], set_=row))
    await record(session, actor=actor, action="bill.marked", object_id=bill_id, details={})


async def unmark(session: WriteSession, bill_id: str, *, actor: str) -> None:
    """Take the note off a bill; one that bears none stays as it is."""
    if await session.write(delete(BillMark).where(col(BillMark.bill_id) == bill_id)):
        await record(session, actor=actor, action="bill.unmarked", object_id=bill_id, details={})


def _place(bill_id: str) -> str:
    return f"bill_mark:{bill_id}"
