"""Every way to look something up: by an index, and within the bodies that the person reaches.

What one way finds is read to be sorted, filtered and fetched up to the newest `MOST_FOUND` of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.web.staff.cash import CASH
from app.web.staff.history_words import (
    BILL_STATES,
    PAYMENT_KINDS,
    PAYMENT_STATES,
    RECEIPT_STATES,
)
from app.web.staff.search_text import SearchText
from app.web.staff.tables import (
    PER_PAGE,
    AskedTable,
    ShownTable,
    TableColumn,
    TableRow,
    shown_of,
)
from app.web.texts import noted
from core.cursors import Page
from core.ids import is_id
from core.sessions import ReadSession
from core.tax_numbers import checked_tax_number
from payments.bills import finding
from payments.bills.finding import FoundBill, FoundPayment
from payments.collecting.cash_book import find_handovers
from payments.debts.queries import DebtSearch, page_of_debts
from receipts.finding import FoundReceipt, find_receipt, find_receipts_by_number

FIND: Final = "/staff/find"
#: How much of what one way finds is read to be sorted, filtered or fetched.
MOST_FOUND: Final = 1_000
_SHOWN: Final = 20
_BILL_COLUMNS: Final = (
    TableColumn("reference", noted("Mã khoản"), "code"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("dossier", noted("Hồ sơ")),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("created_at", noted("Lập lúc"), "moment"),
)
_PAYMENT_COLUMNS: Final = (
    TableColumn("kind", noted("Loại"), "words"),
    TableColumn("credited", noted("Tiền đã nhận"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("gateway_ref", noted("Số giao dịch"), "code"),
    TableColumn("bill", noted("Mã khoản"), "code"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("created_at", noted("Ghi lúc"), "moment"),
)
_DEBT_COLUMNS: Final = (
    TableColumn("code", noted("Mã ở cơ quan khác"), "code"),
    TableColumn("reference", noted("Mã khoản"), "code"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("agency", noted("Cơ quan")),
    TableColumn("due_on", noted("Hạn nộp"), "day"),
)
_HANDOVER_COLUMNS: Final = (
    TableColumn("reference", noted("Mã bàn giao"), "code"),
    TableColumn("collector", noted("Người thu")),
    TableColumn("declared", noted("Đã khai"), "amount"),
    TableColumn("counted", noted("Đã đếm"), "amount"),
    TableColumn("declared_at", noted("Khai lúc"), "moment"),
)
_RECEIPT_COLUMNS: Final = (
    TableColumn("number", noted("Số biên lai"), "code"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("issued_at", noted("Phát hành lúc"), "moment"),
)


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """What was found in one way: how it was looked for, and the table of it."""

    name: str
    title: str
    table: ShownTable
    #: so many were read, and there is more that no link leads to; 0 where that is all
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Search:
    """One search of one person; each way gives a page, the newest first."""

    session: ReadSession
    agency_ids: frozenset[str]
    #: keys the hashes by which names are found
    key: bytes
    searched: SearchText
    #: the way that alone is asked for
    by: str = ""
    asked: AskedTable = field(default_factory=AskedTable)
    as_file: bool = False

    @property
    def whole(self) -> bool:
        """Whether a way is read at once, to be sorted, filtered or fetched."""
        wanted = self.asked.sort or self.asked.words or self.as_file
        return bool(wanted) and self.by in self._ways()

    @property
    def limit(self) -> int:
        """How many rows are read."""
        return MOST_FOUND if self.whole else _SHOWN

    async def groups(self) -> list[FoundGroup]:
        """What was found in each way that the text allows; in the way `by` alone for more of it.

        Raises `Invalid` for a column that there is not, and for a place that is not ours.
        """
        ways = self._ways()
        alone = self.by in ways
        chosen = [ways[self.by]] if alone else list(ways.values())
        cursor = self.asked.cursor if alone and not self.whole else ""
        found = [await way(cursor or None) for way in chosen]
        wanted = bool(self.asked.words) and alone
        return [one for one in found if one is not None and (one.table.rows or wanted)]

    def _ways(self) -> Mapping[str, Callable[[str | None], Awaitable[FoundGroup | None]]]:
        return {
            "known": self._known,
            "handover": self._handovers,
            "dossier": self._dossiers,
            "amount": self._bills_by_amount,
            "credited": self._payments_by_amount,
            "bank": self._bank_references,
            "receipts": self._receipts,
            "name": self._names,
            "debt": self._debts,
            "debtor": self._debtors,
            "tax": self._tax_numbers,
        }

    async def _known(self, _: str | None) -> FoundGroup | None:
        """By our own names: a reference anywhere in the text, an id."""
        text = self.searched.text
        keys = [*self.searched.references, text]
        bills = await finding.find_bills(self.session, self.agency_ids, keys)
        if bills:
            return self._of_bills("known", noted("Mã khoản phải nộp"), Page(tuple(bills), None))
        payment = await finding.find_payment(self.session, self.agency_ids, text)
        if payment is not None:
            page = Page((payment,), None)
            return self._of_payments("known", noted("Mã lần thanh toán"), page)
        return None

    async def _handovers(self, _: str | None) -> FoundGroup | None:
        references = [*self.searched.references, self.searched.text]
        found = await find_handovers(self.session, self.agency_ids, references)
        rows = [
            TableRow(
                one.id,
                (one.reference, one.collector, one.declared, one.counted, one.declared_at),
                f"{CASH}#{one.id}",
            )
            for one in found
        ]
        return self._group(
            *("handover", noted("Mã bàn giao tiền mặt"), _HANDOVER_COLUMNS, rows, None)
        )

    async def _dossiers(self, cursor: str | None) -> FoundGroup | None:
        page = await finding.page_of_bills_by_dossier(
            self.session, self.agency_ids, self.searched.text, cursor=cursor, limit=self.limit
        )
        return self._of_bills("dossier", noted("Hồ sơ mang số này"), page)

    async def _bills_by_amount(self, cursor: str | None) -> FoundGroup | None:
        if (amount := self.searched.amount) is None:
            return None
        page = await finding.page_of_bills_by_amount(
            self.session, self.agency_ids, amount, cursor=cursor, limit=self.limit
        )
        return self._of_bills("amount", noted("Khoản phải nộp có đúng số tiền này"), page)

    async def _payments_by_amount(self, cursor: str | None) -> FoundGroup | None:
        if (amount := self.searched.amount) is None:
            return None
        page = await finding.page_of_payments_by_amount(
            self.session, self.agency_ids, amount, cursor=cursor, limit=self.limit
        )
        return self._of_payments("credited", noted("Tiền đã nhận đúng số này"), page)

    async def _bank_references(self, cursor: str | None) -> FoundGroup | None:
        page = await finding.page_of_payments_by_gateway_ref(
            self.session, self.agency_ids, self.searched.text, cursor=cursor, limit=self.limit
        )
        return self._of_payments("bank", noted("Số giao dịch của ngân hàng hoặc cổng"), page)

    async def _names(self, cursor: str | None) -> FoundGroup | None:
        if not self.searched.name:
            return None
        page = await finding.page_of_bills_by_name(
            self.session,
            self.agency_ids,
            self.key,
            self.searched.name,
            cursor=cursor,
            limit=self.limit,
        )
        return self._of_bills("name", noted("Người nộp mang tên này"), page)

    async def _debts(self, cursor: str | None) -> FoundGroup | None:
        search = DebtSearch(code=self.searched.text, with_ended=True)
        return await self._of_debts("debt", noted("Mã khoản ở cơ quan khác"), search, cursor)

    async def _debtors(self, cursor: str | None) -> FoundGroup | None:
        if not self.searched.name:
            return None
        search = DebtSearch(name=self.searched.name)
        return await self._of_debts("debtor", noted("Người phải nộp mang tên này"), search, cursor)

    async def _tax_numbers(self, cursor: str | None) -> FoundGroup | None:
        try:
            number = checked_tax_number(self.searched.text)
        except ValueError:
            return None
        search = DebtSearch(tax_number=number)
        return await self._of_debts("tax", noted("Mã số thuế của người phải nộp"), search, cursor)

    async def _of_debts(
        self, name: str, title: str, search: DebtSearch, cursor: str | None
    ) -> FoundGroup | None:
        if cursor is not None and not is_id(cursor, "debt"):
            return None
        page = await page_of_debts(
            self.session, self.agency_ids, self.key, search, cursor=cursor, limit=self.limit
        )
        rows = [
            TableRow(
                one.id,
                (one.code, one.bill, one.amount, BILL_STATES[one.status], one.agency, one.due_on),
                f"/staff/bills/{one.bill_id}",
            )
            for one in page.items
        ]
        return self._group(name, title, _DEBT_COLUMNS, rows, page.next_cursor)

    async def _receipts(self, _: str | None) -> FoundGroup | None:
        found: list[FoundReceipt] = []
        if self.searched.number is not None:
            found = await find_receipts_by_number(
                self.session, self.agency_ids, self.searched.number, self.limit + 1
            )
        else:
            one = await find_receipt(self.session, self.agency_ids, self.searched.text)
            found = [] if one is None else [one]
        rows = [
            TableRow(
                one.id,
                (
                    f"{one.template} {one.symbol} {one.number}",
                    one.amount,
                    RECEIPT_STATES[one.status],
                    one.issued_at,
                ),
                f"/staff/receipts/{one.id}",
            )
            for one in found[: self.limit]
        ]
        title, more = noted("Biên lai mang số này"), len(found) > self.limit
        return self._group("receipts", title, _RECEIPT_COLUMNS, rows, None, more=more)

    def _of_bills(self, name: str, title: str, page: Page[FoundBill]) -> FoundGroup:
        rows = [
            TableRow(
                one.id,
                (
                    one.reference,
                    one.amount,
                    BILL_STATES[one.status],
                    one.dossier_number,
                    one.agency,
                    one.created_at,
                ),
                f"/staff/bills/{one.id}",
            )
            for one in page.items
        ]
        return self._group(name, title, _BILL_COLUMNS, rows, page.next_cursor)

    def _of_payments(self, name: str, title: str, page: Page[FoundPayment]) -> FoundGroup:
        rows = [
            TableRow(
                one.id,
                (
                    PAYMENT_KINDS[one.kind],
                    one.credited,
                    PAYMENT_STATES[one.status],
                    one.gateway_ref,
                    one.bill,
                    one.agency,
                    one.created_at,
                ),
                f"/staff/payments/{one.id}",
            )
            for one in page.items
        ]
        return self._group(name, title, _PAYMENT_COLUMNS, rows, page.next_cursor)

    def _group(
        self,
        name: str,
        title: str,
        columns: tuple[TableColumn, ...],
        rows: list[TableRow],
        next_cursor: str | None,
        *,
        more: bool = False,
    ) -> FoundGroup:
        """`more` says that there is more though no place leads on to it."""
        kept = (("q", self.searched.text), ("by", name))
        if self.whole:
            asked = self.asked
            if not asked.sort:
                asked = replace(asked, sort=f"-{columns[-1].key}")
            limit = None if self.as_file else PER_PAGE
            table = shown_of(FIND, columns, rows, asked, limit=limit, kept=kept)
            more = more or next_cursor is not None
            return FoundGroup(name, title, table, cut=self.limit if more else 0)
        table = ShownTable(
            *(FIND, columns, rows, AskedTable(cursor=self.asked.cursor), next_cursor),
            sorts=True,
            filters=self.by == name,
            files=True,
            kept=kept,
        )
        return FoundGroup(name, title, table, cut=self.limit if more else 0)
