"""The door through which every bill comes into being, whoever asks for it.

`create_bill` is for requests with an idempotency key, from the API or a page. It is a transaction
of its own, committed before anybody is answered. `create_bill_within` is for who has a transaction
open already: money on a static reference, which creates and settles its bill at once;
`create_bills_within` for a market's month, which is many.
"""

from collections.abc import Callable, Sequence

import psycopg
from sqlalchemy import and_, or_
from sqlmodel import col, select

from core import clock, failpoints
from core.crypto import Cipher
from core.db import Database
from core.errors import Conflict
from core.idempotency import Claim, InFlight, Replay, find
from core.ids import new_id
from core.references import new_reference
from core.sessions import ReadSession, WriteSession
from payments.bills.copying import copy_bills
from payments.bills.insertion import INSERT, INSERT_ONCE, parameters
from payments.bills.models import Bill, ReliefUse
from payments.bills.new_bill import BillRequest, NewBill

_IN_FLIGHT = "Yêu cầu trước với khóa này đang được xử lý."


class ReliefUsed(Conflict):
    """The citizen has had this relief this year: ask without it, or withdraw the other bill."""

    code = "relief_used"


async def create_bill(
    database: Database,
    request: BillRequest,
    claim: Claim,
    answer: Callable[[NewBill], bytes],
    *,
    actor: str,
    cipher: Cipher,
) -> Replay:
    """Create a bill once for a key; the answer to the request, now or when it came first.

    `answer` words it, and is kept with the bill in one transaction. Raises `InFlight` while another
    request with the key is being worked on, `ReliefUsed`, and what `idempotency.find` raises.
    """
    bill = _new_bill(request)
    body = answer(bill)
    values = {
        **parameters(bill, actor, cipher),
        "lock": claim.lock,
        "owner": claim.owner,
        "route": claim.route,
        "key_hash": claim.key_hash,
        "request_hash": claim.request_hash,
        "answer": cipher.encrypt(body, claim.context),
    }
    failpoints.hit("bill.before_write")
    try:
        row = await database.write_alone(INSERT_ONCE, values)
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name != "uq_relief_use_citizen":
            raise
        raise await _relief_used(database, bill) from error
    if row.won:
        failpoints.hit("bill.after_commit")
        return Replay("done", bill.id, bill.created_at, 201, body, first=True)
    if not row.locked:
        raise InFlight(_IN_FLIGHT)
    async with database.reading() as session:
        earlier = await find(session, claim, cipher)
    if earlier is None or earlier.body is None:
        raise InFlight(_IN_FLIGHT)
    return earlier


async def create_bill_within(
    session: WriteSession, request: BillRequest, *, actor: str, cipher: Cipher
) -> NewBill:
    """Create a bill in the caller's transaction, without a key."""
    bill = _new_bill(request)
    connection = await session.connection()
    await connection.exec_driver_sql(INSERT, parameters(bill, actor, cipher))
    return bill


async def create_bills_within(
    session: WriteSession, requests: Sequence[BillRequest], *, actor: str, cipher: Cipher
) -> list[NewBill]:
    """Create many bills in the caller's transaction, in order; none uses up a yearly relief."""
    bills = [_new_bill(request) for request in requests]
    await copy_bills(session, bills, actor=actor, cipher=cipher)
    return bills


def _new_bill(request: BillRequest) -> NewBill:
    return NewBill(
        id=new_id("bill"), reference=new_reference(), created_at=clock.now(), **vars(request)
    )


async def _relief_used(database: Database, bill: NewBill) -> ReliefUsed:
    detail = (
        "Công dân này đã được miễn, giảm cho loại này trong năm; mỗi loại mỗi năm một lần, dù cho"
        " tài sản nào."
    )
    async with database.reading() as session:
        if other := await _find_holder(session, bill):
            detail += f" Khoản đang giữ: {other}; hủy khoản đó nếu không dùng."
    return ReliefUsed(detail)


async def _find_holder(session: ReadSession, bill: NewBill) -> str | None:
    """The reference of the same agency's bill that has the relief; others' are not told."""
    used = [
        and_(col(ReliefUse.relief) == use.relief, col(ReliefUse.year_from) == use.year_from)
        for use in bill.uses
    ]
    return await session.first(
        select(Bill.reference)
        .join(ReliefUse, col(ReliefUse.bill_id) == col(Bill.id))
        .where(
            or_(*used),
            ReliefUse.citizen_hash == bill.citizen_hash,
            col(ReliefUse.released_at).is_(None),
            Bill.agency_id == bill.agency_id,
        )
        .limit(1)
    )
