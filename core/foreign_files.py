"""What people send in place of a file of rows, by its first bytes, whatever its name says. Pure."""

import re
from typing import Final

#: What a file without any row is told.
NO_ROWS: Final = "Tệp không có dòng nào."

_IMAGE: Final = "Đây là tệp ảnh, không phải bảng; hãy xuất lại dạng .xlsx hoặc CSV UTF-8."
_KINDS: Final = (
    (
        re.compile(rb"%PDF-"),
        "Đây là tệp PDF, không phải bảng; hãy xuất lại dạng .xlsx hoặc CSV UTF-8.",
    ),
    (re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a"), _IMAGE),
    (
        # A prolog and comments may come first, as in a message in XML; its root decides. What was
        # passed over is not looked at again, so that no file takes long.
        re.compile(
            rb"(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+"
            rb"<(?:!doctype\s+html|html|table)(?=[\s/>])",
            re.IGNORECASE | re.DOTALL,
        ),
        "Đây là trang web (HTML), dù mang tên gì; hãy mở bằng bảng tính rồi lưu lại dạng .xlsx.",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*MIME-Version:", re.IGNORECASE),
        "Đây là trang web lưu thành một tệp (MHTML), dù mang tên gì; hãy mở bằng bảng tính rồi lưu"
        " lại dạng .xlsx.",
    ),
)


def foreign_kind(content: bytes) -> str | None:
    """What is to be said of a file that is no table, in Vietnamese; None for one that may be."""
    return next((told for begin, told in _KINDS if begin.match(content)), None)
