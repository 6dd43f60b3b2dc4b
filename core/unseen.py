"""Characters that nobody sees: refused at the doors, left out wherever a text is shown. Pure.

A mark of direction turns a line round, and one without width makes two names of what looks like
one. A person who sees a page, a person who holds the paper and whoever approves what somebody asked
for must read the same. So where somebody can still mend it, a text with such a character is
refused by name: in the body of every request (`core.bodies`), in the cells of the catalogue's
files, in what the command line takes. What came another way stays as it came where it is kept as
evidence (a bank's narrative, an old row), and both page and paper show it by `without_unseen`.

Which these are: the format characters, separators of lines and paragraphs, and of the other
characters that Unicode calls ignorable where they are not supported (DerivedCoreProperties,
Default_Ignorable_Code_Point) those that stand for nothing by themselves; with the blank of Braille,
which is a blank that no one takes for one.
"""

import unicodedata
from collections.abc import Iterator

from core.errors import FieldError

_KINDS = frozenset({"Cf", "Zl", "Zp"})
_BLANKS = "034F 115F-1160 17B4-17B5 180B-180F 2065 2800 3164 FE00-FE0F FFA0 FFF0-FFF8 E0000-E0FFF"

#: How many characters a complaint names, and how much of a field's path.
_NAMED = 5
_LONGEST_PATH = 200


def _spelled_out(table: str) -> frozenset[str]:
    ends = (part.partition("-")[::2] for part in table.split())
    return frozenset(
        chr(code)
        for first, last in ends
        for code in range(int(first, 16), int(last or first, 16) + 1)
    )


_WITHOUT_INK = _spelled_out(_BLANKS)


def is_unseen(character: str) -> bool:
    """Whether nobody sees a character, or sees only what it does to others."""
    return unicodedata.category(character) in _KINDS or character in _WITHOUT_INK


def unseen(text: str) -> str:
    """The characters of a text that nobody sees, each once, in order of appearance."""
    if text.isascii():
        return ""
    return "".join(dict.fromkeys(filter(is_unseen, text)))


def without_unseen(text: str) -> str:
    """A text as page and paper show it: what nobody sees left out, and nothing else changed."""
    return text if text.isascii() else "".join(c for c in text if not is_unseen(c))


def unseen_complaint(found: str) -> str:
    """What a person is told of `unseen` characters, in Vietnamese."""
    named = ", ".join(f"U+{ord(character):04X}" for character in found[:_NAMED])
    more = f" và {len(found) - _NAMED} ký tự khác" if len(found) > _NAMED else ""
    return (
        f"Có ký tự không nhìn thấy được hoặc đảo chiều chữ ({named}{more});"
        " hãy xóa ô rồi gõ lại, đừng dán từ nơi khác."
    )


def unseen_faults(value: object, path: str = "") -> Iterator[FieldError]:
    """A fault for each text of a JSON value that has such a character; names of fields count too.

    `path` is where the value stands, as a dotted path.
    """
    if isinstance(value, str):
        if found := unseen(value):
            yield FieldError(path[:_LONGEST_PATH] or "body", "unseen", unseen_complaint(found))
    elif isinstance(value, dict):
        for name, inner in value.items():
            if found := unseen(name):
                # Not repeated: it would not be seen in the answer either.
                yield FieldError(path[:_LONGEST_PATH] or "body", "unseen", unseen_complaint(found))
            else:
                yield from unseen_faults(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from unseen_faults(inner, f"{path}.{place}" if path else str(place))


def all_seen(text: str) -> str:
    """The same text. Raises ValueError for a character that nobody sees."""
    if found := unseen(text):
        raise ValueError(unseen_complaint(found))
    return text


def is_plain_line(text: str) -> bool:
    """Whether a text is one line of characters that can all be seen, spaces among them."""
    return text.isprintable() and not unseen(text)
