"""Receipts for tests: a whole one by default, changed field by field."""

from datetime import UTC, date, datetime
from typing import Any

from receipts.content import Issuer, Payer, ReceiptContent, ReceiptLine, SignatureNote
from receipts.law import rules_on
from receipts.words import amount_in_words

ISSUED_ON = date(2026, 11, 22)

#: What a browser, a printer or a forger would like to see taken seriously.
HOSTILE = (
    "<b>Nguyễn</b> &amp; <script>alert(1)</script> ]]> <!ENTITY x 'y'> "
    "\u202egnort\u202c a\u200bb\x00\x08\x1b[31m\ud800\ufdd0 \u2028 )Tj (x) {\\rtf} Ａ"
)


def line(**changes: Any) -> ReceiptLine:
    """Three certified pages, 5,000 đồng."""
    fields: dict[str, Any] = {
        "description": "Chứng thực bản sao từ bản chính",
        "amount": 5000,
        "quantity": 3,
        "unit": "trang",
        "sub_item": "2716",
        "description_en": "Certification of copies from originals",
    }
    return ReceiptLine(**fields | changes)


def content(**changes: Any) -> ReceiptContent:
    """A receipt for three certified pages; the sum and its words follow the lines."""
    lines: tuple[ReceiptLine, ...] = changes.get("lines", (line(),))
    amount: int = changes.get("amount", sum(item.amount for item in lines))
    words = amount_in_words(amount) if "amount_in_words" not in changes else ""
    fields: dict[str, Any] = {
        "template": "EBL01",
        "symbol": "26TAA",
        "number": 128,
        "issued_on": ISSUED_ON,
        "issuer": Issuer(
            name="Ủy ban nhân dân phường Cửa Nam",
            name_en="People's Committee of Cua Nam ward",
            tax_code="0109876543",
            address="số 2 phố Đặng Dung, phường Cửa Nam, thành phố Hà Nội",
            phone="024 3823 0000",
            account="3713.0.1055555.00000 tại Kho bạc Nhà nước Khu vực I",
        ),
        "payer": Payer(name="Nguyễn Thị Ngọc Ánh", identity="001190012345"),
        "lines": lines,
        "amount": amount,
        "amount_in_words": words,
        "payment_method": "Chuyển khoản",
        "dossier_number": "H26.11.05-261122-0007",
        "reference": "LPK7QM2X4RTB9C",
        "check_code": "7KQMX2PA9TRB",
        "check_url": "https://lephi.example.vn/r/7KQMX2PA9TRB",
        "legal_basis": rules_on(ISSUED_ON).basis,
        "paid_at": datetime(2026, 11, 22, 2, 35, 9, tzinfo=UTC),
    }
    return ReceiptContent(**fields | changes)


#: Signed at 09:35:14 in Hà Nội.
NOTE = SignatureNote(
    "Ủy ban nhân dân phường Cửa Nam (DEMO – không có giá trị pháp lý)",
    datetime(2026, 11, 22, 2, 35, 14, tzinfo=UTC),
)
