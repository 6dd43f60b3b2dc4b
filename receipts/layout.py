"""The parts of a receipt's page: heading, facts, fee items, sums, signature, foot.

The contents are those of Decree 254/2026/NĐ-CP, article 23, clause 2, laid out after the reference
form 01/PLPĐT of Circular 91/2026/TT-BTC. Two rules of that clause are kept in the styles: another
language stands in brackets or beneath in a smaller size, and what is ours (check code, QR, notes,
marks) is never larger than what the law asks for.
"""

from datetime import datetime
from enum import StrEnum

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A5

from core import qr
from core.clock import VIETNAM
from core.lettering import drawable_form
from receipts.content import Delegate, Payer, ReceiptContent, ReceiptLine, SignatureNote
from receipts.law import ReceiptRules
from receipts.styles import (
    CODE,
    DEMO,
    DETAIL,
    ENGLISH,
    ENGLISH_HEAD,
    ENGLISH_MARK,
    ENGLISH_NAME,
    FACT,
    FINE,
    HEAD,
    LABEL,
    MARK,
    NAME,
    NOTE,
    NOTE_MARK,
    NUMBER,
    SEAL_TINT,
    SIGNER,
    STRONG,
    TITLE,
    TOTAL,
)
from receipts.typesetting import (
    ACCENT,
    ALERT,
    MUTED,
    SEAL,
    Block,
    Style,
    beside,
    filled,
    modules,
    rule,
    space,
    stack,
    text,
    width,
)

WIDTH, HEIGHT = A5
MARGIN = 30.0
ROOM = WIDTH - 2 * MARGIN
TOP = HEIGHT - 25.0

_QR_SIDE = 66.0
_PAYER_LABELS, _SUM_LABELS = 104.0, 126.0
_SIDE = 7.0
_QUANTITY, _AMOUNT = "Số lượng", "Số tiền (đồng)"


class Mark(StrEnum):
    """What has become of a receipt since it was issued, shown across the top of its page."""

    REPLACED = "replaced"
    NOTIFIED = "notified"
    REFUNDED = "refunded"


_MARKS = {
    Mark.REPLACED: ("BIÊN LAI ĐÃ BỊ THAY THẾ, KHÔNG CÒN GIÁ TRỊ", "Replaced, no longer valid"),
    Mark.NOTIFIED: ("BIÊN LAI ĐÃ THÔNG BÁO CÓ SAI SÓT", "Notified as containing an error"),
    Mark.REFUNDED: ("SỐ TIỀN CỦA BIÊN LAI ĐÃ ĐƯỢC HOÀN TRẢ", "Refunded"),
}
_DEMO = ("BẢN THỬ NGHIỆM – KHÔNG CÓ GIÁ TRỊ PHÁP LÝ", "DEMO – no legal value")


def heading(content: ReceiptContent, rules: ReceiptRules) -> Block:
    """The body, the identity of the receipt, and its title with the date."""
    issuer = content.issuer
    right = 94.0
    left = ROOM - right - 13
    inner = right - 16
    body = stack(
        [
            text(issuer.name, NAME, left, most=3),
            text(issuer.name_en, ENGLISH_NAME, left, most=3),
            space(2),
            text(f"Mã số thuế: {issuer.tax_code}", FACT, left),
            _contact("Địa chỉ", issuer.address, left),
            _contact("Điện thoại", issuer.phone, left),
            _contact("Tài khoản", issuer.account, left),
            *_delegate(content.delegate, left),
        ]
    )
    identity = filled(
        stack(
            [
                _pair("Mẫu số", content.template, STRONG, inner),
                _pair("Ký hiệu", content.symbol, STRONG, inner),
                _pair("Số", str(content.number), NUMBER, inner),
            ]
        ),
        right,
    )
    return stack(
        [
            beside([(0, body), (ROOM - right, identity)]),
            space(9),
            text(rules.title.upper(), TITLE, ROOM, align="center"),
            text(f"({rules.title_en})", ENGLISH_NAME, ROOM, align="center"),
            text(f"Ngày {content.issued_on:%d/%m/%Y}", FACT, ROOM, align="center"),
        ]
    )


