"""How many parts an SMS takes, and a text without marks, which takes fewer. Pure.

GSM 03.38 (3GPP TS 23.038) has 160 characters in one SMS of seven bits each, 153 in each of several;
what stands in its extension costs two. One character outside, as any Vietnamese letter with a mark
that French lacks, and the whole is UCS-2: 70 alone, 67 in each of several. A body pays by the part.
"""

from typing import Final

from core.folding import without_marks

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
_WHOLE: Final = _BASIC | _EXTENDED
#: How many units one alone has, and each of several.
_SEVEN_BITS: Final = (160, 153)
_UCS2: Final = (70, 67)
#: What has no mark to take off and is in neither table.
_PLAIN: Final = {"–": "-", "—": "-", "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "·": "-"}
#: In the place of what nothing else stands for.
_LACKING: Final = "?"


def is_gsm(text: str) -> bool:
    """Whether an SMS of that text has seven bits for each character."""
    return _WHOLE.issuperset(text)


def parts_of(text: str) -> int:
    """How many parts an SMS of that text has; one for none at all.

    A character of two units (an extension, or one beyond the BMP in UCS-2) is never cut: it begins
    the next part.
    """
    if is_gsm(text):
        units, (alone, each) = [2 if one in _EXTENDED else 1 for one in text], _SEVEN_BITS
    else:
        units, (alone, each) = [2 if ord(one) > 0xFFFF else 1 for one in text], _UCS2
    if sum(units) <= alone:
        return 1
    parts, left = 1, each
    for size in units:
        if size > left:
            parts, left = parts + 1, each
        left -= size
    return parts


def plain(text: str) -> str:
    """The text without marks, in characters of seven bits only: "Nộp 5.000 đ" is "Nop 5.000 d"."""
    spelled = "".join(_PLAIN.get(one, one) for one in text)
    return "".join(one if is_gsm(one) else _LACKING for one in without_marks(spelled))
