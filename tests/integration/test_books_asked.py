"""What the books' queries say of rows drawn by lot is what plain Python makes of those rows."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from sqlmodel import col, select

from core import audit
from core.clock import VIETNAM, business_date
from core.crypto import Cipher
from core.sessions import WriteSession
from payments.agencies.tree import Branch, branches, lineage, reach, reaches
from payments.bills.lines import LineValue
from payments.bills.models import Bill
from payments.books import transit
from payments.books.payable import PayableBill, list_payable_bills
from payments.books.payers import find_bill_by_bank_ref, find_bill_by_time
from payments.books.payouts import (
    PayoutValue,
    find_account_of,
    find_payout,
    list_standing_payouts,
)
from payments.books.places import Places
from payments.books.queries import (
    DayPayment,
    DaySum,
    ReceiptSource,
    list_day_payments,
    list_moments,
    list_payout_lines,
    list_receipt_sources,
    sum_day_payments,
    sum_ledgers,
)
from payments.books.recording import RecordedMoney, find_recorded
from payments.books.refunded import given_back
from payments.books.related import list_decisions_about, list_parts_of
from payments.books.returned import RETURNED, find_returned
from payments.books.takings import DayTaking, HourTotal, list_hour_totals, page_of_takings
from payments.books.transit import GatewayMoney, list_gateway_money
from payments.summaries import PlacedMoney
from tests.support.bare_books import (
    ACCOUNTS,
    BANK_REFS,
    BODIES,
    DAYS,
    NOW,
    SEEN,
    BareBooks,
    Row,
    is_waiting,
    moments_of,
    total,
    waits_for,
)
from tests.support.bare_rows import insert

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAKEN = ("approved", "submitted", "unknown", "succeeded")


async def test_bills_that_take_money_still(asking: WriteSession, books: BareBooks) -> None:
    since, until = moments_of(DAYS[1])[1], moments_of(DAYS[5])[2]
    below = {"agency_1": BODIES[:3], "agency_2": BODIES[1:3], "agency_4": BODIES[3:]}
    for body, reached in below.items():
        found = await list_payable_bills(asking, body, since, until)
        assert sorted(found, key=lambda one: one.id) == [
            PayableBill(
                bill["id"],
                bill["reference"],
                bill["amount"] - total(waits_for(books, bill["id"])),
                bill["created_at"],
            )
            for bill in books["bill"]
            if bill["agency_id"] in reached
            and bill["status"] in ("open", "expired")
            and since <= bill["created_at"] <= until
        ]
        assert found


def only(bills: set[Any]) -> str | None:
    return bills.pop() if len(bills) == 1 else None


def paid_by_posters(books: BareBooks, reference: str) -> list[tuple[Row, Row]]:
    """The transfers to a poster that lead to the bills that they paid: notices and payments."""
    kinds = {row["reference"]: row["kind"] for row in books["reference"]}
    bills, payments = books.by_id("bill"), books.by_id("payment")
    found = []
    for notice in books["credit_notice"]:
        payment = payments[notice["payment_id"]]
        bill = bills.get(payment["bill_id"])
        if notice["reference"] != reference or kinds.get(reference) != "procedure":
            continue
        if bill is None or (bill["channel"], bill["status"]) != ("poster", "paid"):
            continue
        if payment["doubt"] is None and notice["withdrawn_at"] is None:
            found.append((notice, payment))
    return found


def standing(books: BareBooks) -> list[Row]:
    return [row for row in books["reference"] if row["kind"] != "bill"]


#: As a payer may type it, and what it may be known by.
TYPED = {
    "FT26331000123": {"FT26331000123"},
    "ft26331000123/bnk": {"FT26331000123", "FT26331000123BNK"},
    "５２６０００１": {"5260001"},
    "NONREF": set(),
}


async def test_the_bill_that_a_banks_reference_leads_to(
    asking: WriteSession, books: BareBooks
) -> None:
    found = Counter[bool]()
    for row, (typed, names) in product(standing(books), TYPED.items()):
        told = paid_by_posters(books, row["reference"])
        bills = {payment["bill_id"] for notice, payment in told if notice["plain_ref"] in names}
        answer = await find_bill_by_bank_ref(asking, row["reference"], typed)
        assert answer == only(bills), (row, typed)
        found[answer is not None] += 1
    assert set(BANK_REFS[1:]) == set().union(*TYPED.values())
    assert found[True] >= 5


async def test_the_bill_that_an_amount_and_a_time_lead_to(
    asking: WriteSession, books: BareBooks
) -> None:
    found = Counter[bool]()
    stretches = [(DAYS[2], DAYS[2]), (DAYS[0], DAYS[1]), (DAYS[1], DAYS[4]), (DAYS[4], DAYS[7])]
    for row, amount in product(standing(books)[:24], (1, 5000)):
        told = paid_by_posters(books, row["reference"])
        for begin, end in stretches:
            first, last = moments_of(begin)[1], moments_of(end)[2]
            bills = {
                payment["bill_id"]
                for notice, payment in told
                if notice["amount"] == amount
                and first <= payment["paid_at"] <= last
                and notice["booked_on"] in (business_date(first), business_date(last))
            }
            answer = await find_bill_by_time(asking, row["reference"], amount, first, last)
            assert answer == only(bills), (row, amount, first)
            found[answer is not None] += 1
    assert found[True] >= 5


def payout_value(row: Row) -> PayoutValue:
    return PayoutValue(**{name: row[name] for name in PayoutValue.__dataclass_fields__})


async def test_payouts(asking: WriteSession, books: BareBooks) -> None:
    payouts = books["payout"]
    standing = [row for row in payouts if row["undone_at"] is None]
    lines = [row["line_id"] for row in payouts[:20] if row["line_id"]]
    money = [row["payment_id"] for row in payouts[10:35]]
    for some, other in ((lines, money), (lines, []), ([], money)):
        assert await list_standing_payouts(asking, some, other) == [
            payout_value(row)
            for row in standing
            if row["line_id"] in some or row["payment_id"] in other
        ]
    for row in payouts[:3]:
        assert await find_payout(asking, row["id"]) == payout_value(row)
    assert await find_payout(asking, "payout_0") is None
    for account in ACCOUNTS:
        assert await list_payout_lines(asking, account) == {
            row["id"]: row["line_id"]
            for row in standing
            if row["collection_account_id"] == account and row["line_id"] is not None
        }
    for payment in books["payment"][:9]:
        account_id = await find_account_of(asking, payment["id"])
        assert account_id == payment["collection_account_id"]
    assert await find_account_of(asking, "pay_0") is None


def placed(books: BareBooks, payment_id: str, bill_id: str | None = None) -> PlacedMoney:
    """Where a payment's money is, or what of it is one bill's."""

    def own(row: Row) -> bool:
        return row["payment_id"] == payment_id and bill_id in (None, row["bill_id"])

    items = [row for row in books["suspense_item"] if own(row) and row["closed_at"] is None]
    taken = [row for row in books["refund"] if own(row) and row["status"] in TAKEN]
    waiting = [row["reason"] for row in items if is_waiting(row)]

    def there(*places: str) -> int:
        return total(row for row in items if row["place"] in places)

    return PlacedMoney(
        allocated=total(row for row in books["allocation"] if own(row))
        - sum(row["from_revenue"] for row in taken),
        suspense=there("suspense"),
        refundable=there("refundable"),
        reversed=there("reversed", "in_transit", "collector_cash"),
        paying_back=there("paying_back"),
        paid_back=there("paid_back"),
        reason=max(waiting or [row["reason"] for row in items], default=None),
    )


async def test_where_the_money_of_payments_is(asking: WriteSession, books: BareBooks) -> None:
    every = [row["id"] for row in books["payment"]]
    came = [row["id"] for row in books["payment"] if row["credited"] is not None]
    found = await Places().of_payments(asking, every)
    assert found == {payment_id: placed(books, payment_id) for payment_id in came}
    assert set(await Places().of_payments(asking, every[:7])) == {*every[:7]} & {*came}
    assert await Places().of_payments(asking, []) == {}
    for bill in books["bill"][:12]:
        shares = await Places().of_shares(asking, bill["id"], every)
        assert shares == {one: placed(books, one, bill["id"]) for one in came}
        assert await Places().of_shares(asking, bill["id"], []) == {}


async def test_what_refunds_took_of_a_bill(asking: WriteSession, books: BareBooks) -> None:
    given = {(row["payment_id"], row["bill_id"]) for row in books["allocation"]}
    taken = Counter[str]()
    for row in books["refund"]:
        if row["status"] in TAKEN and (row["payment_id"], row["bill_id"]) in given:
            taken[row["bill_id"]] += row["from_revenue"]
    for bill in books["bill"]:
        wanted = select(given_back(col(Bill.id))).where(Bill.id == bill["id"])
        assert await asking.one(wanted) == taken[bill["id"]]
    assert len(+taken) > 5


def day_payments(books: BareBooks, account: str, chosen: Callable[[Row], bool]) -> list[DayPayment]:
    """The money of an account that reconciliation looks for, as far as it is chosen."""
    bills = books.by_id("bill")
    kinds = {row["reference"]: row["kind"] for row in books["reference"]}
    payouts = {row["payment_id"]: row for row in books["payout"] if row["undone_at"] is None}
    found = []
    for row in books["payment"]:
        gone = total(
            item
            for item in books["suspense_item"]
            if item["payment_id"] == row["id"] and item["place"] == "reversed"
        )
        told = {
            notice["source"]
            for notice in books["credit_notice"]
            if notice["payment_id"] == row["id"] and notice["withdrawn_at"] is None
        }
        own = bills[row["bill_id"]]["reference"] if row["bill_id"] else ""
        payout = payouts.get(row["id"])
        wanted = row["collection_account_id"] == account and row["gateway"] != "cash"
        if wanted and chosen(row) and (row["credited"] or 0) > gone:
            found.append(
                DayPayment(
                    payment_id=row["id"],
                    reference=own if row["reference"] is None else row["reference"],
                    amount=row["credited"],
                    paid_at=row["paid_at"],
                    accounting_on=row["accounting_on"],
                    gateway=row["gateway"],
                    gateway_ref=row["gateway_ref"],
                    static=kinds.get(row["reference"]) in ("procedure", "stall", "handover"),
                    statement_alone=told == {"statement"},
                    is_batch=payout is not None,
                    batch_line=None if payout is None else payout["line_id"],
                )
            )
    return sorted(found, key=lambda one: (one.paid_at, one.payment_id))


async def test_the_payments_of_days(asking: WriteSession, books: BareBooks) -> None:
    first, last = DAYS[1], DAYS[5]
    also = [row["id"] for row in books["payment"][:40] if row["credited"] is not None]

    def within(row: Row) -> bool:
        return row["accounting_on"] is not None and first <= row["accounting_on"] <= last

    for account in ACCOUNTS:
        wanted = day_payments(books, account, within)
        assert await list_day_payments(asking, account, first, last) == wanted
        summed = await sum_day_payments(asking, account, first, last)
        assert summed == DaySum(len(wanted), sum(one.amount for one in wanted))
        wanted = day_payments(books, account, lambda row: within(row) or row["id"] in also)
        assert await list_day_payments(asking, account, first, last, also) == wanted
        summed = await sum_day_payments(asking, account, first, last, also)
        assert summed == DaySum(len(wanted), sum(one.amount for one in wanted))
    assert await sum_day_payments(asking, "acct_1", date(2030, 1, 1), date(2030, 1, 1)) == (
        DaySum(0, 0)
    )
    # It is of no special kind unless that is said.
    plain = DayPayment("pay_1", "", 1, NOW, DAYS[0], "bank", "")
    assert (plain.static, plain.statement_alone, plain.is_batch) == (False, False, False)


async def test_when_money_came(asking: WriteSession, books: BareBooks) -> None:
    some = books["payment"][:60]
    assert await list_moments(asking, [row["id"] for row in some]) == {
        row["id"]: row["paid_at"] for row in some if row["paid_at"] is not None
    }


async def test_what_ledgers_come_to(asking: WriteSession, books: BareBooks) -> None:
    days = {row["id"]: row["accounting_on"] for row in books["ledger_transaction"]}
    for account, upto in product(ACCOUNTS, (DAYS[0], DAYS[4], NOW.date())):
        sums = Counter[str]()
        for row in books["posting"]:
            if row["collection_account_id"] == account and days[row["transaction_id"]] <= upto:
                sums[row["ledger"]] += row["amount"]
        assert await sum_ledgers(asking, account, upto) == dict(sums)
        if upto == NOW.date():
            there = sums["in_transit"] + sums["gateway_back"]
            assert await transit.sum_in_transit(asking, account) == there
    assert await transit.sum_in_transit(asking, "acct_0") == 0


async def test_what_gateways_took(asking: WriteSession, books: BareBooks) -> None:
    first, last = DAYS[1], DAYS[5]
    for account in ACCOUNTS:
        assert await list_gateway_money(asking, account, first, last) == [
            GatewayMoney(
                row["id"],
                row["gateway"],
                row["gateway_ref"] or "",
                row["order_ref"] or "",
                row["credited"],
                row["accounting_on"],
            )
            for row in books["payment"]
            if row["collection_account_id"] == account
            and row["gateway"] not in ("bank", "cash")
            and row["credited"] is not None
            and first <= row["accounting_on"] <= last
        ]


async def test_what_hangs_together(asking: WriteSession, books: BareBooks) -> None:
    some = [row["id"] for row in books["payment"][:30]]
    parts = [
        row["id"]
        for table in ("suspense_item", "refund")
        for row in books[table]
        if row["payment_id"] in some
    ]
    assert sorted(await list_parts_of(asking, some)) == sorted(parts)
    about = [row["object_id"] for row in books["approval"][5:]]
    decided = [row["id"] for row in books["approval"] if row["object_id"] in about]
    assert await list_decisions_about(asking, about) == decided


async def test_what_runs_have_found_to_be_taken_back(asking: WriteSession) -> None:
    for payment_id, action in (("pay_1", RETURNED), ("pay_2", "payment.x"), ("pay_3", RETURNED)):
        await audit.record(asking, actor="t", action=action, object_id=payment_id, details={})
    assert await find_returned(asking, ["pay_1", "pay_2"]) == {"pay_1"}


def takings_of(
    books: BareBooks, bodies: Iterable[str], accounts: Iterable[str], on: date
) -> list[Row]:
    return [
        row
        for row in books["payment"]
        if row["collection_account_id"] in accounts
        and row["agency_id"] in bodies
        and row["credited"] is not None
        and business_date(row["paid_at"]) == on
        and row["accounting_on"] <= on + timedelta(days=40)
    ]


def hour_of(row: Row) -> int:
    at: datetime = row["paid_at"]
    return at.astimezone(VIETNAM).hour


async def test_what_came_on_a_day_by_hour(asking: WriteSession, books: BareBooks) -> None:
    for bodies, accounts, on in product(SEEN, (("acct_1",), tuple(ACCOUNTS)), DAYS):
        own = takings_of(books, bodies, accounts, on)
        counts = Counter((row["gateway"], hour_of(row)) for row in own)
        assert await list_hour_totals(asking, bodies, accounts, on) == [
            HourTotal(
                gateway,
                hour,
                number,
                sum(
                    row["credited"]
                    for row in own
                    if (row["gateway"], hour_of(row)) == (gateway, hour)
                ),
            )
            for (gateway, hour), number in sorted(counts.items())
        ]


async def test_a_page_of_what_came_on_a_day(asking: WriteSession, books: BareBooks) -> None:
    bills = books.by_id("bill")
    codes = {row["id"]: row["code"] for row in books["collection_account"]}
    accounts = tuple(ACCOUNTS)

    def taking(row: Row) -> DayTaking:
        bill = bills.get(row["bill_id"])
        kept = ("id", "status", "gateway", "gateway_ref", "credited", "paid_at")
        return DayTaking(
            **{name: row[name] for name in kept},
            account=codes[row["collection_account_id"]],
            bill=row["reference"] if bill is None else bill["reference"],
        )

    for bodies, on in product(SEEN, DAYS[1:5]):
        for gateway, hour in product((None, "bank"), (None, 0, 9)):
            own = [
                taking(row)
                for row in takings_of(books, bodies, accounts, on)
                if gateway in (None, row["gateway"]) and hour in (None, hour_of(row))
            ]
            cursor = None
            for begin in range(0, max(len(own), 1), 2):
                page = await page_of_takings(
                    asking,
                    *(bodies, accounts, on),
                    gateway=gateway,
                    hour=hour,
                    cursor=cursor,
                    limit=2,
                )
                assert list(page.items) == own[begin : begin + 2]
                cursor = page.next_cursor
                assert cursor == (own[begin + 1].id if begin + 2 < len(own) else None)


async def test_money_that_the_books_have(asking: WriteSession, books: BareBooks) -> None:
    for row in books["payment"][:40]:
        if row["settlement_key"] is not None:
            wanted = RecordedMoney(row["id"], row["bill_id"], row["credited"], row["reference"])
            assert await find_recorded(asking, row["settlement_key"]) == wanted
    assert await find_recorded(asking, "key-none") is None


async def test_the_tree_of_bodies(asking: WriteSession) -> None:
    first, second, third, stranger = BODIES
    assert await lineage(asking, third) == (third, second, first)
    assert await lineage(asking, stranger) == (stranger,)
    assert await reach(asking, second) == {second, third}
    assert await reaches(asking, first, third)
    assert not await reaches(asking, third, first)
    assert await branches(asking) == {
        first: Branch(first, "co-quan-0", ()),
        second: Branch(second, "co-quan-1", (first,)),
        third: Branch(third, "co-quan-2", (second, first)),
        stranger: Branch(stranger, "co-quan-3", ()),
    }


def receipt_source(books: BareBooks, bill: Row, payer: dict[str, str]) -> ReceiptSource:
    """What a settled bill gives to its receipt."""
    payments, accounts = books.by_id("payment"), books.by_id("collection_account")
    agency = books.by_id("agency")[bill["agency_id"]]
    gone = {row["reverses"] for row in books["allocation"]}
    given = sorted(
        {
            row["payment_id"]
            for row in books["allocation"]
            if row["bill_id"] == bill["id"] and row["reverses"] is None and row["id"] not in gone
        }
    )
    account = accounts[payments[given[0]]["collection_account_id"]] if given else None
    lines: list[dict[str, Any]] = [
        {name: row.get(name) for name in LineValue.__dataclass_fields__}
        | {"full_amount": row["amount"]}
        for row in books["bill_line"]
        if row["bill_id"] == bill["id"]
    ]
    last = max((payments[one]["paid_at"] for one in given), default=bill["paid_at"])
    return ReceiptSource(
        bill_id=bill["id"],
        agency_id=agency["id"],
        agency_name=agency["name"],
        agency_name_en=agency["name_en"],
        agency_tax_code=agency["tax_code"],
        agency_address=agency["address"],
        agency_phone=agency["phone"],
        account=f"{account['account_number']} · {account['account_name']}" if account else "",
        reference=bill["reference"],
        dossier_number=bill["dossier_number"],
        amount=bill["amount"],
        paid_at=min(last, bill["paid_at"]),
        gateways=tuple(sorted({payments[one]["gateway"] for one in given})),
        payer=payer,
        lines=tuple(LineValue(**line) for line in lines),
    )


async def test_what_receipts_say(asking: WriteSession, books: BareBooks) -> None:
    cipher = Cipher(b"k" * 32)
    paid = [row for row in books["bill"] if row["status"] == "paid"]
    payers = {}
    for row in paid[::2]:
        payers[row["id"]] = {"name": f"Nguyễn {row['id']}"}
        sealed = cipher.encrypt(json.dumps(payers[row["id"]]).encode(), f"payer:{row['id']}")
        kept = {"subject_id": row["id"], "data": sealed, "created_at": NOW}
        await insert(asking, "payer_data", kept)
    asked = [row["id"] for row in books["bill"]][::-1]
    assert await list_receipt_sources(asking, cipher, asked) == [
        receipt_source(books, row, payers.get(row["id"], {})) for row in paid[::-1]
    ]
