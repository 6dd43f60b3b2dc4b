"""One language at a time: how a page's language is found, and that no text lacks its English."""

import string
from typing import Any

import pytest
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from app.web.languages import KEPT, keep, language_of, other_than, preferred
from app.web.translations import WORDS, Words
from core.lettering import complaint
from core.money import MAX_AMOUNT
from core.unseen import unseen_complaint
from receipts.english_words import amount_in_english
from scripts import words as catalogues


def asked(path: str = "/", query: str = "", method: str = "GET", **headers: str) -> Request:
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "https",
        "headers": [(name.replace("_", "-").encode(), headers[name].encode()) for name in headers],
    }
    return Request(scope)


def lacking(path: Any) -> list[str]:
    """The texts that a catalogue has no words for, or that nobody says any more."""
    said = catalogues.said()
    has = {str(entry.id): entry for entry in catalogues.read(path) if entry.id}
    untold = [text for text in said if text not in has or not has[text].string]
    doubtful = [text for text, entry in has.items() if entry.fuzzy]
    return [*untold, *doubtful, *(text for text in has if text not in said)]


def test_every_text_of_ours_has_its_words_in_every_language() -> None:
    assert [path.parts[-3] for path in catalogues.catalogues()] == ["en"]
    assert {path.name: lacking(path) for path in catalogues.catalogues()} == {"lephi.po": []}


def test_no_words_are_said_several_times_over() -> None:
    """A translation that was filled in twice is one long text that says itself again."""

    def repeated(text: str) -> bool:
        return len(text) > 20 and text in (text + text)[1:-1]

    assert repeated("The note is too long." * 3)
    for path in catalogues.catalogues():
        assert [str(one.id) for one in catalogues.read(path) if repeated(str(one.string))] == []


def test_a_missing_an_empty_and_an_idle_text_are_noticed(tmp_path: Any) -> None:
    (path,) = catalogues.catalogues()
    text = path.read_text(encoding="utf-8")
    broken = tmp_path / "en" / "LC_MESSAGES" / "lephi.po"
    broken.parent.mkdir(parents=True)
    # One entry renamed: its text is missing, and the new name is said by nobody.
    broken.write_text(text.replace('msgid "Đã nộp đủ"', 'msgid "Đã nộp"'), encoding="utf-8")
    assert lacking(broken) == ["Đã nộp đủ", "Đã nộp"]
    broken.write_text(text.replace('msgstr "Paid in full"', 'msgstr ""'), encoding="utf-8")
    assert lacking(broken) == ["Đã nộp đủ"]


def test_what_stands_for_a_value_is_the_same_in_both_languages() -> None:
    def places(text: str) -> set[str]:
        return {piece.partition(")s")[0] for piece in text.split("%(")[1:]}

    differing = {
        text: said for text, said in WORDS["en"].catalogue.items() if places(text) != places(said)
    }
    assert differing == {}


def test_the_catalogue_is_as_the_command_writes_it() -> None:
    for path in catalogues.catalogues():
        written = catalogues.renewed(catalogues.read(path), catalogues.said())
        assert path.read_bytes() == written, "run make words"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "vi"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("fr, en;q=0.5, vi;q=0.4", "en"),
        ("fr", "vi"),
        ("en;q=0", "vi"),
        ("*", "vi"),
        ("EN-us", "en"),
        (";;q=,,en;q=abc", "vi"),
    ],
)
def test_a_browsers_language_is_taken_where_nothing_was_chosen(
    accepted: str, language: str
) -> None:
    assert preferred(accepted) == language
    assert language_of(asked(accept_language=accepted)) == language


def test_a_choice_counts_more_than_what_is_kept_and_that_more_than_the_browser() -> None:
    browser = {"accept_language": "en"}
    kept = {**browser, "cookie": f"{KEPT}=vi"}
    assert language_of(asked(**browser)) == "en"
    assert language_of(asked(**kept)) == "vi"
    assert language_of(asked(query="lang=en", **kept)) == "en"
    assert language_of(asked(query="lang=xx", **kept)) == "vi"


