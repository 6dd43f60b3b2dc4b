"""The columns of a list of debts: their headings and the usual other names of them. Pure."""

from collections.abc import Mapping
from typing import Final

from core.folding import caseless

#: Each column by its name here: the heading that we write, then others that are understood.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "code": (
        "Mã khoản phải nộp",
        *("ID khoản phải nộp", "Mã khoản nộp", "Mã định danh khoản phải nộp", "Mã hóa đơn"),
    ),
    "dossier_number": ("Mã hồ sơ", "Số hồ sơ"),
    "decision_number": (
        "Số quyết định",
        *("Số QĐ", "Số thông báo", "Số quyết định/thông báo", "Số QĐ/TB"),
    ),
    "decided_on": (
        "Ngày quyết định",
        *("Ngày QĐ", "Ngày thông báo", "Ngày quyết định/thông báo", "Ngày QĐ/TB"),
    ),
    "name": (
        "Họ tên",
        *("Họ và tên", "Người phải nộp", "Tên người nộp", "Tên người nộp thuế", "Người nộp thuế"),
    ),
    "tax_number": ("Mã số thuế", "MST", "MST người nộp", "Mã số thuế người nộp"),
    "address": ("Địa chỉ", "Địa chỉ người nộp"),
    "phone": ("Điện thoại", "Số điện thoại"),
    "description": ("Nội dung", "Nội dung khoản nộp", "Tên khoản phải nộp", "Khoản nộp"),
    "treasury": ("Kho bạc", "Kho bạc Nhà nước", "KBNN"),
    "chapter": ("Chương", "Mã chương"),
    "sub_item": ("Tiểu mục", "Mã tiểu mục", "Mã NDKT"),
    "due_on": ("Hạn nộp", "Ngày đến hạn", "Thời hạn nộp"),
    "amount": ("Số tiền", "Số tiền phải nộp", "Số tiền (đồng)", "Số tiền (VND)"),
    "payer_name": ("Người nộp thay", "Tên người nộp thay"),
    "payer_tax_number": ("Mã số thuế người nộp thay", "MST người nộp thay"),
    "payer_address": ("Địa chỉ người nộp thay",),
}

#: What a column is called in what we say of it.
TITLES: Final = {name: headings[0] for name, headings in COLUMNS.items()}

_NAMES: Final = {
    caseless(heading): name for name, headings in COLUMNS.items() for heading in headings
}


def column_of(heading: str) -> str | None:
    """The column that a heading names; None for one that nobody knows."""
    return _NAMES.get(caseless(heading))
