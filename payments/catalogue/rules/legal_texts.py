"""The numbers of the legal texts that a basis names. Pure.

"TT 226/2016/TT-BTC, Điều 4; NQ 06/2020/NQ-HĐND của HĐND TP Hà Nội" names two. A number in full has
its year and its issuer (NĐ 78/2025/NĐ-CP, Art. 5; laws: "60/2014/QH13"); only that tells one text
from all others. What looks like a number but lacks one of them is told apart, so that somebody
can write it in full: "1450/QĐ-TCT" is given anew every year, and "NQ 66.22" could be anybody's.
"""

import re
import unicodedata

#: The letters that are typed for Đ, and the dashes that are typed for a hyphen.
_TYPED = str.maketrans({"Ð": "Đ", "Ɖ": "Đ"} | dict.fromkeys("‐‑‒–—−", "-"))

_ORDINAL = r"(?<![\w/.])\d{1,5}(?:\.\d{1,3})?[a-z]?"
_YEAR = r"(?:19|20)\d\d"
#: Who issued it: capitals, or the Prime Minister (TTg); not the beginning of a word like "Hà".
_ISSUER = r"(?:TTg|[A-ZĐ&]{1,15}\d{0,2}(?![a-zà-ỹđ]))"
#: "TT-BTC", "NQ - HĐND", "TTLT-BTC-BTP", "TTLT/BTC-BTP". Blanks only about the first hyphen: behind
#: the others a remark may follow ("NQ-HĐND - TP Hà Nội").
_SYMBOL = rf"[A-ZĐ]{{2,5}}(?:\s*[-]\s*|(?<=TTLT)\s*/\s*){_ISSUER}(?:-{_ISSUER})*"
_ASSEMBLY = r"(?:UBTV)?QH\d{1,2}"
_END = r"(?![\w/])"

_IN_FULL = re.compile(rf"{_ORDINAL}\s*/\s*{_YEAR}\s*/\s*(?:{_ASSEMBLY}|{_SYMBOL}){_END}")
_KIND = (
    r"(?:TTLT|TT|NĐ|NQ|QĐ|CT|PL|Luật|Thông tư|Nghị định|Nghị quyết|Quyết định|Pháp lệnh)"
    r"(?:\s+số)?\s+"
)
_UNCLEAR = re.compile(
    rf"{_ORDINAL}\s*/\s*{_SYMBOL}{_END}"  # no year
    rf"|(?<!\w){_KIND}{_ORDINAL}(?:\s*/\s*{_YEAR})?(?![\w/]|\s*/|\.\d)",  # no issuer
)
_BLANKS = re.compile(r"\s+")
_ABOUT_MARKS = re.compile(r"\s*([-/])\s*")


def legal_numbers(basis: str) -> tuple[str, ...]:
    """The numbers in full that a basis names, each once, in order: ("226/2016/TT-BTC", …).

    Blanks about the slashes, dashes for hyphens and lookalikes of Đ are mended.
    """
    found = (_ABOUT_MARKS.sub(r"\1", number) for number in _IN_FULL.findall(_mended(basis)))
    return tuple(dict.fromkeys(found))


def unclear_numbers(basis: str) -> tuple[str, ...]:
    """What a basis names like a legal text, but without year or issuer: ("1450/QĐ-TCT",)."""
    left = _IN_FULL.sub(" ", _mended(basis))
    return tuple(dict.fromkeys(_BLANKS.sub(" ", text) for text in _UNCLEAR.findall(left)))


def _mended(basis: str) -> str:
    return unicodedata.normalize("NFC", basis).translate(_TYPED)