def test_only_a_choice_is_kept() -> None:
    def cookie_of(query: str) -> str:
        answer = Response()
        keep(asked(query=query), answer)
        return answer.headers.get("set-cookie", "")

    assert f"{KEPT}=en" in cookie_of("lang=en")
    assert "HttpOnly" in cookie_of("lang=en")
    assert "Secure" in cookie_of("lang=en")
    assert cookie_of("") == cookie_of("lang=xx") == cookie_of("lang=%0d%0aSet-Cookie:a") == ""


def test_the_other_languages_link_leads_to_the_same_page_of_this_host() -> None:
    link = other_than("vi", asked("/b/LP1", "t=a%26b&lang=vi")).address
    assert link == "/b/LP1?t=a%26b&lang=en"
    assert other_than("en", asked("//evil.example/x")).address == "/evil.example/x?lang=vi"
    # What a form sent is not for an address: nobody's words stand in a history or a log.
    assert other_than("vi", asked("/p/a/b", "x=1", method="POST")).address == "/p/a/b?lang=en"


def test_a_value_in_a_text_is_no_markup_and_hides_nothing() -> None:
    words = Words("vi", {})
    said = words.say("<strong>%(name)s</strong>", name="<b>Án\u202e\u200b")
    assert said == Markup("<strong>&lt;b&gt;Án</strong>")


def test_what_there_is_in_vietnamese_alone_is_marked_on_an_english_page() -> None:
    english, vietnamese = WORDS["en"], WORDS["vi"]
    assert english.own("Hồ sơ <1>", "") == Markup('<span lang="vi">Hồ sơ &lt;1&gt;</span>')
    assert english.own("Hồ sơ", "Dossier") == "Dossier"
    assert vietnamese.own("Hồ sơ", "Dossier") == vietnamese.vietnamese("Hồ sơ") == "Hồ sơ"


def test_what_a_room_below_says_is_found_with_its_values() -> None:
    assert WORDS["en"].detail("Từ 1 đến 10.000.") == "From 1 to 10,000."
    most = "Một khoản phải nộp tối đa 10.000.000.000.000 đ."
    assert WORDS["en"].detail(most) == "One bill is 10,000,000,000,000 VND at most."
    assert WORDS["vi"].detail(most) == most
    assert 'lang="vi"' in WORDS["en"].detail("Một câu chưa ai dịch.")


def test_what_is_said_of_characters_that_cannot_be_taken_is_said_in_english() -> None:
    say = WORDS["en"].detail
    again = "; empty the box and type it again, do not paste it from elsewhere."
    unseen = "A character that nobody sees, or that turns the text round "
    assert say(unseen_complaint("\u200b\u202e")) == f"{unseen}(U+200B, U+202E){again}"
    more = "(U+200B, U+200B, U+200B, U+200B, U+200B and 2 more)"
    assert say(unseen_complaint("\u200b" * 7)) == f"{unseen}{more}{again}"
    undrawn = "A receipt cannot show the character “李” (U+674E)"
    latin = "Write Vietnamese or Latin letters, a foreigner's name as in the passport."
    assert say(complaint("李")) == f"{undrawn}. {latin}"
    assert say(complaint("李" * 6)).startswith(f"{undrawn}, “李” (U+674E)")
    assert " and 1 more. Write" in say(complaint("李" * 6))


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "Zero đồng"),
        (5000, "Five thousand đồng"),
        (1015, "One thousand and fifteen đồng"),
        (1_000_005, "One million and five đồng"),
        (21_342, "Twenty-one thousand three hundred and forty-two đồng"),
        (MAX_AMOUNT, "Ten trillion đồng"),
    ],
)
def test_an_amount_is_spelled_in_english(amount: int, words: str) -> None:
    assert amount_in_english(amount) == words


def test_every_spelling_in_english_stands_for_one_amount() -> None:
    seen = {
        amount_in_english(amount * step) for step in (1, 1000, 10**6) for amount in range(1, 1000)
    }
    assert len(seen) == 3 * 999
    assert set("".join(seen)) <= set(string.ascii_letters + " -đồng")
