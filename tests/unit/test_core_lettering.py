"""What a receipt's page can draw, and what is said of the rest."""

import pytest
from reportlab.pdfbase import pdfmetrics

from core.lettering import DRAWN, complaint, drawable_form, undrawable
from receipts.typesetting import BOLD, ITALIC, REGULAR, register_fonts

VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"

#: Code points of the files that are no characters of a text: a line's end and the last one of all.
_NO_TEXT = {"\r", "\uffff"}


def test_the_table_is_what_the_files_of_the_typeface_have_in_common() -> None:
    register_fonts()
    each = [
        {chr(code) for code in pdfmetrics.getFont(name).face.charToGlyph}  # type: ignore[attr-defined]
        for name in (REGULAR, BOLD, ITALIC)
    ]
    assert set.intersection(*each) - _NO_TEXT == DRAWN


def test_every_vietnamese_letter_is_drawn() -> None:
    letters = VIETNAMESE + VIETNAMESE.upper() + "₫–—“”…•×·"
    assert drawable_form(letters) == letters
    assert undrawable(letters) == ""


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("王小明", "[U+738B U+5C0F U+660E]"),
        ("Ánh 中 An", "Ánh [U+4E2D] An"),
        ("An 😀", "An [U+1F600]"),
        ("x\u0488y", "x[U+0488]y"),
        ("Иван", "[U+0418 U+0432 U+0430 U+043D]"),
        ("№ 5 Ánh ₫ Ａ", "No 5 Ánh ₫ A"),
        ("O\u02bcBrien Anna\u2010Maria\u2011An", "O’Brien Anna-Maria-An"),
        ("👨\u200d👩 ❤\ufe0f", "[U+1F468 U+200D U+1F469] [U+2764 U+FE0F]"),
        ("?", "?"),
        ("", ""),
    ],
)
def test_what_the_typeface_lacks_is_told_by_its_number(text: str, drawn: str) -> None:
    assert drawable_form(text) == drawn


@pytest.mark.parametrize("figure", ["⑤", "5\u20e3", "⅑", "㉕"])
def test_a_figure_in_another_dress_never_reads_as_another_figure(figure: str) -> None:
    assert "U+" in drawable_form(f"1{figure}")


def test_each_character_that_cannot_be_drawn_is_named_once_and_in_order() -> None:
    assert undrawable("王小王 An") == "王小"
    assert undrawable("Nguye\u0302\u0303n №\u200b\u202e\u3000An") == ""
    assert undrawable("O\u02bcBrien Anna\u2010Maria\u2011An") == ""
    assert undrawable("x\ue000\ufffe\u0488") == "\ue000\ufffe\u0488"


def test_the_complaint_names_the_characters_in_vietnamese() -> None:
    said = complaint("王😀\ue000")
    assert said.startswith("Biên lai không in được ký tự “王” (U+738B), “😀” (U+1F600), U+E000.")
    assert "Latin" in said
    assert " và 3 ký tự khác." in complaint("一二三四五六七八")
