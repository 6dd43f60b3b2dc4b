"""Makes any text safe to put in a document of record. Pure.

What a payer or another system typed ends up in a signed XML and in a printed page. Both must say
the same thing, so the text is mended once, here, before it is frozen: it is never refused, because
the money has been taken and a receipt is due whatever the name looks like.
"""

import unicodedata

from core.unseen import is_unseen

#: Marks the place where a text longer than its field was cut.
CUT = "…"

#: Never part of a line of text, beside what nobody sees: C0/C1 controls, surrogates, private use
#: and unassigned code points (the noncharacters are among them).
_REMOVED = frozenset({"Cc", "Cs", "Co", "Cn"})


def clean(text: str, limit: int) -> str:
    """`text` as one line in NFC, without invisible characters, at most `limit` characters long.

    White space of every kind, line breaks included, becomes one space. Markup is left as it is:
    it is only text, and whoever writes XML or HTML escapes it. `clean(clean(t)) == clean(t)`.
    """
    # A hostile megabyte is cut before the per-character work; the margin leaves room for letters
    # that arrive decomposed.
    head = text[: limit * 8 + 64]
    spaced = " ".join("".join(_visible(character) for character in head).split())
    # Removing a character can bring a letter and its mark together, hence NFC last.
    composed = unicodedata.normalize("NFC", spaced)
    if not composed or (len(composed) <= limit and len(head) == len(text)):
        return composed
    return composed[: limit - 1].rstrip(f" {CUT}") + CUT


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    removed = is_unseen(character) or unicodedata.category(character) in _REMOVED
    return "" if removed else character
