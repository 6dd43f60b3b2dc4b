"""What reports read of the postings, drawn by lot, is what plain Python makes of the same rows."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from itertools import product
from typing import Any, get_args

import pytest

from core.clock import business_date
from core.sessions import WriteSession
from payments.books.period_totals import (
    BillTotal,
    Grain,
    LedgerTotal,
    RevenueTotal,
    list_bill_totals,
    list_ledger_totals,
    list_revenue,
)
from tests.support.bare_books import BODIES, DAYS, BareBooks, Row

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAINS: tuple[Grain, ...] = get_args(Grain)
#: Whose money, from when, to when, and gathered into what.
ASKED = tuple(
    product(
        (("agency_1",), BODIES), ((DAYS[1], DAYS[5]), (DAYS[0], DAYS[-1]), (DAYS[2],) * 2), GRAINS
    )
)


def begin(day: date, grain: str) -> date:
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[grain]


def grouped(rows: list[tuple[Any, ...]]) -> list[list[tuple[Any, ...]]]:
    """Rows whose first members are equal, together; the last member is what is summed up."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[:-1]].append(row)
    return list(groups.values())


def sums(amounts: list[int]) -> tuple[int, int]:
    """What came, and what went as a positive number."""
    came = sum(amount for amount in amounts if amount > 0)
    return came, came - sum(amounts)


async def test_what_moved_on_ledgers(asking: WriteSession, books: BareBooks) -> None:
    deeds = books.by_id("ledger_transaction")
    accounts = books.by_id("collection_account")
    for bodies, (first, last), grain in ASKED:
        rows = []
        for posting in books["posting"]:
            deed = deeds[posting["transaction_id"]]
            account = accounts[posting["collection_account_id"]]
            if account["agency_id"] in bodies and first <= deed["accounting_on"] <= last:
                on = begin(deed["accounting_on"], grain)
                key = (on, account["code"], posting["ledger"], deed["kind"], account["kind"])
                rows.append((*key, posting["amount"]))
        assert await list_ledger_totals(asking, bodies, first, last, grain) == [
            LedgerTotal(on, code, kind, ledger, deed, *sums([one[-1] for one in group]))
            for group in sorted(grouped(rows))
            for on, code, ledger, deed, kind, _ in group[:1]
        ]


def kept_of(books: BareBooks, line: Row, body: str) -> tuple[int | None, str | None]:
    """Which share of a line a body keeps, and how sure that is: its own, or the nation's."""
    owners = {
        "agency_1": ("agency_1",),
        "agency_2": ("agency_2", "agency_1"),
        "agency_3": ("agency_3", "agency_2", "agency_1"),
        "agency_4": ("agency_4",),
    }
    for owner in (*owners[body], None):
        for row in books["fee_share"]:
            if (row["code"], row["agency_id"]) == (line["fee"], owner):
                return row["kept_percent"], row["certainty"]
    by_nature = {"fee": 0, "state_revenue": 0, "price": 100}.get(line["nature"])
    return by_nature, None if by_nature is None else "nature"


def divided(a: int, b: int) -> int:
    """Without the rest, toward nothing."""
    return a // b if a >= 0 else -(-a // b)


def parts_of(books: BareBooks, bill: Row, given: int) -> list[tuple[Row, int]]:
    """What of money given to a bill is each line's."""
    found, upto = [], 0
    lines = [row for row in books["bill_line"] if row["bill_id"] == bill["id"]]
    for line in sorted(lines, key=lambda one: one["position"]):
        before, upto = upto, upto + line["amount"]
        if line["amount"]:
            part = divided(upto * given, bill["amount"]) - divided(before * given, bill["amount"])
            found.append((line, part))
    return found


def given_of(
    books: BareBooks, bodies: Collection[str], first: date, last: date
) -> dict[tuple[date, str, str], int]:
    """What each payment gave each bill of these bodies on each day."""
    bills, deeds = books.by_id("bill"), books.by_id("ledger_transaction")
    given: dict[tuple[date, str, str], int] = defaultdict(int)
    for posting in books["posting"]:
        deed, bill = deeds[posting["transaction_id"]], bills.get(posting["bill_id"])
        day = deed["accounting_on"]
        own = bill is not None and bill["agency_id"] in bodies
        if own and posting["ledger"] == "revenue" and first <= day <= last:
            given[day, deed["payment_id"], posting["bill_id"]] -= posting["amount"]
    return given


