"""Books drawn by lot and written straight into the tables: what queries are held against.

The rows fit no story and keep no rule but the tables' own checks: money of every state is beside
every other, so that a condition or a join that is left out shows. A test asks a query, and works
out in plain Python what it ought to say of the very same rows.
"""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import SQLModel

from core import clock
from core.sessions import WriteSession
from payments.agencies.models import Agency, CollectionAccount
from payments.bills.models import Allocation, Bill, BillLine, Payment, Reference, SuspenseItem
from payments.bills.reasons import Reason
from payments.books.models import (
    Approval,
    CreditNotice,
    LedgerTransaction,
    Payout,
    Posting,
    Refund,
)
from payments.catalogue.models import Fee, FeeShare, Procedure

Row = dict[str, Any]
#: The tables that are written, in an order in which each is after those that it names.
TABLES: tuple[type[SQLModel], ...] = (
    *(Agency, CollectionAccount, Procedure, Fee, FeeShare, Bill, BillLine, Reference, Payment),
    *(Allocation, Refund, SuspenseItem, LedgerTransaction, Posting, Payout, CreditNotice, Approval),
)
#: Days on both sides of the end of a month and of a year.
DAYS = tuple(date(2026, 10, 30) + timedelta(days=n) for n in (0, 1, 2, 3, 62, 63, 64, 100))
#: What day it is while a test looks at the books.
NOW = datetime(2027, 3, 1, 5, tzinfo=UTC)
#: The second body is a unit of the first, the third one of the second; the fourth is a stranger.
BODIES = ("agency_1", "agency_2", "agency_3", "agency_4")
#: Those that somebody may see.
SEEN = (("agency_1",), ("agency_2", "agency_3"), BODIES)
#: Two of the first body, one of each other.
ACCOUNTS = {
    "acct_1": "agency_1",
    "acct_2": "agency_1",
    "acct_3": "agency_2",
    "acct_4": "agency_3",
    "acct_5": "agency_4",
}
#: What banks call money, so often that several payments have one: none, two, and one with a label.
BANK_REFS = ("", "FT26331000123", "FT26331000123BNK", "5260001")
#: What the only fee that is the same for everybody costs, `phi-poster`.
POSTER_PRICE = 4500
_KINDS = ("procedure", "procedure", "procedure", "stall", "handover", "refund")
_WAITS = (Reason.SHORT, Reason.STALL_CREDIT, Reason.EXCESS, Reason.BILL_ALREADY_PAID)
_PLACES = ("suspense", "refundable", "reversed", "in_transit", "collector_cash", "paying_back")
_LEDGERS = ("receivable", "revenue", "suspense", "in_transit", "gateway_back", "gateway_fee")


def moments_of(day: date) -> tuple[datetime, ...]:
    """The first and the last moment of a day in Vietnam, and two between."""
    begin, end = clock.day_bounds(day, day)
    return (
        begin,
        begin + timedelta(hours=9),
        begin + timedelta(hours=17),
        end - timedelta.resolution,
    )


