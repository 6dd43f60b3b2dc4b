"""A stall's sticker on paper: both codes are read back, and the short code is nowhere."""

import re
from dataclasses import replace
from io import BytesIO

import pikepdf
import pytest

from adapters.bank_qr.emv import decode
from adapters.bank_qr.transfer import VietQrTransfer
from app.stickers.pdf import Sticker, draw_stickers
from tests.support.pdf import image_of, text_of
from tests.support.qr_images import texts_in

REFERENCE = "LPMCD9VHQ8FX5X"
STICKER = Sticker(
    body="Ủy ban nhân dân phường Bến Mẫu",
    market="Chợ Đồng Xuân",
    market_en="Dong Xuan market",
    stall="A-01",
    address=f"https://lephi.benmau.gov.vn/v/ubnd-ben-mau/{REFERENCE}",
    payload=VietQrTransfer().payload(
        bank_bin="970436",
        account_number="0011012345678",
        amount=None,
        reference=REFERENCE,
        static=True,
    ),
    reference=REFERENCE,
    holder="UBND PHUONG BEN MAU",
    account="5678",
    bank="Vietcombank",
)


def read_back(pdf: bytes) -> set[str]:
    """What a phone reads of the only page."""
    return set(texts_in(image_of(pdf, dpi=200).convert("L")))


def test_both_codes_of_a_sticker_are_read_back() -> None:
    found = read_back(draw_stickers([STICKER]))
    assert found == {STICKER.address, STICKER.payload}
    told = decode(STICKER.payload)
    assert (told.amount, told.purpose, told.account) == (None, REFERENCE, "0011012345678")


def test_a_sticker_says_whose_it_is_and_nothing_that_opens_the_page() -> None:
    said = re.sub(r"\s+", " ", text_of(draw_stickers([STICKER])))
    for words in ("Sạp A-01", "Chợ Đồng Xuân", "UBND PHUONG BEN MAU", REFERENCE, "•••• 5678"):
        assert words in said
    assert "0011012345678" not in said
    assert "CHẠY THỬ" not in said
    assert "CHẠY THỬ" in text_of(draw_stickers([replace(STICKER, trial=True)]))


@pytest.mark.parametrize(("sheets", "pages", "width"), [(False, 5, 298), (True, 2, 595)])
def test_a_page_each_or_four_on_a_sheet(sheets: bool, pages: int, width: int) -> None:
    five = [replace(STICKER, stall=f"A-{number:02}") for number in range(5)]
    pdf = draw_stickers(five, sheets=sheets)
    with pikepdf.open(BytesIO(pdf)) as document:
        assert len(document.pages) == pages
        assert round(float(document.pages[0].mediabox[2])) == width
    assert all(one.stall in text_of(pdf) for one in five)
    assert draw_stickers(five, sheets=sheets) == pdf


def test_long_names_stay_on_the_paper() -> None:
    long = replace(STICKER, stall="Ki-ốt B12 dãy hàng khô", market="Chợ " + "rất dài " * 12)
    assert read_back(draw_stickers([long])) == {STICKER.address, STICKER.payload}


def test_a_body_without_an_account_has_the_page_alone() -> None:
    assert read_back(draw_stickers([replace(STICKER, payload="")])) == {STICKER.address}