async def test_what_fees_brought(asking: WriteSession, books: BareBooks) -> None:
    bills, payments, fees = books.by_id("bill"), books.by_id("payment"), books.by_id("fee")
    codes = {row["id"]: row["code"] for row in books["agency"] + books["procedure"]}
    for bodies, (first, last), grain in ASKED:
        rows = []
        given = given_of(books, bodies, first, last)
        for (day, payment_id, bill_id), amount in given.items():
            bill = bills[bill_id]
            for line, part in parts_of(books, bill, amount) if amount else ():
                fee = fees.get(line["fee_id"])
                procedure = codes.get(fee["procedure_id"], "") if fee else ""
                percent, certainty = kept_of(books, line, bill["agency_id"])
                kept = None if percent is None else divided(part * percent, 100)
                key = (begin(day, grain), codes[bill["agency_id"]], procedure, line["fee"] or "")
                by_name = "" if line["fee"] else line["description"]
                name = fee["name_vi"] if fee else line["description"]
                gateway = payments[payment_id]["gateway"]
                rest = (line["nature"] or "", percent, certainty, name)
                rows.append((*key, line["sub_item"] or "", gateway, by_name, *rest, (part, kept)))
        wanted = []
        for group in grouped(rows):
            on, body, code, fee_code, sub_item, gateway, _, *kind, _ = group[0]
            nature, percent, certainty, name = kind
            parts = [part for *_, (part, _) in group]
            shares = [kept for *_, (_, kept) in group]
            came, went = sums(parts)
            wanted.append(
                RevenueTotal(
                    on,
                    body,
                    code,
                    fee_code,
                    description=name,
                    sub_item=sub_item,
                    nature=nature,
                    gateway=gateway,
                    kept_percent=percent,
                    certainty=certainty,
                    count=sum(part > 0 for part in parts),
                    collected=came,
                    returned=went,
                    amount=came - went,
                    kept=None if None in shares else sum(shares),
                )
            )
        found = await list_revenue(asking, bodies, first, last, grain)
        assert sorted(found, key=repr) == sorted(wanted, key=repr)
        order = [
            (one.on, one.agency, one.procedure, one.fee, one.sub_item, one.gateway) for one in found
        ]
        assert order == sorted(order)
        assert found


async def test_what_is_paid_in_is_what_is_not_kept() -> None:
    values: dict[str, Any] = {
        **dict.fromkeys(("agency", "procedure", "fee", "description", "sub_item", "nature"), ""),
        "on": DAYS[0],
        "gateway": "bank",
        "kept_percent": None,
        "certainty": None,
        "count": 1,
        "collected": 1000,
        "returned": 100,
        "amount": 900,
    }
    assert RevenueTotal(**values, kept=270).paid_in == 630
    assert RevenueTotal(**values, kept=None).paid_in is None


async def test_what_became_of_bills(asking: WriteSession, books: BareBooks) -> None:
    fees, procedures = books.by_id("fee"), books.by_id("procedure")
    codes = {row["id"]: row["code"] for row in books["agency"]}
    cash = {row["id"] for row in books["payment"] if row["gateway"] == "cash"}
    taken_back = {row["reverses"] for row in books["allocation"]}
    in_cash = {
        row["bill_id"]
        for row in books["allocation"]
        if row["payment_id"] in cash and not {row["id"]} & taken_back and row["amount"] > 0
    }
    for bodies, (first, last), grain in ASKED:
        rows = []
        for bill in books["bill"]:
            on = business_date(bill["created_at"])
            if bill["agency_id"] not in bodies or not first <= on <= last:
                continue
            amounts: dict[str | None, int] = defaultdict(int)
            for line in books["bill_line"]:
                if line["bill_id"] == bill["id"]:
                    fee = fees.get(line["fee_id"])
                    amounts[fee["procedure_id"] if fee else None] += line["amount"]
            paid = bill["status"] == "paid" and bill["id"] not in in_cash
            for procedure, amount in amounts.items():
                if amount and bill["status"] not in ("cancelled", "exempt"):
                    code = procedures[procedure]["code"] if procedure else ""
                    name = procedures[procedure]["name_vi"] if procedure else ""
                    body = codes[bill["agency_id"]]
                    rows.append((begin(on, grain), body, code, name, (amount, paid)))
        assert await list_bill_totals(asking, bodies, first, last, grain) == [
            BillTotal(
                on,
                body,
                code,
                name,
                len(group),
                sum(amount for *_, (amount, _) in group),
                sum(paid for *_, (_, paid) in group),
                sum(amount for *_, (amount, paid) in group if paid),
            )
            for group in sorted(grouped(rows), key=lambda one: one[0][:-1])
            for on, body, code, name, _ in group[:1]
        ]
