"""Amounts that a spreadsheet has read as decimals: 20.000 has become 20.

Whole amounts of a million and more keep their dots, for no spreadsheet takes two of them for a
decimal. So a file that has lost its thousands holds amounts under a thousand and none between a
thousand and a million; its sums and balances agree, for they were lost with the rest. Pure.
"""

import re
from collections.abc import Iterable, Sequence

from core.errors import FieldError
from core.folding import caseless, without_marks
from core.references import find_references
from reconciliation.formats.mappings import AmountColumns
from reconciliation.formats.rows import StatementRow, fault_at
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.formats.settlement_rows import SettlementRow

_THOUSAND, _MILLION = 1_000, 1_000_000
_FEW = "dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999"
#: What a bank pays in small change: such a line says nothing about the others.
_INTEREST_WORDS = re.compile(r"\b(?:lai (?:suat|tien gui|nhap von|khong ky han)|interest)\b")
#: With its mark the word is interest; without, it may be "lại".
_INTEREST = re.compile(r"\blãi\b")
#: What it takes; a payer who writes "phí dịch vụ" pays it, and is no debit.
_BANKS_FEE = re.compile(r"\bphi (?:sms|dich vu)\b")


def may_be_lost(amounts: Iterable[int]) -> bool:
    """Whether none of these amounts, in whole đồng, is one that would have kept its thousands."""
    return not any(_THOUSAND <= amount < _MILLION for amount in amounts)


def lost_of_gateway(rows: Sequence[SettlementRow], layout: SettlementLayout) -> list[FieldError]:
    """As `lost_thousands`, of what payers paid at a gateway; fees and what goes back may be small.

    A layout whose amounts are times a hundred divides a file in đồng; both look alike, and there
    what goes back is divided too.
    """
    paid = [row for row in rows if row.kind != "adjustment"]
    apart = layout.style.thousands or layout.scale > 1
    telling = [row for row in paid if row.kind == "payment" or layout.scale > 1]
    small = any(row.amount < _THOUSAND for row in telling)
    if not apart or not small or not may_be_lost(row.amount for row in paid):
        return []
    why = "bảng tính có thể đã đọc 20.000 thành 20"
    if layout.scale > 1:
        why = f"số tiền trong tệp có thể là đồng, chưa nhân {layout.scale}"
    detail = f"{_FEW}: {why}; hãy xuất lại tệp từ cổng, hoặc chọn mẫu khác"
    return [
        fault_at(
            row.line_no, layout.columns["amount"], "lost_thousands", f"{row.amount} là {detail}"
        )
        for row in paid
        if row.amount < _THOUSAND
    ]


def lost_thousands(rows: Sequence[StatementRow], amounts: AmountColumns) -> list[FieldError]:
    """A fault for each line whose amount seems to have lost its thousands; none where none has."""
    if not amounts.style.thousands or not may_be_lost(row.amount for row in rows):
        return []
    detail = f"{_FEW}: bảng tính có thể đã đọc 20.000 thành 20; hãy xuất lại tệp từ ngân hàng"
    return [
        fault_at(row.line_no, _column(row, amounts), "lost_thousands", f"{row.amount} là {detail}")
        for row in rows
        if row.amount < _THOUSAND and not _is_small_change(row)
    ]


def _is_small_change(row: StatementRow) -> bool:
    words = caseless(row.narrative)
    plain = without_marks(words)
    if row.direction == "debit":
        return _BANKS_FEE.search(plain) is not None
    # Interest is nobody's fee: words that name a bill are a payer's.
    if find_references(f"{row.reference or ''} {row.narrative}"):
        return False
    return bool(_INTEREST.search(words) or _INTEREST_WORDS.search(plain))


def _column(row: StatementRow, amounts: AmountColumns) -> str:
    sides = {"credit": amounts.credit_column, "debit": amounts.debit_column}
    return amounts.column or sides[row.direction]
