"""What the pages of debts show: lists and debts as rows, and a file that is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.web.staff.deeds import StaffDeed, read_typed
from app.web.staff.history_words import BILL_STATES
from app.web.staff.tables import AskedTable, ShownTable, TableColumn, TableRow
from app.web.texts import noted
from core.cursors import Page
from core.errors import NotFound
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.billing.api import own_agency
from payments.catalogue.rules.wording import LocalizedText
from payments.debts.comparing import DebtComparison, ListName, compare, faults_elsewhere
from payments.debts.findings import DebtChange, DebtFinding
from payments.debts.kinds import KINDS, DebtKind
from payments.debts.queries import DebtListValue, DebtValue
from payments.debts.reading import read_apart
from payments.debts.schemas import DebtListNameIn
from payments.debts.sheets import DebtSheet
from reconciliation.statements.kept_files import LookedAtFile, get_kept_file

#: The fields that name a list.
FIELDS: Final = ("agency", "kind", "list")
LIST_STATES: Final[Mapping[str, str]] = {
    "proposed": noted("Chờ người thứ hai"),
    "rejected": noted("Bị từ chối"),
    "loading": noted("Đang nạp"),
    "done": noted("Đã nạp"),
}
CHANGES: Final[Mapping[DebtChange, str]] = {
    DebtChange.NEW: noted("Khoản mới"),
    DebtChange.SAME: noted("Khoản giữ nguyên"),
    DebtChange.ANEW: noted("Khoản đổi, lập lại"),
    DebtChange.SUPPLEMENT: noted("Khoản thu bổ sung"),
    DebtChange.WITHDRAWN: noted("Khoản không còn, được rút"),
    DebtChange.LEFT: noted("Khoản để nguyên, cần người xem"),
    DebtChange.ELSEWHERE: noted("Khoản đã có ở danh sách khác"),
}
FINDINGS: Final[Mapping[DebtFinding, str]] = {
    DebtFinding.OVERPAID: noted("Đã nộp nhiều hơn số mới: cần hoàn trả"),
    DebtFinding.NOT_OWED: noted("Đã nộp mà không còn phải nộp: cần hoàn trả"),
    DebtFinding.UNDER_WAY: noted("Đang có tiền nộp: xem lại khi tiền đã về"),
    DebtFinding.OTHER_FACTS: noted("Đã nộp đủ, danh sách mới ghi khác ngày hoặc tên"),
}
LIST_COLUMNS: Final = (
    TableColumn("created_at", noted("Nạp lúc"), "moment"),
    TableColumn("list", noted("Danh sách"), "code"),
    TableColumn("kind", noted("Loại")),
    TableColumn("version", noted("Bản số"), "count"),
    TableColumn("rows", noted("Số khoản"), "count"),
    TableColumn("amount", noted("Tổng tiền"), "amount"),
    TableColumn("state", noted("Tình trạng"), "words"),
)
_DEBT_COLUMNS: Final = (
    TableColumn("code", noted("Mã khoản phải nộp ở cơ quan khác"), "code"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("status", noted("Tình trạng"), "words"),
    TableColumn("due_on", noted("Hạn nộp"), "day"),
    TableColumn("finding", noted("Cần người xem"), "words"),
    TableColumn("difference", noted("Phải hoàn trả"), "amount"),
)
_DIFFERENCE_COLUMNS: Final = (
    TableColumn("code", noted("Mã khoản phải nộp ở cơ quan khác"), "code"),
    TableColumn("change", noted("Thay đổi"), "words"),
    TableColumn("before", noted("Đang phải nộp"), "amount"),
    TableColumn("after", noted("Sẽ phải nộp"), "amount"),
    TableColumn("finding", noted("Cần người xem"), "words"),
)


@dataclass(frozen=True, slots=True)
class ToldList:
    """Which list a file is said to be of, as it is kept with the file."""

    agency: str
    kind: DebtKind
    list: str

    @property
    def place(self) -> str:
        """All of it in one text: an agency's code has no slash, a list's may."""
        return f"{self.kind}/{self.agency}/{self.list}"


@dataclass(frozen=True, slots=True)
class DebtFileView:
    """A file that is looked at: what it says, and what it would do; None where it has faults."""

    told: ToldList
    sheet: DebtSheet
    compared: DebtComparison | None

    @property
    def counts(self) -> list[tuple[str, int]]:
        """How many debts each change comes to, in words."""
        if self.compared is None:
            return []
        return [(CHANGES[change], count) for change, count in self.compared.changes.items()]

    @property
    def differing(self) -> ShownTable:
        """The first debts that were there before and differ: what happens, and what is owed."""
        rows = [
            TableRow(
                one.code,
                (
                    *(one.code, CHANGES[one.change], one.before, one.after),
                    None if one.finding is None else FINDINGS[one.finding],
                ),
            )
            for one in ([] if self.compared is None else self.compared.shown)
            if one.change is not DebtChange.NEW
        ]
        return ShownTable("", _DIFFERENCE_COLUMNS, rows, AskedTable(), None)

    @property
    def unlisted(self) -> int:
        """How many debts differ beside those."""
        alike = (DebtChange.NEW, DebtChange.SAME)
        changes = {} if self.compared is None else self.compared.changes
        differ = sum(count for change, count in changes.items() if change not in alike)
        return differ - len(self.differing.rows)


def told_list(typed: Mapping[str, str]) -> ToldList:
    """The list that a form names. Raises `Invalid`, naming each field."""
    read = read_typed(DebtListNameIn, dict(typed))
    return ToldList(read.agency, read.kind, read.list)


async def named_list(session: ReadSession, by: Principal, told: ToldList) -> ListName:
    """The list, if its agency is theirs. Raises `NotFound`."""
    return ListName(await own_agency(session, by, told.agency), told.kind, told.list)


async def kept_debts(asked: StaffDeed, file_id: str) -> tuple[LookedAtFile, bytes]:
    """A list's file of whoever asks, with its content. Raises `NotFound`."""
    async with asked.database.reading() as session:
        file, content = await get_kept_file(
            session, asked.context.cipher, asked.who.session.staff_id, file_id
        )
    if file.debts is None:
        raise NotFound("Tệp này không còn được giữ; hãy chọn lại tệp.")
    return file, content