def _delegate(delegate: Delegate, room: float) -> list[Block]:
    """Who collects in the body's name, as large as what the law asks for; nothing where nobody."""
    if not delegate.name:
        return []
    return [
        space(2),
        text(f"Tổ chức được ủy quyền thu: {delegate.name}", FACT, room, most=4),
        text(f"Địa chỉ: {delegate.address}" if delegate.address else "", FACT, room, most=4),
    ]


def _contact(label: str, value: str, room: float) -> Block:
    return text(f"{label}: {value}" if value else "", DETAIL, room, most=2)


def continued_heading(content: ReceiptContent, rules: ReceiptRules) -> Block:
    """The short heading of a second page, enough to know which receipt it belongs to."""
    which = f"{content.template} · {content.symbol} · Số {content.number}"
    return stack(
        [
            text(content.issuer.name, STRONG, ROOM, most=2),
            text(f"{rules.title}, {which}, tiếp theo", FACT, ROOM),
        ]
    )


def _pair(label: str, value: str, style: Style, room: float) -> Block:
    """A label on the left and its value at the right edge of one line."""
    left = text(label, LABEL.level_with(style), room)
    return beside([(0, left), (0, text(value, style, room, align="right"))])


def banners(content: ReceiptContent, mark: Mark | None, note: str) -> Block:
    """What a reader must not miss: what became of it, what it replaces, that it is a demo."""
    banners: list[Block] = []
    if mark:
        banners.append(_banner(*_MARKS[mark], note, fill=ALERT))
    if content.replaces is not None:
        earlier = content.replaces
        sentence = (
            f"Thay thế cho biên lai mẫu {earlier.template}, ký hiệu {earlier.symbol}, "
            f"số {earlier.number}, ngày {earlier.issued_on:%d/%m/%Y}."
        )
        banners.append(text(sentence, FACT, ROOM, align="center"))
    if content.demo:
        banners.append(_banner(*_DEMO, "", fill=DEMO))
    return stack(banners, gap=4)


def _banner(vietnamese: str, english: str, note: str, *, fill: Color) -> Block:
    inner = ROOM - 16
    lines = stack(
        [
            text(vietnamese, MARK, inner, align="center"),
            text(english, ENGLISH_MARK, inner, align="center"),
            text(note, NOTE_MARK, inner, align="center", most=2),
        ]
    )
    return filled(lines, ROOM, fill=fill, pad=(8, 2.5))


def parties(content: ReceiptContent) -> list[Block]:
    """Who paid, for whom and for what dossier, fact by fact; what is not known has no line."""
    payer, other = content.payer, content.on_behalf_of
    facts = [
        ("Người nộp", "Payer", payer.name, STRONG),
        ("Địa chỉ", "Address", payer.address, FACT),
        ("Mã số thuế", "Tax code", payer.tax_code, FACT),
        ("Số giấy tờ", "Identity number", payer.identity, FACT),
        ("Nộp thay cho", "On behalf of", _in_one(other), FACT),
        ("Mã hồ sơ", "Dossier", content.dossier_number, FACT),
        ("Mã tham chiếu", "Reference", content.reference, FACT),
    ]
    return [_fact(*fact, labels=_PAYER_LABELS, most=3) for fact in facts if fact[2]]


def _in_one(party: Payer) -> str:
    """A party in one fact, so that a usual receipt stays one page."""
    number = f"mã số thuế {party.tax_code}" if party.tax_code else ""
    return "; ".join(part for part in (party.name, number, party.address) if part)


