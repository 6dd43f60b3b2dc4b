"""What is wrong with what somebody typed, field by field, in words that a page can say. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.web.texts import noted
from core.errors import FieldError, LephiError

#: What is said of a fault whose own detail is written for programs, by its code.
_WORDS: Final[Mapping[str, str]] = {
    "missing": noted("Hãy nhập ô này."),
    "too_short": noted("Ô này quá ngắn."),
    "too_long": noted("Ô này quá dài."),
    "string_too_short": noted("Ô này quá ngắn."),
    "string_too_long": noted("Ô này quá dài."),
    "invalid": noted("Ô này chưa đúng; hãy xem lại từng ký tự."),
    "string_pattern_mismatch": noted("Ô này chưa đúng; hãy xem lại từng ký tự."),
    "malformed": noted("Ô này chưa đúng; hãy xem lại từng ký tự."),
    "value_error": noted("Ô này chưa đúng; hãy xem lại từng ký tự."),
    "taken": noted("Đã có người hoặc mục khác dùng giá trị này."),
    "unknown": noted("Không có lựa chọn này."),
    "enum": noted("Không có lựa chọn này."),
    "literal_error": noted("Không có lựa chọn này."),
    "shared": noted(
        "Cơ quan khác đang dùng đúng bộ mã này; hãy xin nhà cung cấp bộ riêng của mình."
    ),
}
_OTHERWISE: Final = noted("Ô này chưa dùng được; hãy kiểm tra lại.")


@dataclass(frozen=True, slots=True)
class FormFaults:
    """Faults of a form: of its fields by name, and those that no field of it is to blame for."""

    fields: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether there are any."""
        return bool(self.fields or self.others)


#: A form with nothing wrong.
NO_FAULTS: Final = FormFaults()


def faults_of(refused: LephiError, names: Collection[str]) -> FormFaults:
    """What a refusal says of the fields with these names, and of anything else."""
    fields: dict[str, str] = {}
    others: list[str] = []
    for fault in refused.errors:
        # `roles.0` is of `roles`, and `credentials.secret_key` of `secret_key`.
        parts = (fault.field, fault.field.partition(".")[0], fault.field.rpartition(".")[2])
        name = next((one for one in parts if one in names), None)
        if name is not None:
            fields.setdefault(name, _said(fault))
        else:
            others.append(_said(fault))
    if not refused.errors:
        others.append(refused.detail)
    return FormFaults(fields, tuple(dict.fromkeys(others)))


def _said(fault: FieldError) -> str:
    # Our own sentences for people are Vietnamese, and that is hardly ever plain ASCII.
    if not fault.detail.isascii():
        return fault.detail
    return _WORDS.get(fault.code, _OTHERWISE)
