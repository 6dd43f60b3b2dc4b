"""What a bank's own reference of money tells, however it is written. Pure.

Real ones are placeholders, cut, suffixed, written in another case, or rounded by a spreadsheet.
"""

import re

from core.folding import without_marks

_SUFFIX = re.compile(r"[\\;].*", re.DOTALL)
#: The label of who tells it, behind a whole reference: `FT26331000123/BNK`, `… (VCB)`.
_LABEL = re.compile(r"(?<=[0-9A-Z])[^0-9A-Z]+[A-Z]{2,4}[^0-9A-Z]*$")
#: A number that a spreadsheet took for a fraction: `5260001.0`.
_FRACTION = re.compile(r"([0-9]{4,})[.,]0{1,2}")
_NOT_OF_A_NAME = re.compile(r"[^0-9A-Z]")
#: A long number that a spreadsheet has shortened.
_ROUNDED = re.compile(r"[0-9]([.,][0-9]+)?\s*E\s*[+]?[0-9]+")
#: What a spreadsheet writes around a text.
_QUOTES = "=\"' "
#: The fewest characters that tell something: letters and digits, digits alone, letters alone.
_SHORTEST, _SHORTEST_NUMBER, _SHORTEST_WORD = 3, 4, 6
#: The fewest before a label, for what is shorter may need it to be told apart.
_SHORTEST_LABELLED = 8
#: What stands where there is no reference, as far as it is longer than the shortest word.
_PLACEHOLDERS = frozenset(
    {
        *("NONREF", "NONREFERENCE", "NOREFERENCE", "NOTPROVIDED", "NOTAVAILABLE", "UNKNOWN"),
        *("UNDEFINED", "KHONGCO", "KHONGRO", "KHONGXACDINH", "KHONGTHAMCHIEU"),
    }
)
#: Words that say, one after the other and with zeros among them, that there is none.
NOTHING = re.compile(
    r"(?:0|NONE|NON|NOT|NO|N/?A|NULL|NIL|UNKNOWN|UNDEFINED|UNSPECIFIED|MISSING|EMPTY|BLANK|DEFAULT"
    r"|PENDING|INVALID|TEST|REFERENCE|REF|NUMBER|INFO|AVAILABLE|PROVIDED|APPLICABLE|SPECIFIED|TRANSFER"
    r"|KHONG|CHUA|CO|RO|XAC|DINH|CAP|NHAT|TRONG|RONG|THAM|CHIEU|SO|MA|GIAO|DICH|GD|CHUYEN|KHOAN|TIEN)+"
)


def is_rounded(bank_ref: str) -> bool:
    """Whether a spreadsheet has written the reference as a rounded number: `5.26E+15`."""
    return _ROUNDED.fullmatch(bank_ref.strip().strip(_QUOTES).upper()) is not None


def plain_bank_ref(bank_ref: str) -> str:
    """A bank's reference without what differs between those who tell it; "" if it tells nothing.

    Case, marks, blanks, punctuation, leading zeros, a suffix after `\\` or `;`, a label of two to
    four letters behind eight characters or more, and the fraction that a spreadsheet gave a number
    go. Nothing is left of a placeholder (`NONREF`, `N/A`, zeros, `Không có`, one character many
    times), of what is shorter than three characters (a bare number: four, letters alone: six), and
    of a number that a spreadsheet has rounded.
    """
    told = bank_ref.upper()
    if not (told.isascii() and told.isalnum()):  # most are plain as they come, and there are many
        told = _unlabelled(without_marks(told, compatible=True).strip())
    plain = line_bank_ref(told)
    return "" if NOTHING.fullmatch(plain) else plain


def _unlabelled(told: str) -> str:
    """A reference in capitals without a spreadsheet's fraction, suffix and label."""
    if fraction := _FRACTION.fullmatch(told):
        return fraction[1]
    told = _SUFFIX.sub("", told).strip()
    stem = _NOT_OF_A_NAME.sub("", _LABEL.sub("", told))
    return stem if len(stem) >= _SHORTEST_LABELLED and not stem.isalpha() else told


def line_bank_ref(bank_ref: str) -> str:
    """The part of a reference that names a statement's line; "" if it tells nothing.

    It sees less than `plain_bank_ref` does, and must not learn more: the lines that are stored are
    known by it, and a file that tells of them again has to name them as it did.
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