class BareBooks:
    """Rows by their table's name, as they are in the database."""

    def __init__(self, seed: int) -> None:
        self.rows: dict[str, list[Row]] = {str(one.__tablename__): [] for one in TABLES}
        self._lot = random.Random(seed)
        self._draw_catalogue()
        self._draw_bills(90)
        self._draw_payments(220)
        self._draw_parts()
        self._draw_postings(200)
        self._draw_notices(260)
        self._by_id = {
            table: {row["id"]: row for row in rows if "id" in row}
            for table, rows in self.rows.items()
        }

    def __getitem__(self, table: str) -> list[Row]:
        return self.rows[table]

    def by_id(self, table: str) -> dict[Any, Row]:
        """The rows of a table by their ids."""
        return self._by_id[table]

    async def write(self, session: WriteSession) -> None:
        """Write all of it, past the guards and without what only foreign keys would ask for."""
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table in TABLES:
            await session.write_each(insert(table), self.rows[str(table.__tablename__)])
        await session.execute(text("SET LOCAL session_replication_role = origin"))

    def _any(self, some: Any) -> Any:
        return self._lot.choice(list(some))

    def _maybe(self, value: Any, how_often: float = 0.5) -> Any:
        return value if self._lot.random() < how_often else None

    def _moment(self) -> datetime:
        at: datetime = self._any(moments_of(self._any(DAYS)))
        return at

    def _draw_catalogue(self) -> None:
        for n, body in enumerate(BODIES):
            self.rows["agency"].append(
                {
                    "id": body,
                    "code": f"co-quan-{n}",
                    "name": f"Phường {n}",
                    "name_en": f"Ward {n}",
                    "tax_code": f"010000000{n}",
                    "phone": f"024 {n}",
                    "address": f"số {n}",
                    "return_origins": [],
                    "created_at": NOW,
                    "parent_id": BODIES[n - 1] if n in (1, 2) else None,
                }
            )
        for n, (account, body) in enumerate(ACCOUNTS.items()):
            self.rows["collection_account"].append(
                {
                    "id": account,
                    "agency_id": body,
                    "code": f"tk-{n}",
                    "bank_bin": "970436",
                    "account_number": f"00{n}",
                    "account_name": f"TEN {n}",
                    "created_at": NOW,
                    "kind": ("treasury", "bank")[n % 2],
                }
            )
        for n in range(3):
            self.rows["procedure"].append(
                {
                    "id": f"proc_{n}",
                    "code": f"{n}.00{n}",
                    "name_vi": f"thủ tục {n}",
                    "name_en": f"procedure {n}",
                    "field": "x",
                    "code_certainty": "confirmed",
                    "search_text": "",
                    "created_at": NOW,
                    "updated_at": NOW,
                    "other_codes": [],
                }
            )
        dated = {
            "basis": "b",
            "source": "s",
            "checked_on": DAYS[0],
            "valid_from": date(2020, 1, 1),
            "created_at": NOW,
            "updated_at": NOW,
        }
        for n in range(5):
            self.rows["fee"].append(
                {
                    "id": f"fee_{n}",
                    "code": f"phi-{n}",
                    "name_vi": f"phí {n}",
                    "rule": {},
                    "name_en": f"fee {n}",
                    "unit_vi": "",
                    "unit_en": "",
                    "kind": "flat",
                    "certainty": "confirmed",
                    **dated,
                    "procedure_id": (f"proc_{n % 3}", None)[n == 4],
                }
            )
        poster = {"id": "fee_poster", "code": "phi-poster", "procedure_id": None}
        price = {"kind": "fixed", "rule": {"amount": POSTER_PRICE}}
        self.rows["fee"].append({**self.rows["fee"][0], **poster, **price})
        shares = ((0, None, 30), (0, "agency_2", 45), (1, None, 7), (2, "agency_4", 80))
        for n, (fee, body_id, percent) in enumerate(shares):
            self.rows["fee_share"].append(
                {
                    "id": f"share_{n}",
                    "code": f"phi-{fee}",
                    "agency_id": body_id,
                    **dated,
                    "kept_percent": percent,
                    "certainty": ("confirmed", "secondary")[n % 2],
                }
            )

    def _draw_bills(self, number: int) -> None:
        for n in range(number):
            lines = [self._line(f"bill_{n:03}", place) for place in range(self._any((1, 1, 2, 3)))]
            amount = sum(line["amount"] for line in lines)
            status = self._any(("open", "paid", "paid", "paid", "expired", "cancelled"))
            status = status if amount else "exempt"
            self.rows["bill_line"].extend(lines)
            self.rows["bill"].append(
                {
                    "id": f"bill_{n:03}",
                    "reference": f"LPB{n:03}",
                    "status": status,
                    "agency_id": self._any(BODIES),
                    "amount": amount,
                    "language": "vi",
                    "channel": self._any(("api", "poster", "poster")),
                    "extra": {},
                    "created_at": (at := self._moment()),
                    "opened_on": clock.business_date(at),
                    "expires_at": self._maybe(self._moment()),
                    "paid_at": self._moment() if status == "paid" else None,
                    "dossier_number": self._maybe(f"H{n}"),
                }
            )
            self._refer(f"LPB{n:03}", "bill", self.rows["bill"][-1]["agency_id"])
        for n in range(36):
            self._refer(f"LPS{n:03}", _KINDS[n % 6], self._any(BODIES), n)

    def _refer(self, reference: str, kind: str, body: str, n: int = 0) -> None:
        fee_code = f"phi-{n}" if kind == "procedure" else None
        named = {"reference": reference, "kind": kind, "agency_id": body, "created_at": NOW}
        self.rows["reference"].append({**named, "fee_code": fee_code})

    def _line(self, bill_id: str, place: int) -> Row:
        fee = self._any((*range(5), None))
        return {
            "bill_id": bill_id,
            "position": place + 1,
            "quantity": 1,
            "unit": "",
            "copies": 1,
            "fee_id": None if fee is None else f"fee_{fee}",
            "description": f"dong {place}",
            "fee": None if fee is None else f"phi-{fee}",
            "sub_item": self._maybe("2716", 0.8),
            "amount": self._any((0, 1, 3000, 7001, 12_000)),
            "nature": self._any((None, "charge", "fee", "price", "state_revenue")),
        }

    def _draw_payments(self, number: int) -> None:
        names = [row["reference"] for row in self.rows["reference"]]
        standing = [name for name in names if name.startswith("LPS")]
        for n in range(number):
            kind = self._any(("credit", "credit", "attempt"))
            gateway = self._any(
                ("bank", "bank", "cash") if kind == "credit" else ("paygov", "momo")
            )
            status = self._any(("succeeded", "succeeded", "held", "failed", "submitted"))
            account, at = self._any(ACCOUNTS), self._moment()
            money = status in ("succeeded", "held")
            bill_id = self._any(self.rows["bill"])["id"]
            later = self._any((0, 0, 0, 1, 40, 41))
            self.rows["payment"].append(
                {
                    "id": f"pay_{n:03}",
                    "kind": kind,
                    "gateway": gateway,
                    "status": status,
                    "collection_account_id": account,
                    "amount": 1 + n,
                    "asked": 0,
                    "agency_id": self._any((ACCOUNTS[account], *BODIES)),
                    "created_at": at,
                    "bill_id": bill_id if kind == "attempt" else self._maybe(bill_id, 0.7),
                    "credited": self._any((1, 2, 5000, 10_000 + n)) if money else None,
                    "order_ref": f"order-{n}" if kind == "attempt" else None,
                    "gateway_ref": self._maybe(f"ref-{n}", 0.8),
                    "settlement_key": f"key-{n}" if money else None,
                    "reference": self._any((*self._lot.sample(names, 2), *standing[:6], None)),
                    "paid_at": at if money else None,
                    "accounting_on": (
                        clock.business_date(at) + timedelta(days=later) if money else None
                    ),
                    "doubt": self._maybe("possible_duplicate", 0.2),
                }
            )

    def _came(self) -> Row:
        """A payment whose money came."""
        row: Row = self._any(row for row in self.rows["payment"] if row["credited"] is not None)
        return row

    def _draw_parts(self) -> None:
        for n in range(160):
            self.rows["allocation"].append(
                {
                    "id": f"alloc_{n:03}",
                    "payment_id": self._came()["id"],
                    "reverses": None,
                    "bill_id": self._any(self.rows["bill"])["id"],
                    "amount": n + 1,
                    "created_at": self._moment(),
                }
            )
        for given in self._lot.sample(self.rows["allocation"], 40):
            back = {"id": f"{given['id']}_back", "amount": -given["amount"]}
            self.rows["allocation"].append({**given, **back, "reverses": given["id"]})
        for n in range(60):
            status = self._any(("requested", "approved", "unknown", "succeeded", "rejected"))
            given = self._any(self.rows["allocation"])
            self.rows["refund"].append(
                {
                    "id": f"refund_{n:03}",
                    "payment_id": given["payment_id"],
                    "amount": 900,
                    "agency_id": self._any(BODIES),
                    "collection_account_id": "acct_1",
                    "reason": "r",
                    "status": status,
                    "reference": f"LPR{n}",
                    "requested_by": "x",
                    "requested_at": NOW,
                    "bill_id": self._any((given, self._any(self.rows["allocation"])))["bill_id"],
                    "from_revenue": self._any((0, n + 1)),
                    "line_id": f"line_{n}" if status == "succeeded" else None,
                }
            )
        for n in range(420):
            place = self._any(_PLACES)
            payment = self._came()
            self.rows["suspense_item"].append(
                {
                    "id": f"susp_{n:03}",
                    "payment_id": payment["id"],
                    "place": place,
                    "bill_id": self._any(
                        (payment["bill_id"], self._any(self.rows["bill"][:30])["id"], None)
                    ),
                    "amount": self._any((1, n + 2, 6000)),
                    "reason": self._any((*_WAITS, Reason.SHORT, Reason.SEVERAL_REFERENCES)),
                    "created_at": self._moment(),
                    "closed_at": self._maybe(self._moment(), 0.3),
                    "refund_id": "refund_000" if place == "paying_back" else None,
                }
            )

        self._add_whole_credit()

    def _add_whole_credit(self) -> None:
        """A credit of the bank, all of which waits for the rest of the first bill."""
        came = {"id": "pay_whole", "kind": "credit", "gateway": "bank", "status": "succeeded"}
        whose = {"collection_account_id": "acct_1", "agency_id": "agency_1", "bill_id": "bill_000"}
        money = {"amount": 777, "credited": 777, "settlement_key": "key-whole", "doubt": None}
        when = {"paid_at": moments_of(DAYS[2])[1], "accounting_on": DAYS[2], "created_at": NOW}
        none = {"order_ref": None, "gateway_ref": None, "reference": None, "asked": 0}
        self.rows["payment"].append({**came, **whose, **money, **when, **none})
        self.rows["suspense_item"].append(
            {
                "id": "susp_whole",
                "payment_id": "pay_whole",
                "bill_id": "bill_000",
                "place": "suspense",
                "amount": 777,
                "reason": Reason.SHORT,
                "created_at": NOW,
                "closed_at": None,
                "refund_id": None,
            }
        )

    def _draw_postings(self, number: int) -> None:
        for n in range(number):
            day = self._any(DAYS)
            self.rows["ledger_transaction"].append(
                {
                    "id": f"ltx_{n:03}",
                    "kind": self._any(("credit", "reversal", "payout")),
                    "payment_id": self._came()["id"],
                    "accounting_on": day,
                    "created_at": NOW,
                }
            )
            for _ in range(self._any((1, 2, 3, 5))):
                amount = self._any((1, -1, n + 2, -n - 3, 9000, -9000))
                self.rows["posting"].append(
                    {
                        "transaction_id": f"ltx_{n:03}",
                        "ledger": self._any(_LEDGERS),
                        "collection_account_id": self._any(ACCOUNTS),
                        "bill_id": self._any((self._any(self.rows["bill"])["id"], None)),
                        "amount": amount,
                    }
                )
        paid_over = self._lot.sample([row["id"] for row in self.rows["payment"]], 80)
        for n, payment_id in enumerate(paid_over):
            undone = n % 3 == 0
            self.rows["payout"].append(
                {
                    "id": f"payout_{n:03}",
                    "payment_id": payment_id,
                    "amount": 100 + n,
                    "collection_account_id": self._any(ACCOUNTS),
                    "gross": 107 + n,
                    "fee": 7,
                    "clearing": f"ltx_{n:03}",
                    "created_at": NOW,
                    "line_id": self._maybe(f"line_{n}", 0.7),
                    "undone_at": NOW if undone else None,
                    "undoing": f"ltx_{n + 80:03}" if undone else None,
                }
            )
        for n in range(30):
            about = self._any(("suspense_item", "refund"))
            self.rows["approval"].append(
                {
                    "id": f"approval_{n:03}",
                    "agency_id": self._any(BODIES),
                    "kind": "keep",
                    "object_id": self._any(self.rows[about])["id"],
                    "wanted": {},
                    "figures": {},
                    "reason": "r",
                    "status": "approved",
                    "proposed_by": "a",
                    "decided_by": "b",
                    "proposed_at": NOW,
                }
            )

    def _draw_notices(self, number: int) -> None:
        bills = {row["id"]: row for row in self.rows["bill"]}
        names = [row["reference"] for row in self.rows["reference"]]
        posters = [row["reference"] for row in self.rows["reference"] if row["kind"] == "procedure"]
        came = [row for row in self.rows["payment"] if row["credited"] is not None]
        of_posters = [
            row for row in came if row["bill_id"] and bills[row["bill_id"]]["channel"] == "poster"
        ]
        for n in range(number):
            payment = self._any(self._any((came, of_posters)))
            self.rows["credit_notice"].append(
                {
                    "source": self._any(("statement", "feed")),
                    "notice_ref": f"n{n}",
                    "amount": self._any((payment["credited"], 5000)),
                    "bank_ref": "",
                    "collection_account_id": payment["collection_account_id"],
                    "booked_on": clock.business_date(payment["paid_at"])
                    + timedelta(days=self._any((0, 0, 0, 1))),
                    "plain_ref": self._any(BANK_REFS),
                    "reference": self._any((self._any(posters), self._any(names))),
                    "payment_id": payment["id"],
                    "told_at": NOW,
                    "withdrawn_at": self._maybe(NOW, 0.2),
                }
            )


def is_waiting(item: Row) -> bool:
    """Whether an item waits for people."""
    return item["place"] in ("suspense", "refundable") and item["closed_at"] is None


def waits_for(books: BareBooks, bill_id: str | None) -> list[Row]:
    """What waits for the rest of a bill, in the order in which it came."""
    found = [
        item
        for item in books["suspense_item"]
        if item["bill_id"] == bill_id
        and (item["place"], item["reason"], item["closed_at"]) == ("suspense", "short", None)
    ]
    return sorted(found, key=lambda item: (item["created_at"], item["id"]))


def total(items: Iterable[Row]) -> int:
    """What rows come to, in đồng."""
    return sum(item["amount"] for item in items)
