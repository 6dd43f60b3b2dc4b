import functools
import pickle
import subprocess
import sys
import unicodedata
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
import zxingcpp

from receipts.content import Delegate, Issuer, Payer, ReceiptContent, ReplacedReceipt
from receipts.layout import Mark
from receipts.pdf import draw
from receipts.typesetting import BOLD, REGULAR, Style, register_fonts, width, wrap
from receipts.xml import parse, render
from tests.support.pdf import fonts_of, image_of, text_of, words_of
from tests.support.receipts import HOSTILE, ISSUED_ON, NOTE, content, line

GOLDEN = Path(__file__).parents[1] / "golden" / "receipt.txt"
ROOT = Path(__file__).parents[2]
A5 = (419.53, 595.28)

WORDY = "Lệ phí đăng ký theo quy định của Hội đồng nhân dân thành phố " * 10
LONGEST = content(
    issuer=Issuer(WORDY, "0109876543-001", WORDY, "0" * 60, WORDY, WORDY),
    payer=Payer(WORDY, WORDY, "W" * 20, "M" * 40),
    on_behalf_of=Payer(WORDY, WORDY, "W" * 20, "M" * 40),
    delegate=Delegate(WORDY, WORDY),
    lines=(
        *(line(description=WORDY, description_en=WORDY, amount=10**9, copies=99) for _ in "123"),
        line(description="W" * 400, description_en="W" * 400, unit="W" * 20, quantity=10**12),
        line(description="Khoản cuối cùng", amount=10**12),
    ),
    payment_method="W" * 60,
    dossier_number="W" * 60,
    language_note=WORDY,
    check_url="https://" + "w" * 300,
    legal_basis=(WORDY,) * 6,
    replaces=ReplacedReceipt("EBL01", "26TAA", 7, date(2026, 11, 20)),
    demo=True,
)


@functools.cache
def usual() -> bytes:
    return draw(content(demo=True), NOTE)


def test_the_page_says_what_the_golden_file_says() -> None:
    assert text_of(usual()) == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "fact",
    [
        "BIÊN LAI THU PHÍ, LỆ PHÍ ĐIỆN TỬ",
        "EBL01",
        "26TAA",
        "128",
        "Ủy ban nhân dân phường Cửa Nam",
        "Mã số thuế: 0109876543",
        "Chứng thực bản sao từ bản chính",
        "5.000",
        "Năm nghìn đồng",
        "22/11/2026",
        "Ký bởi",
        "Chuyển khoản",
    ],
)
def test_the_contents_that_the_law_asks_for_are_there(fact: str) -> None:
    assert fact in text_of(usual())


def test_a_usual_receipt_is_one_a5_page() -> None:
    three = draw(content(lines=(line(), line(), line()), demo=True), NOTE)
    for pdf in (usual(), three):
        with pikepdf.open(BytesIO(pdf)) as opened:
            assert len(opened.pages) == 1
            left, bottom, right, top = (float(side) for side in opened.pages[0].mediabox)
            assert (right - left, top - bottom) == pytest.approx(A5, abs=0.1)
            assert opened.Root.Lang == "vi"


def test_every_font_is_embedded_and_readable_as_text() -> None:
    fonts = fonts_of(usual())
    assert {name for name, _, _ in fonts} == {
        "BeVietnamPro-Regular",
        "BeVietnamPro-Bold",
        "BeVietnamPro-Italic",
    }
    assert all(embedded and readable for _, embedded, readable in fonts)


