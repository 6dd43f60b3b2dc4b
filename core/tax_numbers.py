"""A tax number (mã số thuế) as people write it, checked and in one form. Pure."""

import re

from stdnum.vn import mst

#: Ten digits of an organisation or a household, three more of a branch.
_ORGANISATION = re.compile(r"([0-9]{10})(?:-?([0-9]{3}))?")
#: A person's identity number serves as tax number; it has no check digit of its own.
_PERSON = re.compile(r"[0-9]{12}")

_SHAPE = (
    "Mã số thuế gồm 10 chữ số, hoặc 10 chữ số, dấu gạch nối và 3 chữ số của đơn vị phụ thuộc; "
    "cá nhân dùng số định danh 12 chữ số."
)
_CHECK = "Mã số thuế sai chữ số kiểm tra: hãy so lại từng chữ số."


def checked_tax_number(value: str) -> str:
    """The number as receipts show it: `0109876543`, `0109876543-001`, or a person's 12 digits.

    Raises ValueError, with a sentence in Vietnamese, for anything else and for a wrong check digit.
    """
    if _PERSON.fullmatch(value):
        return value
    found = _ORGANISATION.fullmatch(value)
    if found is None:
        raise ValueError(_SHAPE)
    if not mst.is_valid(value):
        raise ValueError(_CHECK)
    return "-".join(part for part in found.groups() if part)