async def read_marked(
    asked: StaffDeed, file: LookedAtFile, content: bytes
) -> tuple[ListName, DebtSheet]:
    """What a file says, with every fault, those too that only other lists show."""
    told = _told(file)
    sheet = await read_apart(asked.context, content, told.kind)
    async with asked.database.reading() as session:
        name = await named_list(session, asked.by, told)
        return name, sheet.with_faults(await faults_elsewhere(session, name, sheet.debts))


async def view_debt_file(asked: StaffDeed, file: LookedAtFile, content: bytes) -> DebtFileView:
    """What a file says and would do. Raises `DebtSheetRefused` where no row can be read."""
    name, sheet = await read_marked(asked, file, content)
    if sheet.faults:
        return DebtFileView(_told(file), sheet, None)
    async with asked.database.reading() as session:
        key = asked.context.request_key
        return DebtFileView(_told(file), sheet, await compare(session, name, sheet.debts, key))


def _told(file: LookedAtFile) -> ToldList:
    kind, _, rest = (file.debts or "").partition("/")
    agency, _, code = rest.partition("/")
    return ToldList(agency, DebtKind(kind), code)


def list_row(address: str, one: DebtListValue) -> TableRow:
    """A version of a list as a row."""
    facts = KINDS[DebtKind(one.kind)]
    cells = (
        *(one.created_at, one.code, LocalizedText(facts.title, facts.title_en), one.version),
        *(one.row_count, one.amount, LIST_STATES[one.state]),
    )
    return TableRow(one.id, cells, f"{address}/{one.id}")


def debt_table(address: str, page: Page[DebtValue], part: str) -> ShownTable:
    """Debts as a table, each leading to its bill."""
    rows = [
        TableRow(
            one.id,
            (
                *(one.code, one.amount, BILL_STATES[one.status], one.due_on),
                None if one.finding is None else FINDINGS[DebtFinding(one.finding)],
                one.difference or None,
            ),
            f"/staff/bills/{one.bill_id}",
        )
        for one in page.items
    ]
    kept = (("part", part),) if part else ()
    return ShownTable(address, _DEBT_COLUMNS, rows, AskedTable(), page.next_cursor, kept=kept)
