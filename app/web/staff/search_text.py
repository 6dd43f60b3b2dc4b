"""What somebody may mean by what they typed into the one box of the search. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from core.folding import single_spaced
from core.money import MAX_AMOUNT
from core.references import find_references
from core.unseen import without_unseen

#: The longest text that is looked for.
LONGEST: Final = 200
_AMOUNT = re.compile(r"(\d{1,3}(?:[., ]\d{3})+|\d{1,14})(?: ?(?:đ|d|vnd|đồng))?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,8}")
_MOST_NUMBER = 99_999_999


@dataclass(frozen=True, slots=True)
class SearchText:
    """A text to look for; `amount` in đồng and `number` of a receipt, where it could be one."""

    text: str
    references: tuple[str, ...] = ()
    amount: int | None = None
    number: int | None = None

    @property
    def name(self) -> str:
        """The text as somebody's name; empty where it can be none."""
        return "" if any(character.isdigit() for character in self.text) else self.text


def search_text_of(typed: str) -> SearchText:
    """What was typed, without signs that nobody sees, in one form and single-spaced."""
    text = single_spaced(without_unseen(typed))[:LONGEST].strip()
    amount = _AMOUNT.fullmatch(text)
    figure = None if amount is None else int(re.sub(r"\D", "", amount[1]))
    number = int(text) if text.isascii() and _NUMBER.fullmatch(text) else None
    return SearchText(
        text,
        tuple(find_references(text)),
        figure if figure is not None and 0 < figure <= MAX_AMOUNT else None,
        number if number is not None and 0 < number <= _MOST_NUMBER else None,
    )
