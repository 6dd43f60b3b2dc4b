"""From the bytes of a statement to text, without a guess.

The order is safe because each step refuses what is not its own: a byte-order mark says what
follows; text in UTF-8 is valid by chance only if it is ASCII; what is left is the Vietnamese code
page of Windows, or it is refused. That code page writes tones as combining marks, so everything is
brought to NFC. Pure.
"""

import codecs
import re
import unicodedata

from reconciliation.formats.rows import StatementRefused, fault_of_file

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVE = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
#: Control characters have no place in a statement: where they are, it is not text.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def decode(content: bytes) -> str:
    """The text of a statement, in NFC. Raises `StatementRefused` if it is not text we know."""
    if content.startswith((_ARCHIVE, _OLD_EXCEL)):
        raise _refused("Đây là tệp Excel; hãy lưu lại dạng CSV UTF-8.")
    text = _decode(content)
    control = _CONTROL.search(text)
    if control is not None:
        row = text.count("\n", 0, control.start()) + 1
        raise _refused(f"Dòng {row} có ký tự điều khiển; đây không phải tệp CSV.")
    return unicodedata.normalize("NFC", text)


def _decode(content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                # A second mark is left by programs that put one before what had one already.
                return content[len(mark) :].decode(encoding).lstrip("\ufeff")
            except UnicodeDecodeError:
                raise _refused(f"Tệp có dấu {encoding} ở đầu nhưng không đọc được.") from None
    for encoding in ("utf-8", "cp1258"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("Không biết bảng mã của tệp; hãy lưu lại dạng CSV UTF-8.")


def _refused(detail: str) -> StatementRefused:
    return StatementRefused([fault_of_file("encoding", detail)])
