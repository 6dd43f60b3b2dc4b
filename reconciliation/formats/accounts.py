"""The accounts that a statement names above its heading, and whether one of them is ours.

Pure.
"""

import re
from collections.abc import Sequence

from core.folding import caseless, without_marks

#: What a statement may write between "account" and its number, or before it, without marks.
_BETWEEN = (
    r"(?:so|no|number|vnd|vn|dong|viet nam|tien|gui|thanh toan|ke toan|giao dich|chuyen thu|thu"
    r"|phi|chi tiet|cua|don vi|khach hang|hien tai|khong|co|ky han|nsnn|kbnn|ngan hang|tai|kho bac"
    r"|bank|current|deposit|payment)"
)
#: Words that a number of an account follows, without marks; its holder and balance are no account.
_NAMED = re.compile(
    r"(?<!chu )(?<!ten )(?<!so du )"
    r"(?:\b(?:so |ma |so hieu )?(?:tai khoan|tk)\b|\bstk\b|\baccount\b|\bacct?\b|\ba/c\b)"
    rf"(?:[^0-9a-z*]{{0,5}}{_BETWEEN}\b){{0,6}}[^0-9a-z*]*"
    # Days stand there too: 01.11.2026.
    r"(?![0-9]{1,2}[.-][0-9]{1,2}[.-][0-9]{4}\b)"
    r"([0-9x*][0-9x*. -]{4,38}[0-9x*]|(?=[a-z*.-]{0,12}[0-9])[0-9a-z*][0-9a-z*.-]{4,30}[0-9a-z*])"
)
_APART = re.compile(r"[^0-9x*]")
#: Part of an account's number tells which it is from here on.
_ENOUGH = 8
#: So many digits are to be seen of a number that is hidden in part.
_SHOWN = 4


def named_accounts(cells: Sequence[str]) -> list[str]:
    """The numbers of accounts in a row, without what separates their groups; hidden digits as x.

    Of a number that has letters, as virtual accounts do, the digits are what counts.
    """
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
    if "x" in named:
        # However many digits are hidden, what stands before and after them is seen.
        first, last = named.partition("x")[0], named.rpartition("x")[2]
        shown = len(first) + len(last)
        return _SHOWN <= shown <= len(own) and own.startswith(first) and own.endswith(last)
    return len(shorter) >= _ENOUGH and shorter in longer