def _fact(
    label: str, english: str, value: str, style: Style, *, labels: float, most: int | None = None
) -> Block:
    """A labelled line over a hairline; `labels` is the width kept for the label."""
    shown = beside(
        [
            (0, _bilingual(label, english, LABEL.level_with(style))),
            (labels, text(value, style, ROOM - labels, most=most)),
        ],
        pad=1,
    )
    return stack([shown, rule(ROOM)])


def _bilingual(label: str, english: str, style: Style) -> Block:
    """A label with its English in brackets on the same line."""
    return beside(
        [
            (0, text(label, style, ROOM)),
            (width(f"{label} ", style), text(f"({english})", ENGLISH.level_with(style), ROOM)),
        ]
    )


class Table:
    """The fee items. Each column is its left edge and width in points, as wide as it must be."""

    def __init__(self, content: ReceiptContent) -> None:
        self._total = content.amount
        amounts = max(width(_grouped(line.amount), FACT) for line in content.lines)
        quantities = max(width(_quantity(line), FACT) for line in content.lines)
        amount = max(amounts, width(_AMOUNT, HEAD)) + 0.1
        quantity = min(max(quantities, width(_QUANTITY, HEAD)) + 0.1, 110.0)
        edge = ROOM - _SIDE
        self._amount = (edge - amount, amount)
        self._quantity = (self._amount[0] - 14 - quantity, quantity)
        self._what = (30.0, self._quantity[0] - 30 - 12)
        self._place = (_SIDE, 20.0)

    @property
    def head(self) -> Block:
        """The headings, in the colour of the band."""
        cells = [
            _head_cell(self._place, "STT", "No.", "left"),
            _head_cell(self._what, "Khoản thu", "Fee item", "left"),
            _head_cell(self._quantity, _QUANTITY, "Quantity", "right"),
            _head_cell(self._amount, _AMOUNT, "Amount", "right"),
        ]
        return filled(beside(cells), ROOM, fill=ACCENT, pad=(0, 2.5), radius=2)

    def row(self, place: int, line: ReceiptLine) -> Block:
        """One fee item over a hairline."""
        description = text(line.description, FACT, self._what[1], most=20)
        what = stack([description, _below(line, self._what[1])])
        quantity = text(_quantity(line), FACT, self._quantity[1], align="right")
        amount = text(_grouped(line.amount), FACT, self._amount[1], align="right")
        cells = [
            (self._place[0], text(str(place), FACT, self._place[1])),
            (self._what[0], what),
            (self._quantity[0], quantity),
            (self._amount[0], amount),
        ]
        return stack([beside(cells, pad=2.5), rule(ROOM)])

    def sum(self) -> Block:
        """The last line of the table."""
        room = ROOM - 2 * _SIDE
        amount = text(f"{_grouped(self._total)} đồng", TOTAL, room, align="right")
        label = _bilingual("Tổng cộng", "Total", STRONG.level_with(TOTAL))
        return filled(beside([(23, label), (0, amount)]), ROOM, pad=(_SIDE, 3), radius=2)


def _head_cell(
    column: tuple[float, float], label: str, english: str, align: str
) -> tuple[float, Block]:
    lines = [
        text(label, HEAD, column[1], align=align),
        text(english, ENGLISH_HEAD, column[1], align=align),
    ]
    return column[0], stack(lines)


def _below(line: ReceiptLine, room: float) -> Block:
    """The budget sub-item and the English of a fee item, on one line where they fit."""
    sub_item = f"Tiểu mục {line.sub_item}" if line.sub_item else ""
    offset = width(f"{sub_item}   ", NOTE) if sub_item else 0.0
    english = ENGLISH.level_with(NOTE)
    if offset + width(drawable_form(line.description_en), english) <= room:
        return beside(
            [(0, text(sub_item, NOTE, room)), (offset, text(line.description_en, english, room))]
        )
    return stack([text(sub_item, NOTE, room), text(line.description_en, english, room, most=8)])


