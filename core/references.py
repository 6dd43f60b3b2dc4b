"""References: what a payer's bank carries back to us in the text of a transfer.

`LP`, ten random characters, two check characters: 14 in all, upper-case ASCII without I, O, 0, 1
and without separators, since banks upper-case a memo, put spaces inside it, wrap it in text of
their own and cut it. The check characters are those of a Reed–Solomon code over GF(32) that
covers the prefix too. Its minimum distance is 3, so one or two wrong characters are always
detected: every mistyped character, and every swap of two different ones, adjacent or not. A
reference that fails its check is unknown; it is never corrected.

Pure.
"""

import re
import secrets
from collections.abc import Mapping

from core.folding import without_marks

#: The 32 characters in use; a character's place is its value, five bits.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

PREFIX = "LP"
BODY_LENGTH = 10
CHECK_LENGTH = 2
#: How many digits a body has where a bank takes no letters: it is a number below 32^10.
DIGITS_LENGTH = 16
LENGTH = len(PREFIX) + BODY_LENGTH + CHECK_LENGTH

_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_FORM = f"{PREFIX}[{ALPHABET}]{{{BODY_LENGTH + CHECK_LENGTH}}}"
_ONE = re.compile(_FORM)
#: A look-ahead matches without consuming, so a reference that begins inside another is seen too.
_EVERY = re.compile(f"(?=({_FORM}))")
#: What is as long as a reference and begins like one.
_EVERY_LIKE = re.compile(f"(?=({PREFIX}[0-9A-Z]{{{LENGTH - len(PREFIX)}}}))")
_NOT_PLAIN = re.compile("[^0-9A-Z]+")

# GF(32) as polynomials over GF(2) modulo x^5 + x^2 + 1, in which x generates all 31 units.
_MODULUS = 0b100101
# (y - x)(y - x^2) = y^2 + (x + x^2) y + x^3: the roots are consecutive powers of a generator,
# which is what gives the code its distance of 3.
_GENERATOR_1 = 0b00110
_GENERATOR_0 = 0b01000


def _multiply(left: int, right: int) -> int:
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0b100000:
            left ^= _MODULUS
        right >>= 1
    return product


def _remainder(values: list[int]) -> int:
    """The check value of a word: its two check symbols as one ten-bit number."""
    high = low = 0
    for value in values:
        feedback = value ^ high
        high = low ^ _multiply(_GENERATOR_1, feedback)
        low = _multiply(_GENERATOR_0, feedback)
    return high << 5 | low


def _contributions() -> tuple[Mapping[str, int], ...]:
    after = BODY_LENGTH - 1
    return tuple(
        {c: _remainder([value] + [0] * (after - position)) for c, value in _VALUE.items()}
        for position in range(BODY_LENGTH)
    )


#: The code is linear: a body's check value is PREFIX_VALUE xor the contribution of each of its
#: characters at its position. Public so that set-based matching (SQL) can compute the same.
CONTRIBUTIONS = _contributions()
PREFIX_VALUE = _remainder([_VALUE[c] for c in PREFIX] + [0] * BODY_LENGTH)

_PAIRS = tuple(high + low for high in ALPHABET for low in ALPHABET)


def check_characters(body: str) -> str:
    """The two check characters of a ten-character body.

    Raises ValueError if `body` is not ten characters of the alphabet.
    """
    if len(body) != BODY_LENGTH:
        raise ValueError(f"a reference's body has {BODY_LENGTH} characters")
    check = PREFIX_VALUE
    try:
        for contribution, character in zip(CONTRIBUTIONS, body, strict=True):
            check ^= contribution[character]
    except KeyError as error:
        raise ValueError("a character outside the alphabet of references") from error
    return _PAIRS[check]


def new_reference() -> str:
    """A new reference with 50 random bits; uniqueness is the database's to enforce."""
    body = "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(BODY_LENGTH)])
    return f"{PREFIX}{body}{check_characters(body)}"


def is_reference(text: str) -> bool:
    """Whether `text` is a reference exactly as we write it, with right check characters."""
    return _ONE.fullmatch(text) is not None and _checks(text)


def find_references(text: str) -> list[str]:
    """Every distinct valid reference in a bank's text, in order of appearance.

    Looks at every position of `normalise(text)`, so references that overlap are all given: a
    caller that wants certainty takes a result only if it is the single one it knows.
    """
    found = (match[1] for match in _EVERY.finditer(normalise(text)))
    return list(dict.fromkeys(filter(_checks, found)))


def digits_of(reference: str) -> str:
    """A reference as sixteen digits: another reference has other ones."""
    number = 0
    for character in reference[len(PREFIX) : -CHECK_LENGTH]:
        number = number * len(ALPHABET) + _VALUE[character]
    return f"{number:0{DIGITS_LENGTH}d}"


def reference_of(digits: str) -> str | None:
    """The reference whose `digits_of` these are; None where they are no reference's."""
    if len(digits) != DIGITS_LENGTH or not (digits.isascii() and digits.isdecimal()):
        return None
    number, body = int(digits), ""
    for _ in range(BODY_LENGTH):
        number, value = divmod(number, len(ALPHABET))
        body = ALPHABET[value] + body
    return None if number else f"{PREFIX}{body}{check_characters(body)}"


def near_references(text: str) -> list[str]:
    """Right references that differ from one in the text by a character, or by two swapped ones.

    Two references differ in three places or more, so a wrong character leads to one at most.
    """
    found: list[str] = []
    for match in _EVERY_LIKE.finditer(normalise(text)):
        said = match[1]
        if is_reference(said):
            continue
        start = len(PREFIX)
        for place in range(start, LENGTH):
            head, tail = said[:place], said[place + 1 :]
            found += [one for letter in ALPHABET if is_reference(one := head + letter + tail)]
        for place in range(start, LENGTH - 1):
            swapped = said[:place] + said[place + 1] + said[place] + said[place + 2 :]
            if is_reference(swapped):
                found.append(swapped)
    return list(dict.fromkeys(found))


def normalise(text: str) -> str:
    """`text` as it is searched: upper case, without diacritics, only A–Z and 0–9 left."""
    if not text.isascii():
        text = without_marks(text, compatible=True)
    return _NOT_PLAIN.sub("", text.upper())


def _checks(reference: str) -> bool:
    return check_characters(reference[len(PREFIX) : -CHECK_LENGTH]) == reference[-CHECK_LENGTH:]
