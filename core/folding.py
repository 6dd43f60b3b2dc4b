"""Vietnamese text as it is compared: without marks, case, or the accidents of typing. Pure."""

import unicodedata


def without_marks(text: str, *, compatible: bool = False) -> str:
    """The text with its diacritics taken off and đ as d: "Nộp lệ phí" is "Nop le phi".

    `compatible` also takes a character for what it stands for: "①" is "1", a full-width "Ａ" is
    "A".
    """
    if text.isascii():
        return text
    plain = text.replace("đ", "d").replace("Đ", "D")
    spread = unicodedata.normalize("NFKD" if compatible else "NFD", plain)
    return "".join(character for character in spread if not unicodedata.combining(character))


def single_spaced(text: str) -> str:
    """The text in one form (NFC), each run of white space as one space, none at the ends."""
    # Plain ASCII, as most of a statement's cells are, has one form only.
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def caseless(text: str) -> str:
    """A heading or a word as it is compared: single-spaced and without regard to case."""
    return single_spaced(text).casefold()
