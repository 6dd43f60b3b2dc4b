"""Searching Vietnamese names as people type them: with or without marks, words in any order. Pure.

The marks come off here and not in the database, whose `unaccent` the embedded server does not
ship; a row keeps the result in `search_text`.
"""

from collections.abc import Iterable

from core.folding import without_marks

_MAX_WORDS = 12


def fold(text: str) -> str:
    """Lower case without Vietnamese marks; everything but letters, digits and dots is a space.

    "Chứng thực — bản sao (2.000815)" becomes "chung thuc ban sao 2.000815".
    """
    plain = without_marks(text.casefold())
    return " ".join(
        "".join(char if char.isalnum() or char == "." else " " for char in plain).split()
    )


def search_text(
    code: str, name_vi: str, name_en: str, field: str, other_codes: Iterable[str] = ()
) -> str:
    """What a search for a procedure looks through."""
    return fold(" ".join((code, name_vi, name_en, field, *other_codes)))


def search_words(query: str) -> tuple[str, ...]:
    """The words that a procedure must all contain; none for a query that says nothing."""
    return tuple(dict.fromkeys(fold(query).split()))[:_MAX_WORDS]
