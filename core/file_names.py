"""Names of files as others give them: a name that cannot be kept or shown is refused. Pure.

A name is only ever kept and shown, never opened by us on a server; still it goes into the
database, which takes no NUL and nothing that is not UTF-8, and onto a clerk's screen.
"""

import unicodedata
from pathlib import Path

from core.errors import FieldError, Invalid

#: Characters of a name; file systems take about as many.
LONGEST_NAME = 200
_LONGEST_PART = 255  # bytes, as file systems count
_LONGEST_PATH = 4095


class BadFileName(Invalid):
    """A file's name cannot be taken: rename the file and send it again."""

    code = "bad_file_name"


def checked_name(name: str, field: str = "file") -> str:
    """The name of a file by itself, if it is one. Raises `BadFileName`."""
    fault = name_fault(name)
    if fault is not None:
        raise BadFileName(fault[1], errors=[FieldError(field, *fault)])
    return name


def name_fault(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a file by itself: code and reason, None if nothing is."""
    fault = _unfit(name)
    if fault is not None:
        return fault
    if not name.strip():
        return "empty", "Tên tệp để trống."
    if "/" in name or "\\" in name or name.strip() in (".", ".."):
        return "path", "Tên tệp có phần đường dẫn (/ hoặc \\); chỉ gửi tên tệp."
    if len(name) > LONGEST_NAME:
        return "too_long", f"Tên tệp dài quá {LONGEST_NAME} ký tự; hãy đặt tên ngắn hơn."
    return None


def path_fault(path: Path) -> tuple[str, str] | None:
    """What is wrong with where somebody says a file is, before anybody looks there."""
    fault = _unfit(str(path))
    if fault is not None:
        return fault
    if len(str(path).encode()) > _LONGEST_PATH:
        return "too_long", "Đường dẫn tới tệp quá dài."
    if any(len(part.encode()) > _LONGEST_PART for part in path.parts):
        return "too_long", f"Tên tệp dài quá {_LONGEST_PART} byte; hãy đặt tên ngắn hơn."
    return None


def _unfit(name: str) -> tuple[str, str] | None:
    categories = {unicodedata.category(character) for character in name}
    if "Cs" in categories:
        return "not_utf8", "Tên tệp không phải UTF-8; hãy đổi tên tệp."
    if "Cc" in categories:
        return "control_character", "Tên tệp có ký tự điều khiển; hãy đổi tên tệp."
    return None
