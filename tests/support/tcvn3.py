"""Text in TCVN3, as old programs and fonts left it."""

from reconciliation.formats import tcvn3

_CODES = {
    letter: code
    for code, letter in enumerate(tcvn3._TABLE)
    if code >= 0xA1 and letter != tcvn3._NONE
}


def as_bytes(text: str) -> bytes:
    """Text in TCVN3; capitals with tones, which it has not, are written small."""
    return bytes(
        ord(letter) if letter.isascii() else _CODES.get(letter) or _CODES[letter.lower()]
        for letter in text
    )


def as_latin(text: str) -> str:
    """The same as a spreadsheet keeps it: Latin letters in a font of TCVN3."""
    return as_bytes(text).decode("latin-1")
