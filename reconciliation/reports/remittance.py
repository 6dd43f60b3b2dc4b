"""What a body pays in to the state budget, in the columns of its payment order (C1-02/NS).

A line is what of one sub-item is paid in; the order's total is that of its lines. Numbers that the
treasury, the tax authority or the bank gives to the order (its code, number and reference, the id
of what is payable) stay blank, for they come with it.
"""

from collections import defaultdict
from typing import Final

from core.money import format_vnd
from core.sessions import ReadSession
from payments.books.period_totals import list_revenue
from reconciliation.reports.periods import ReportPeriod
from reconciliation.reports.remittance_codes import RemittanceBearing, find_codes
from reconciliation.reports.revenue import undivided
from reconciliation.reports.scope import ReportScope
from reconciliation.reports.tables import (
    ChartSeries,
    ReportCell,
    ReportChart,
    ReportColumn,
    ReportTable,
    summed,
)

_COLUMNS: Final = (
    ReportColumn("line", "STT", "Line"),
    ReportColumn("payable_id", "Mã định danh khoản phải nộp (ID)", "Id of what is payable"),
    ReportColumn("decision", "Số tờ khai, quyết định, thông báo", "Declaration or notice"),
    ReportColumn("period", "Kỳ", "Period"),
    ReportColumn("description", "Nội dung khoản nộp NSNN", "Description"),
    ReportColumn("amount", "Số tiền (đồng)", "Amount"),
    ReportColumn("chapter", "Mã chương", "Chapter"),
    ReportColumn("sub_item", "Mã NDKT (tiểu mục)", "Sub-item"),
    ReportColumn("area_code", "Mã ĐBHC", "Area"),
)
_SUMMED: Final = frozenset({5})
_UNSET: Final = "chưa ghi (lephi report codes)"
_GIVEN_LATER: Final = "do cơ quan nhận lệnh cấp"


async def remittance_report(
    session: ReadSession, scope: ReportScope, period: ReportPeriod
) -> ReportTable:
    """What a body and its units pay in of a period, by sub-item."""
    found = await list_revenue(session, scope.agency_ids, period.first, period.last, "year")
    codes = await find_codes(session, scope.agency_id, period.last)
    due: dict[str, int] = defaultdict(int)
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for one in found:
        if one.paid_in:
            due[one.sub_item] += one.paid_in
            names[one.sub_item][one.description] = None
    days = f"{period.first:%d/%m/%Y}–{period.last:%d/%m/%Y}"
    rows: list[tuple[ReportCell, ...]] = [
        (
            *(number, "", "", days, "; ".join(names[sub_item]), amount),
            *("" if codes is None else codes.chapter, sub_item),
            "" if codes is None else codes.area_code,
        )
        for number, (sub_item, amount) in enumerate(sorted(due.items()), start=1)
    ]
    unknown = sum(undivided(one) for one in found)
    return ReportTable(
        name="remittance",
        title_vi="Bảng kê nộp ngân sách nhà nước (theo mẫu C1-02/NS)",
        title_en="Paid in to the state budget (columns of C1-02/NS)",
        agency=scope.name,
        first=period.first,
        last=period.last,
        columns=_COLUMNS,
        rows=rows,
        totals={"Tổng số tiền": summed(rows, _SUMMED)} if rows else {},
        facts=_facts(scope, codes),
        notes=_notes(due, unknown),
        chart=_chart(rows),
    )


def _facts(scope: ReportScope, codes: RemittanceBearing | None) -> dict[str, str]:
    return {
        "Mã hiệu chứng từ": _GIVEN_LATER,
        "Số chứng từ": _GIVEN_LATER,
        "Số tham chiếu": _GIVEN_LATER,
        "Người nộp": scope.name,
        "Mã số thuế": scope.tax_code,
        "Tài khoản KBNN": _UNSET if codes is None else codes.treasury_account,
        "Tại Kho bạc": _UNSET if codes is None else codes.treasury,
        "Cơ quan quản lý thu": _UNSET if codes is None else codes.managing_body,
    }


def _notes(due: dict[str, int], unknown: int) -> tuple[str, ...]:
    notes = []
    if unknown:
        notes.append(
            f"Chưa gồm {format_vnd(unknown)} của các khoản phí mà danh mục chưa ghi tỷ lệ để lại."
        )
    if "" in due:
        notes.append("Có khoản chưa có tiểu mục: ghi tiểu mục trong danh mục trước khi nộp.")
    if any(amount < 0 for amount in due.values()):
        notes.append("Tiểu mục có số âm: trong kỳ hoàn nhiều hơn thu; làm thủ tục với Kho bạc.")
    return tuple(notes)


def _chart(rows: list[tuple[ReportCell, ...]]) -> ReportChart | None:
    amounts = tuple(cell for row in rows if isinstance(cell := row[5], int))
    if not amounts:
        return None
    labels = tuple(f"{row[7]} · {row[4]}" for row in rows)
    return ReportChart(
        "Nộp ngân sách theo tiểu mục", "đồng", labels, (ChartSeries("Nộp ngân sách", amounts),)
    )
