"""TCVN3 ("ABC"), the letters of TCVN 5712:1993 VN3: how Vietnam wrote before Unicode. Pure.

Its capitals with tones are the small letters in another font, so text in it may come out small. A
spreadsheet that was typed in such a font holds, as Unicode, the Latin letters of the same codes:
"Ngµy" for "Ngày"; its files in UTF-8 are TCVN3 all the same.
"""

import codecs
from typing import Final

#: From A1 on; what is no letter is "?".
_LETTERS: Final = (
    "ĂÂÊÔƠƯĐăâêôơưđ??????àảãáạ?ằẳẵắ???????ặầẩẫấậè?ẻẽéẹềểễếệìỉ???ĩíịò?ỏõóọồổỗốộờởỡớợù?ủũúụừửữứựỳỷỹýỵ"
)
_NONE: Final = "\ufffe"
_TABLE: Final = (
    "".join(map(chr, range(0x80))) + _NONE * 0x20 + "\u00a0" + _LETTERS.replace("?", _NONE) + _NONE
)


def from_bytes(content: bytes) -> str:
    """The text of bytes in TCVN3. Raises `UnicodeDecodeError`."""
    text, _ = codecs.charmap_decode(content, "strict", _TABLE)
    return text


def from_latin(text: str) -> str:
    """The text that Latin letters of the same codes stand for. Raises `UnicodeError`."""
    return from_bytes(text.encode("latin-1"))


def from_cell(text: str) -> str:
    """As `from_latin`; what is not written in TCVN3 stays as it is."""
    try:
        return from_latin(text)
    except UnicodeError:
        return text
