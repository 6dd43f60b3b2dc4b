"""What in the words of a transfer may name a stall or whoever holds it. Pure.

Nothing here decides anything: what is found is shown to people, who look and ask for it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from core.folding import without_marks
from core.references import ALPHABET, LENGTH, PREFIX, normalise

#: A reference whose end was cut off.
_CUT: Final = re.compile(rf"{PREFIX}[{ALPHABET}]{{7,{LENGTH - len(PREFIX) - 1}}}$")
_WORD: Final = re.compile(r"[0-9A-Z]+")
#: After one of these a number alone may be a stall's code.
_PLACES: Final = frozenset({"SAP", "QUAY", "KIOT", "KIOS", "KIOSK", "STALL"})
#: How many words a name has.
_NAME_WORDS: Final = range(2, 6)
#: A transfer's words; whatever is longer is cut.
_MOST_WORDS: Final = 60
_SHORTEST_CODE: Final = 2


def words_of(text: str) -> list[str]:
    """The words of a transfer, in capitals and without marks."""
    return _WORD.findall(without_marks(text, compatible=True).upper())[:_MOST_WORDS]


def cut_reference(text: str) -> str | None:
    """The beginning of a reference at the end of a text that a bank has cut; None without one."""
    found = _CUT.search(normalise(text))
    return None if found is None else found[0]


def code_forms(words: Sequence[str]) -> list[str]:
    """What may be a stall's code, without what stands between its parts: A01, and 12 after SAP.

    A number by itself is a month or a day as well, so it counts after a word for a place alone.
    """
    pairs = [one + other for one, other in pairwise(words)]
    mixed = [form for form in (*words, *pairs) if _is_mixed(form)]
    told = [other for one, other in pairwise(words) if one in _PLACES]
    return list(dict.fromkeys(mixed + told))


def _is_mixed(form: str) -> bool:
    return len(form) >= _SHORTEST_CODE and not form.isdigit() and any(c.isdigit() for c in form)


def name_runs(words: Sequence[str]) -> list[str]:
    """What may be a whole name: each run of two to five words without a digit."""
    runs = [
        words[first : first + length]
        for length in _NAME_WORDS
        for first in range(len(words) - length + 1)
    ]
    plain = [" ".join(run) for run in runs if all(word.isalpha() for word in run)]
    return list(dict.fromkeys(plain))