def _quantity(line: ReceiptLine) -> str:
    """How much of the fee's unit, and how many copies: "3 trang × 2 bản"."""
    counted = f"{_grouped(line.quantity)} {line.unit}".rstrip()
    return f"{counted} × {_grouped(line.copies)} bản" if line.copies > 1 else counted


def sums(content: ReceiptContent) -> Block:
    """The amount in words, the way it was paid and when; what is not known has no line."""
    facts = [
        ("Bằng chữ", "In words", f"{content.amount_in_words}.", STRONG),
        ("Hình thức thanh toán", "Paid by", content.payment_method, FACT),
        ("Thời điểm thanh toán", "Paid at", _vietnamese_time(content.paid_at), FACT),
    ]
    return stack([_fact(*fact, labels=_SUM_LABELS) for fact in facts if fact[2]], gap=1)


def closing(content: ReceiptContent, signature: SignatureNote | None) -> Block:
    """The way to check the receipt, and the signature of the body."""
    half = ROOM * 0.47
    aside = half - _QR_SIDE - 9
    check = beside(
        [
            (0, modules(qr.matrix(content.check_url), _QR_SIDE)),
            (
                _QR_SIDE + 9,
                stack(
                    [
                        text("Quét mã hoặc mở địa chỉ dưới đây để kiểm tra", NOTE, aside),
                        text("Scan to check this receipt", ENGLISH, aside),
                        space(3),
                        text("Mã tra cứu", LABEL, aside),
                        text(content.check_code, CODE, aside),
                    ]
                ),
            ),
        ]
    )
    left = stack([check, space(3), text(content.check_url, NOTE, half, most=6)])
    right = ROOM - half - 14
    return beside([(0, left), (half + 14, _seal(signature, right))])


def _seal(signature: SignatureNote | None, room: float) -> Block:
    """The place of the signature."""
    inner = room - 16
    if signature is None:
        lines = [text("Chưa ký số", FACT, inner), text("Not signed", ENGLISH, inner)]
        panel = filled(stack(lines), room, fill=None, stroke=MUTED)
    else:
        lines = [
            _bilingual("Ký bởi", "Signed by", LABEL),
            text(signature.signer, SIGNER, inner, most=4),
            space(1),
            _bilingual("Ngày ký", "Signed on", LABEL),
            text(_vietnamese_time(signature.signed_at), SIGNER, inner),
        ]
        panel = filled(stack(lines), room, fill=SEAL_TINT, stroke=SEAL)
    return stack(
        [
            text("TỔ CHỨC THU PHÍ, LỆ PHÍ", STRONG, room, align="center"),
            text("(Chữ ký số)", DETAIL, room, align="center"),
            space(4),
            panel,
        ]
    )


def foot(content: ReceiptContent, place: int, pages: int) -> Block:
    """What the page is, what it rests on, and which page of how many."""
    room = ROOM - 50
    what = (
        "Bản thể hiện của biên lai điện tử. Bản gốc là tệp XML có chữ ký số, "
        "tải tại địa chỉ kiểm tra."
    )
    basis = f"Căn cứ: {'; '.join(content.legal_basis)}." if content.legal_basis else ""
    lines = stack(
        [
            text(what, NOTE, room),
            text(
                "A display of the electronic receipt; the signed XML is the original.", FINE, room
            ),
            text(content.language_note, NOTE, room, most=2),
            text(basis, NOTE, room, most=3),
        ]
    )
    count = text(f"Trang {place}/{pages}", NOTE, 50, align="right")
    return stack([rule(ROOM), space(3), beside([(0, lines), (room, count)])])


def _vietnamese_time(at: datetime | None) -> str:
    """A moment in Vietnam's time, as the law has dates; empty for none."""
    return "" if at is None else f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def _grouped(value: int) -> str:
    """A whole number as Vietnamese readers group it: 1.234.567."""
    return f"{value:,}".replace(",", ".")
