"""Amounts that a spreadsheet has read as decimals: 20.000 has become 20.

Whole amounts of a million and more keep their dots, for no spreadsheet takes two of them for a
decimal. So a file that has lost its thousands holds amounts under a thousand and none between a
thousand and a million; its sums and balances agree, for they were lost with the rest. Pure.
"""

import re
from collections.abc import Sequence

from core.errors import FieldError
from core.folding import caseless, without_marks
from core.references import find_references
from reconciliation.formats.mappings import AmountColumns
from reconciliation.formats.rows import StatementRow, fault_at

_THOUSAND, _MILLION = 1_000, 1_000_000
#: What a bank pays in small change: such a line says nothing about the others.
_INTEREST_WORDS = re.compile(r"\b(?:lai (?:suat|tien gui|nhap von|khong ky han)|interest)\b")
#: With its mark the word is interest; without, it may be "lại".
_INTEREST = re.compile(r"\blãi\b")
#: What it takes; a payer who writes "phí dịch vụ" pays it, and is no debit.
_BANKS_FEE = re.compile(r"\bphi (?:sms|dich vu)\b")


def lost_thousands(rows: Sequence[StatementRow], amounts: AmountColumns) -> list[FieldError]:
    """A fault for each line whose amount seems to have lost its thousands; none where none has."""
    if not amounts.style.thousands or any(_THOUSAND <= row.amount < _MILLION for row in rows):
        return []
    detail = (
        "dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999: bảng tính có thể đã đọc"
        " 20.000 thành 20; hãy xuất lại tệp từ ngân hàng"
    )
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
