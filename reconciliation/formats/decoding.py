"""From the bytes of a statement to text, without a guess.

The order is safe because each step refuses what is not its own: a byte-order mark says what
follows; text in UTF-8 is valid by chance only if it is ASCII. What is left may be any of the code
pages with one byte for a letter, which take nearly every byte: it is known by the words that head
the columns, where exactly one of them spells these; otherwise whoever sent the file is asked. Tones
that are marks of their own are joined to their letters (NFC). Pure.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from core.errors import FieldError, Invalid
from core.foreign_files import NO_ROWS, foreign_kind
from reconciliation.formats import tcvn3
from reconciliation.formats.rows import StatementRefused, fault_of_file

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVE = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
#: Control characters have no place in a statement: where they are, it is not text.
CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")

Decoder = Callable[[bytes], str]


def _codec(name: str) -> Decoder:
    return lambda content: content.decode(name)


#: What a person may say that a file is written in.
ENCODINGS: Final[Mapping[str, Decoder]] = MappingProxyType(
    {
        "utf-8": _codec("utf-8"),
        "utf-16-le": _codec("utf-16-le"),
        "utf-16-be": _codec("utf-16-be"),
        "windows-1258": _codec("cp1258"),
        "windows-1252": _codec("cp1252"),
        "tcvn3": tcvn3.from_bytes,
    }
)
#: Those that the words of a heading tell apart.
_KNOWN_BY_WORDS: Final = ("windows-1258", "tcvn3")


class UnknownEncoding(Invalid):
    """No encoding of this name: use one of those listed."""

    code = "unknown_encoding"


def check_encoding(name: str | None) -> None:
    """Raise `UnknownEncoding` for a name that is none of `ENCODINGS`; None says nothing."""
    if name is not None and name not in ENCODINGS:
        detail = f"Không có bảng mã {name!r}; các bảng mã hiện có: {', '.join(ENCODINGS)}."
        raise UnknownEncoding(detail, errors=[FieldError("encoding", "unknown_encoding", detail)])


def check_is_text(content: bytes) -> None:
    """Raise `StatementRefused` for what is nothing, or by its first bytes no text of a statement.

    For a reader that decodes by itself; `decode` does it too.
    """
    if content.startswith((_ARCHIVE, _OLD_EXCEL)):
        raise _refused(
            "Đây là tệp Excel đời cũ, hoặc tệp nén; hãy lưu lại dạng .xlsx hoặc CSV UTF-8."
        )
    if (foreign := foreign_kind(content)) is not None:
        raise StatementRefused([fault_of_file("not_a_table", foreign)])
    if not content.removeprefix(codecs.BOM_UTF8).strip():
        raise _empty()


def decode(
    content: bytes, encoding: str | None = None, *, known_by: Callable[[str], bool] | None = None
) -> str:
    """The text of a statement, in NFC. Raises `StatementRefused` if it is not text we know.

    `encoding` is what its sender says it is, by a name of `ENCODINGS`; `known_by` whether words
    that only one encoding spells so are in a text. Without either, bytes that are not UTF-8 and
    have no mark are a question to the sender. Raises `UnknownEncoding`.
    """
    return decoded(content, encoding, known_by=known_by)[0]


def decoded(
    content: bytes, encoding: str | None = None, *, known_by: Callable[[str], bool] | None = None
) -> tuple[str, str]:
    """As `decode`, with the name of the encoding."""
    check_encoding(encoding)
    check_is_text(content)
    text, name = _marked(content, encoding) or _unmarked(content, encoding, known_by)
    if not text.strip():
        raise _empty()
    control = CONTROL.search(text)
    if control is not None:
        if encoding is None and (fitting := _fitting_wide(content)):
            raise _question(fitting)
        row = text.count("\n", 0, control.start()) + 1
        raise _refused(f"Dòng {row} có ký tự điều khiển; đây không phải tệp văn bản.")
    return unicodedata.normalize("NFC", text), name


def _marked(content: bytes, encoding: str | None) -> tuple[str, str] | None:
    for mark, name in _MARKS:
        if content.startswith(mark):
            if encoding not in (None, name):
                raise _refused(f"Tệp có dấu {name} ở đầu, không phải {encoding}.")
            try:
                # A second mark is left by programs that put one before what had one already.
                return content[len(mark) :].decode(name).lstrip("\ufeff"), name
            except UnicodeDecodeError:
                raise _refused(f"Tệp có dấu {name} ở đầu nhưng không đọc được.") from None
    return None


def _unmarked(
    content: bytes, encoding: str | None, known_by: Callable[[str], bool] | None
) -> tuple[str, str]:
    if encoding is not None:
        text = _read(content, encoding)
        if text is None:
            raise _refused(f"Tệp không đọc được theo bảng mã {encoding}.")
        return text, encoding
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _recognised(content, known_by)
    if known_by is not None and not text.isascii():
        try:
            meant = tcvn3.from_latin(text)
        except UnicodeError:
            return text, "utf-8"
        if known_by(meant) and not known_by(text):
            return meant, "tcvn3"
    return text, "utf-8"


def _recognised(content: bytes, known_by: Callable[[str], bool] | None) -> tuple[str, str]:
    """Bytes that are not UTF-8, by the one encoding in which they say what they must."""
    readings = {name: _read(content, name) for name in ("windows-1258", "tcvn3", "windows-1252")}
    plain = {name: text for name, text in readings.items() if text and not CONTROL.search(text)}
    known = [
        (text, name)
        for name, text in plain.items()
        if name in _KNOWN_BY_WORDS and known_by is not None and known_by(_joined(text))
    ]
    if len(known) == 1:
        return known[0]
    raise _question(list(plain) or _fitting_wide(content))


def _joined(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _fitting_wide(content: bytes) -> list[str]:
    """In which encodings of two bytes it is text, with letters or digits of ours near its front."""
    if b"\x00" not in content:
        return []
    readings = {name: _read(content, name) for name in ("utf-16-le", "utf-16-be")}
    return [
        name
        for name, text in readings.items()
        if text and not CONTROL.search(text) and any("0" <= c <= "z" for c in text[:200])
    ]


def _read(content: bytes, encoding: str) -> str | None:
    try:
        return ENCODINGS[encoding](content)
    except UnicodeError:
        return None


def _question(fitting: list[str]) -> StatementRefused:
    if not fitting:
        return _refused("Không biết bảng mã của tệp; hãy lưu lại dạng UTF-8.")
    return _refused(
        f"Tệp không phải UTF-8, có thể là: {', '.join(fitting)}. Hãy nói rõ bảng mã bằng trường"
        " encoding (dòng lệnh: --encoding), hoặc lưu lại dạng UTF-8."
    )


def _empty() -> StatementRefused:
    return StatementRefused([fault_of_file("empty", NO_ROWS)])


def _refused(detail: str) -> StatementRefused:
    return StatementRefused([fault_of_file("encoding", detail)])
