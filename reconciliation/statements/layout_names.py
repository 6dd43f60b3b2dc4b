"""What layouts that bodies save may be called. Pure."""

import re
from typing import Final

from core.errors import FieldError, Invalid

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def is_layout_name(name: str) -> bool:
    """Whether a layout may be called so."""
    return _NAME.fullmatch(name) is not None


def check_layout_name(name: str, *, taken: bool) -> None:
    """Raises `Invalid` for a name that is none, or that is `taken` by a layout of ours."""
    if not is_layout_name(name):
        raise _refused("malformed", "Tên mẫu gồm chữ thường không dấu, số và gạch nối.")
    if taken:
        raise _refused("taken", f"Tên {name} là của một mẫu có sẵn; hãy đặt tên khác.")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError("name", code, detail)])
