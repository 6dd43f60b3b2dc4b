"""Which characters a receipt's page can draw, and how it tells of one that it cannot. Pure.

The page of a receipt must say what its signed XML says. Its typeface (Be Vietnam Pro) has the Latin
letters; for the rest there are two rules. At the door, where somebody can still mend it, a text
that cannot be drawn is refused by name (`undrawable`). What came another way (an old row, an
imported catalogue, a certificate's owner) never stops a receipt: `drawable_form` writes such a
character out by its number in Unicode, as in [U+4E2D U+6587], which says which one stands in the
XML where a question mark would say nothing.

The table below is what the three cuts of the typeface have in common; a test reads the files.
"""

import unicodedata
from itertools import groupby

_DRAWN = (
    "0020-007E 00A0-0107 010A-0113 0116-011B 011E-0121 0126-012B 012E-0131 0139-013A 013D-013E"
    " 0141-0144 0147-0148 014C-014D 0150-0155 0158-015B 015E-016B 016E-017E 01A0-01A1 01AF-01B0"
    " 01E6-01E7 02C6-02C7 02D8-02DC 0300-0304 0306-030C 0312 031B 0323 0326-0328 1E20-1E21"
    " 1E80-1E85 1E9E 1EA0-1EF9 2013-2014 2018-201A 201C-201E 2020-2022 2026 2030 2039-203A 2044"
    " 2070 2074-2079 2080-2089 20AB-20AC 2122 215B-215E 2212 2215 2248 2260 2264-2265"
)


def _spelled_out(table: str) -> frozenset[str]:
    ends = (part.partition("-")[::2] for part in table.split())
    return frozenset(
        chr(code)
        for first, last in ends
        for code in range(int(first, 16), int(last or first, 16) + 1)
    )


#: Every character that the page draws as itself.
DRAWN = _spelled_out(_DRAWN)

#: Kinds of look-alikes that read the same: full and half width, fonts, ligatures, other spaces and
#: hyphens. A raised, circled or broken figure would read as another figure.
_SAME_READING = ("<wide>", "<narrow>", "<font>", "<compat>", "<noBreak>")

#: Hyphens, dashes and apostrophes that other systems write where ours has another.
_SAME_STROKE = {"\u2010": "-", "\u2012": "–", "\u2015": "—", "\u02bc": "’", "\u2032": "'"}

#: Breaks, marks of direction and other format characters: no text of a receipt keeps them.
_UNSEEN = frozenset({"Cc", "Cf", "Zl", "Zp"})

#: How many characters a complaint names.
_NAMED = 5


def drawable_form(text: str) -> str:
    """The text in characters that the page can draw, each of the others as itself told by number.

    A look-alike that reads the same stands for its original (a full-width letter, №).
    """
    if text.isascii() or DRAWN.issuperset(text):
        return text
    parts = []
    for lacking, run in groupby((_drawn(c) or c for c in text), lambda c: not DRAWN.issuperset(c)):
        if lacking:
            parts.append(f"[{' '.join(f'U+{ord(character):04X}' for character in run)}]")
        else:
            parts.extend(run)
    return "".join(parts)


def undrawable(text: str) -> str:
    """The characters of a text that the page cannot draw, each once, in order of appearance."""
    composed = unicodedata.normalize("NFC", text)
    lacking = (
        character
        for character in composed
        if _drawn(character) is None
        and not character.isspace()
        and unicodedata.category(character) not in _UNSEEN
    )
    return "".join(dict.fromkeys(lacking))


def complaint(lacking: str) -> str:
    """What a person is told of `undrawable` characters, in Vietnamese."""
    named = ", ".join(_named(character) for character in lacking[:_NAMED])
    more = f" và {len(lacking) - _NAMED} ký tự khác" if len(lacking) > _NAMED else ""
    return (
        f"Biên lai không in được ký tự {named}{more}. Hãy viết bằng chữ Việt hoặc chữ Latin, "
        "tên người nước ngoài như trong hộ chiếu."
    )


def _named(character: str) -> str:
    shown = f"“{character}” " if unicodedata.category(character)[0] in "LNPS" else ""
    return f"{shown}(U+{ord(character):04X})" if shown else f"U+{ord(character):04X}"


def _drawn(character: str) -> str | None:
    """The character as the page draws it, None where it cannot."""
    if character in DRAWN:
        return character
    if character in _SAME_STROKE:
        return _SAME_STROKE[character]
    if not unicodedata.decomposition(character).startswith(_SAME_READING):
        return None
    simple = "".join(
        _SAME_STROKE.get(part, part) for part in unicodedata.normalize("NFKC", character)
    )
    return simple if simple.strip() and DRAWN.issuperset(simple) else None