def test_the_same_receipt_is_the_same_bytes_in_another_process() -> None:
    assert draw(content(demo=True), NOTE) == usual()
    call = pickle.dumps((draw, content(demo=True), NOTE))
    code = (
        "import pickle, sys; draw, content, note = pickle.load(sys.stdin.buffer);"
        " pdf = draw(content, note);"
        " heavy = {'sqlalchemy', 'sqlmodel', 'fastapi', 'pyhanko', 'signxml', 'lxml', 'httpx2'};"
        " assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        " sys.stdout.buffer.write(pdf)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=call, capture_output=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == usual()


def height_of(pdf: bytes, text: str) -> float:
    heights = [word.height for word in words_of(pdf) if word.text == text]
    assert heights, text
    return min(heights)


def test_english_is_smaller_than_the_vietnamese_beside_it() -> None:
    pairs = [
        ("(Payer)", "nộp"),
        ("(Electronic", "LAI"),
        ("People's", "Ủy"),
        ("Quantity", "lượng"),
        ("(Total)", "cộng"),
        ("words)", "chữ"),
        ("DEMO", "NGHIỆM"),
        ("Certification", "2716"),
        ("display", "thể"),
        ("Scan", "Quét"),
    ]
    for english, vietnamese in pairs:
        assert height_of(usual(), english) < height_of(usual(), vietnamese), english


def test_nothing_of_ours_is_larger_than_what_the_law_asks_for() -> None:
    law = [
        *("EBL01", "26TAA", "128", "0109876543", "LAI", "22/11/2026", "chính", "5.000"),
        *("nghìn", "Ủy"),
    ]
    ours = ["7KQMX2PA9TRB", "Tiểu", "NGHIỆM", "LPK7QM2X4RTB9C", "Dung,", "XML", "1/1", "Quét"]
    smallest = min(height_of(usual(), text) for text in law)
    assert max(height_of(usual(), text) for text in ours) <= smallest


def test_the_qr_opens_the_check_page() -> None:
    found = zxingcpp.read_barcodes(image_of(usual()))
    assert [code.text for code in found] == ["https://lephi.example.vn/r/7KQMX2PA9TRB"]


def test_an_unsigned_page_says_so() -> None:
    written = text_of(draw(content()))
    assert "Chưa ký số" in written
    assert "Ký bởi" not in written


def test_a_receipt_without_a_payer_or_dossier_leaves_no_empty_lines() -> None:
    written = text_of(draw(content(payer=Payer(), dossier_number="", reference=""), NOTE))
    assert "Người nộp" not in written
    assert "Mã hồ sơ" not in written


def test_the_parties_of_a_payment_stand_on_the_page() -> None:
    receipt = content(
        payer=Payer("Nguyễn Thị Ngọc Ánh", "số 5 phố Huế", "0109876543"),
        on_behalf_of=Payer("Công ty Bình Minh", "số 7 phố Vọng", "0109876543-001"),
        delegate=Delegate("Bưu điện phường Cửa Nam", "số 9 phố Tràng Thi"),
    )
    written = text_of(draw(receipt, NOTE))
    for fact in (
        "Địa chỉ (Address) số 5 phố Huế",
        "Mã số thuế (Tax code) 0109876543",
        "Nộp thay cho (On behalf of) Công ty Bình Minh; mã số thuế 0109876543-001; số 7 phố",
        "Tổ chức được ủy quyền thu: Bưu điện phường Cửa Nam",
        "Địa chỉ: số 9 phố Tràng Thi",
    ):
        assert fact in written
    assert pages_of(draw(receipt, NOTE)) == 1
    smallest = min(height_of(draw(receipt, NOTE), word) for word in ("Tràng", "Vọng", "0109876543"))
    assert smallest >= height_of(draw(receipt, NOTE), "22/11/2026")


@pytest.mark.parametrize(
    ("mark", "sentence"),
    [
        (Mark.REPLACED, "BIÊN LAI ĐÃ BỊ THAY THẾ"),
        (Mark.NOTIFIED, "ĐÃ THÔNG BÁO CÓ SAI SÓT"),
        (Mark.REFUNDED, "ĐÃ ĐƯỢC HOÀN TRẢ"),
    ],
)
def test_what_became_of_a_receipt_is_marked_on_every_page(mark: Mark, sentence: str) -> None:
    many = content(lines=tuple(line(amount=n) for n in range(1, 30)))
    written = text_of(draw(many, NOTE, mark, "Thay bằng biên lai 26TAA số 130"))
    assert written.count(sentence) == pages_of(draw(many, NOTE, mark)) > 1
    assert "Thay bằng biên lai 26TAA số 130" in written
    assert sentence not in text_of(draw(many, NOTE))


def test_a_replacement_names_what_it_replaces() -> None:
    written = text_of(draw(content(replaces=ReplacedReceipt("EBL01", "26TAA", 7, ISSUED_ON)), NOTE))
    assert "Thay thế cho biên lai mẫu EBL01, ký hiệu 26TAA, số 7, ngày 22/11/2026." in written


def pages_of(pdf: bytes) -> int:
    with pikepdf.open(BytesIO(pdf)) as opened:
        return len(opened.pages)


def test_lines_that_do_not_fit_go_on_on_further_pages() -> None:
    many = content(lines=tuple(line(description=f"Khoản số {n}.", amount=n) for n in range(1, 41)))
    pdf = draw(many, NOTE)
    written = text_of(pdf)
    pages = pages_of(pdf)
    assert pages > 1
    assert all(f"Khoản số {n}." in written for n in range(1, 41))
    assert [f"Trang {n}/{pages}" in written for n in range(1, pages + 1)] == [True] * pages
    assert written.count("Tổng cộng") == written.count("Ký bởi") == 1
    last = {word.text for word in words_of(pdf) if word.page == pages - 1}
    assert {"40.", "cộng", "26TAA"} <= last


def overlapping(pdf: bytes) -> list[tuple[str, str]]:
    """Pairs of words whose boxes share more than the slack that line boxes always share."""
    words = words_of(pdf)
    return [
        (one.text, other.text)
        for place, one in enumerate(words)
        for other in words[place + 1 :]
        if one.page == other.page
        and min(one.right, other.right) - max(one.left, other.left) > 0.5
        and min(one.bottom, other.bottom) - max(one.top, other.top) > 0.15 * one.height
    ]


WIDEST = replace(
    LONGEST,
    issuer=Issuer("W" * 200, "0109876543-001", *("W" * 250,) * 4),
    payer=Payer(*("W" * 250,) * 4),
    on_behalf_of=Payer(*("W" * 250,) * 4),
    delegate=Delegate("W" * 200, "W" * 250),
)


@pytest.mark.parametrize("receipt", [content(demo=True), LONGEST, WIDEST])
def test_nothing_leaves_the_page_or_covers_anything_else(receipt: ReceiptContent) -> None:
    pdf = draw(receipt, NOTE, Mark.REPLACED, WORDY)
    outside = [
        word
        for word in words_of(pdf)
        if not (word.left > 10 and word.right < A5[0] - 10 and 8 < word.top < A5[1] - 8)
        or word.bottom > A5[1] - 5
    ]
    assert outside == []
    assert overlapping(pdf) == []


def test_the_check_for_covered_text_sees_a_label_that_runs_into_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("receipts.layout._SUM_LABELS", 80.0)
    assert overlapping(draw(content(), NOTE)) != []


def test_the_longest_amount_is_spelled_out_in_full() -> None:
    receipt = content(lines=(line(amount=9_999_999_999_999),))
    words = words_of(draw(receipt, NOTE))
    column = min(word.left for word in words if word.text == "Chín")
    drawn = " ".join(word.text for word in words if word.left >= column)
    assert "9.999.999.999.999 đồng" in drawn
    assert f"{receipt.amount_in_words}." in drawn


def test_hostile_text_is_drawn_as_the_text_it_is() -> None:
    payer = Payer(name=HOSTILE, address="</para><font size=99>x</font>" * 400)
    pdf = draw(content(payer=payer, lines=(line(description=HOSTILE),)), NOTE)
    drawn = " ".join(word.text for word in words_of(pdf))
    # The font has no full-width letters: the page shows the plain one.
    harmless = content(payer=payer).payer.name.replace("Ａ", "A")
    assert drawn.count(harmless) == 2
    assert "</para><fontsize=99>x</font>" in drawn.replace(" ", "")
    assert not {unicodedata.category(character) for character in drawn} & {"Cc", "Cf"}
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert "/OpenAction" not in opened.Root
        assert "/Names" not in opened.Root
        assert all("/Annots" not in page and "/AA" not in page for page in opened.pages)


def test_no_character_of_the_xml_becomes_a_question_mark() -> None:
    odd = content(
        payer=Payer(name="王小明 😀", address="Иван"),
        lines=(line(description="Phí ﷽"),),
        issuer=replace(content().issuer, name="Phường 中"),
    )
    written = text_of(draw(odd, NOTE))
    assert "?" not in written
    for told in ("[U+738B U+5C0F U+660E] [U+1F600]", "Phí [U+FDFD]", "Phường [U+4E2D]"):
        assert told in written
    assert "[U+0418 U+0432 U+0430 U+043D]" in written
    assert parse(render(odd)).payer.name == "王小明 😀"


def test_a_broken_paragraph_keeps_its_words_and_its_width() -> None:
    register_fonts()
    for style in (Style(REGULAR, 9), Style(BOLD, 14)):
        for text in (WORDY, "W" * 90, "một " + "x" * 200 + " hai"):
            lines = wrap(text, style, 100)
            assert max(width(line, style) for line in lines) <= 100
            assert "".join(lines).replace(" ", "") == text.replace(" ", "")
