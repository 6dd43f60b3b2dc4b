"""What a bank's own reference of money tells, however it is written. Pure.

Real ones are placeholders, cut, suffixed, written in another case, or rounded by a spreadsheet.
"""

import re

_SUFFIX = re.compile(r"[\\;].*", re.DOTALL)
_NOT_OF_A_NAME = re.compile(r"[^0-9A-Z]")
#: A long number that a spreadsheet has shortened.
_ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?E[+]?[0-9]+")
#: The fewest characters that tell something: letters and digits, digits alone, letters alone.
_SHORTEST, _SHORTEST_NUMBER, _SHORTEST_WORD = 3, 4, 6
#: What stands where there is no reference, as far as it is longer than the shortest word.
_PLACEHOLDERS = frozenset(
    {
        *("NONREF", "NONREFERENCE", "NOREFERENCE", "NOTPROVIDED", "NOTAVAILABLE", "UNKNOWN"),
        *("UNDEFINED", "KHONGCO", "KHONGRO", "KHONGXACDINH", "KHONGTHAMCHIEU"),
    }
)


def is_rounded(bank_ref: str) -> bool:
    """Whether a spreadsheet has written the reference as a rounded number: `5.26E+15`."""
    return _ROUNDED.fullmatch(bank_ref.strip().upper()) is not None


def plain_bank_ref(bank_ref: str) -> str:
    """A bank's reference without what differs between those who tell it; "" if it tells nothing.

    Case, blanks, punctuation, leading zeros and a suffix after `\\` or `;` go. Nothing is left of
    a placeholder (`NONREF`, `N/A`, zeros, one character many times), of what is shorter than three
    characters (a bare number: four, letters alone: six), and of a number that a spreadsheet has
    rounded.
    """
    if is_rounded(bank_ref):
        return ""
    plain = _NOT_OF_A_NAME.sub("", _SUFFIX.sub("", bank_ref.upper())).lstrip("0")
    shortest = _SHORTEST
    if plain.isdigit():
        shortest = _SHORTEST_NUMBER
    elif plain.isalpha():
        shortest = _SHORTEST_WORD
    informs = len(plain) >= shortest and len(set(plain)) > 1 and plain not in _PLACEHOLDERS
    return plain if informs else ""
