"""What a cell of a staff table says is text, whoever wrote it."""

import pytest

from app.web.languages import LANGUAGES, Language
from app.web.templating import ENVIRONMENTS

HOSTILE = "<b>Lê & 5%</b>"


def cell(language: Language, value: str, kind: str) -> str:
    module = ENVIRONMENTS[language].get_template("keep_table.html").module
    return str(module.cell_of(value, kind))  # type: ignore[attr-defined]  # a macro


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["words", "text", "code"])
def test_a_name_of_somebodys_is_never_markup(language: Language, kind: str) -> None:
    """The set-up's log names who did a thing where it has words of ours of what acts by itself."""
    said = cell(language, HOSTILE, kind)
    assert "<b>" not in said
    assert "&lt;b&gt;Lê &amp; 5%&lt;/b&gt;" in said


def test_our_own_words_are_in_the_language_of_the_page() -> None:
    assert "Đã nạp" in cell("vi", "Đã nạp", "words")
    assert "Đã nạp" not in cell("en", "Đã nạp", "words")
