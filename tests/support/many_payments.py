"""A day of many payments: real bills and real money in the books, without a request for each."""

from dataclasses import replace

from core import clock
from payments.agencies.queries import get_collection_account
from payments.bills.create import create_bills_within
from payments.bills.request import bill_request
from payments.bills.schemas import BillIn
from payments.books.credits import record_credit
from payments.ports import Credit
from tests.support.system import System

#: A transaction holds so many, and its locks.
_AT_ONCE = 500


async def pay_many(system: System, count: int) -> list[str]:
    """So many bills of 5,000 đ, each paid by a transfer that a feed tells of; the statement's lines
    of them, as `tests.support.statements.take_statement` wants them."""
    context, body = system.parts.payments, system.body
    agency = await context.agencies.get_agency(body.agency_code)
    schedule = await context.price_book.read(system.parts.database, agency.id)
    wanted = BillIn.model_validate(
        {"agency": agency.code, "lines": [{"fee": "2.000815", "quantity": 3}]}
    )
    request = bill_request(schedule, agency, wanted, citizen_key=b"k" * 32)
    lines: list[str] = []
    while len(lines) < count:
        share = min(_AT_ONCE, count - len(lines))
        async with system.parts.database.transaction() as session:
            account = await get_collection_account(session, body.collection_account_id)
            bills = await create_bills_within(
                session, [request] * share, actor="system:test", cipher=system.parts.cipher
            )
            told = Credit("", "", account.account_number, 5000, "", clock.now())
            for bill in bills:
                ref = f"FT77{len(lines):010d}"
                credit = replace(told, feed_ref=ref, bank_ref=ref, narrative=bill.reference)
                await record_credit(
                    session,
                    account,
                    credit,
                    source="gw_many",
                    actor="gateway:sepay",
                    cipher=system.parts.cipher,
                )
                lines.append(f"5000|credit|{bill.reference}|{ref}")
    return lines
