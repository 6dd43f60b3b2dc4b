"""The tracing letter (thư tra soát) about a discrepancy: a draft with all its figures. Pure.

Circular 81/2025/TT-BTC art. 7(5) and 8(4): treasury and bank reconcile, trace and correct.
"""

from dataclasses import dataclass
from datetime import date

from core.days import day_text
from core.money import format_vnd

#: What each class of discrepancy asks of whoever keeps the account.
_WISHES = {
    "missing_in_ledger": "Sổ của chúng tôi đã ghi nhận khoản này nhưng sao kê chưa có dòng ghi có."
    " Đề nghị kiểm tra và cho biết ngày ghi có.",
    "no_statement": "Chúng tôi chưa nhận được sao kê của ngày này. Đề nghị gửi sao kê.",
    "amount_mismatch": "Số tiền ghi có khác số tiền đã ghi nhận. Đề nghị kiểm tra chứng từ gốc.",
    "duplicate": "Khoản này được ghi có nhiều lần. Đề nghị xác nhận từng lần ghi có.",
    "unknown_in_ledger": "Dòng ghi có này chưa rõ nội dung. Đề nghị cung cấp thông tin người chuyển"
    " và nội dung đầy đủ của lệnh.",
    "reversed": "Khoản này đã được ghi có rồi ghi nợ trả lại. Đề nghị cho biết lý do.",
    "missing_in_settlement": "Cổng thanh toán đã báo thu khoản này nhưng tệp quyết toán chưa có."
    " Đề nghị kiểm tra và cho biết ngày quyết toán.",
    "not_paid_over": "Tệp quyết toán đã có khoản này nhưng tiền của lô chưa về tài khoản."
    " Đề nghị kiểm tra và cho biết ngày chuyển tiền.",
    "late": "Khoản này được ghi sổ sau ngày phải ghi. Đề nghị xác nhận ngày nhận lệnh.",
}


@dataclass(frozen=True, slots=True)
class TracedLine:
    """The statement's line that a letter asks about, as the bank wrote it."""

    booked_on: date
    bank_ref: str
    narrative: str


@dataclass(frozen=True, slots=True)
class TracedMatter:
    """What a letter is about; amounts in đồng."""

    id: str
    body: str
    account_number: str
    account_name: str
    business_on: date
    kind: str
    reference: str
    object_id: str
    amount: int
    other_amount: int | None
    reason: str
    line: TracedLine | None


def tracing_letter(matter: TracedMatter, on: date) -> str:
    """The letter, to be read over, dated and signed by people."""
    rows = [
        ("Số tra soát", matter.id),
        ("Tài khoản", f"{matter.account_number} · {matter.account_name}"),
        ("Ngày đối chiếu", day_text(matter.business_on)),
        ("Mã thanh toán", matter.reference or "(không có)"),
        ("Số tiền", format_vnd(matter.amount)),
    ]
    if matter.other_amount is not None:
        rows.append(("Số tiền bên kia", format_vnd(matter.other_amount)))
    if matter.line is not None:
        rows += [
            ("Ngày ghi sổ", day_text(matter.line.booked_on)),
            ("Số tham chiếu của ngân hàng", matter.line.bank_ref or "(không có)"),
            ("Nội dung trên sao kê", matter.line.narrative or "(không có)"),
        ]
    rows += [("Mã giao dịch của chúng tôi", matter.object_id), ("Chênh lệch", matter.reason)]
    table = "\n".join(f"- {label}: {value}" for label, value in rows)
    return (
        f"{matter.body}\n\n"
        f"THƯ TRA SOÁT\nNgày {day_text(on)}\n\n"
        "Kính gửi: Kho bạc Nhà nước / ngân hàng nơi mở tài khoản\n\n"
        f"{_WISHES.get(matter.kind, 'Đề nghị kiểm tra khoản sau.')}\n\n"
        f"{table}\n\n"
        "Căn cứ: Thông tư 81/2025/TT-BTC, Điều 7 khoản 5 và Điều 8 khoản 4"
        " (đối chiếu, tra soát, điều chỉnh).\n\n"
        "Người lập (ký, ghi rõ họ tên)                Kế toán trưởng (ký, ghi rõ họ tên)\n"
    )
