"""The accounts that a statement names above its heading, and whether one of them is ours.

Pure.
"""

import re
from collections.abc import Sequence

from core.folding import caseless, without_marks

#: Words that a number of an account follows, without marks.
_NAMED = re.compile(
    r"(?:\b(?:so )?tai khoan(?: so)?|\bso tk|\bstk|\baccount(?: (?:no|number))?)\b[^0-9a-z*]{0,5}"
    r"([0-9x*][0-9x*. -]{4,38}[0-9x*])"
)
_APART = re.compile(r"[^0-9x*]")
#: Part of an account's number tells which it is from here on.
_ENOUGH = 8


def named_accounts(cells: Sequence[str]) -> list[str]:
    """The numbers of accounts in a row, without what separates their groups; hidden digits as x."""
    said = without_marks(caseless(" ".join(cells)))
    return [_APART.sub("", found[1]).replace("*", "x") for found in _NAMED.finditer(said)]


def is_of_account(named: Sequence[str], account_number: str) -> bool:
    """Whether a statement that names these accounts may be of ours; one that names none may.

    A number may be hidden in part, and the treasury's may stand with or without the code of its
    office: what both tell must agree.
    """
    own = _APART.sub("", account_number.casefold())
    return not named or any(_agrees(one, own) for one in named)


def _agrees(named: str, own: str) -> bool:
    shorter, longer = sorted((named, own), key=len)
    if len(shorter) == len(longer):
        return all(a == b or "x" in (a, b) for a, b in zip(named, own, strict=True))
    return len(shorter) >= _ENOUGH and shorter in longer
