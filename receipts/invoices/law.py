"""Which kinds of e-invoices a body may have made, as dated rows. Pure.

An invoice is named by its form (mẫu số, one digit) and its symbol (ký hiệu, six signs): whether the
tax authority gives it a code (C, K), two digits of the year, a letter for what it is made with, and
two letters that the seller chooses. `2C26MAA` is the form 2 with the symbol C26MAA: an invoice of
sale with a code, made from a cash register. The texts were read in unofficial copies, and not all
of the table: rows that we did not read are left out, not guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from core.days import day_text, holds_on
from core.errors import FieldError, Invalid

#: The form on which value added tax is shown; on the others the price is told as a whole.
WITH_VAT: Final = "1"


@dataclass(frozen=True, slots=True)
class InvoiceRules:
    """The kinds of one period. `valid_to` is the last day, None while in force."""

    valid_from: date
    valid_to: date | None
    #: forms (mẫu số) and what they are called
    forms: Mapping[str, str]
    #: whether the tax authority gives it a code
    codings: Mapping[str, str]
    #: what it is made with
    makings: Mapping[str, str]
    #: the letters that a seller chooses two of
    series_letters: str
    #: the documents that say so, and where
    sources: tuple[str, ...]
    checked_on: date


_RULES: Final = (
    InvoiceRules(
        valid_from=date(2026, 7, 1),
        valid_to=None,
        forms=MappingProxyType({WITH_VAT: "hóa đơn giá trị gia tăng", "2": "hóa đơn bán hàng"}),
        codings=MappingProxyType(
            {"C": "có mã của cơ quan thuế", "K": "không có mã của cơ quan thuế"}
        ),
        makings=MappingProxyType(
            {"T": "hóa đơn điện tử", "M": "hóa đơn khởi tạo từ máy tính tiền"}
        ),
        series_letters="ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        sources=(
            "Nghị định 254/2026/NĐ-CP, Điều 6, Điều 8 khoản 9, Điều 10 khoản 4",
            "Thông tư 91/2026/TT-BTC, Phụ lục I (T và hai chữ cuối: chưa đọc được bản gốc)",
        ),
        checked_on=date(2026, 11, 28),
    ),
)


@dataclass(frozen=True, slots=True)
class InvoiceKind:
    """The kind of a body's invoices; with a year it makes their symbol."""

    form: str
    coding: str
    making: str
    series: str

    def symbol_in(self, year: int) -> str:
        """The symbol (ký hiệu) of that year, as C26MAA."""
        return f"{self.coding}{year % 100:02d}{self.making}{self.series}"


def invoice_rules_on(day: date) -> InvoiceRules:
    """The kinds there are on a day. Raises `Invalid` (`no_invoice_rules`) where we know none."""
    for rules in _RULES:
        if holds_on(day, rules.valid_from, rules.valid_to):
            return rules
    raise Invalid(
        f"Không có quy định về hóa đơn điện tử cho ngày {day_text(day)}.", code="no_invoice_rules"
    )


def kind_faults(kind: InvoiceKind, vat_percent: int | None, day: date) -> list[FieldError]:
    """What is wrong with a kind of invoices and its tax on a day, field by field."""
    rules, found = invoice_rules_on(day), []
    for name, value, known in (
        ("form", kind.form, rules.forms),
        ("coding", kind.coding, rules.codings),
        ("making", kind.making, rules.makings),
    ):
        if value not in known:
            choices = ", ".join(f"{key} ({title})" for key, title in known.items())
            found.append(FieldError(name, "unknown", f"is one of {choices}"))
    if len(kind.series) != 2 or set(kind.series) - set(rules.series_letters):
        found.append(FieldError("series", "invalid", "is two letters A to Z"))
    if (kind.form == WITH_VAT) != (vat_percent is not None):
        detail = f"is told with form {WITH_VAT}, and with no other"
        found.append(FieldError("vat_percent", "invalid", detail))
    elif vat_percent is not None and not 0 <= vat_percent <= 100:
        found.append(FieldError("vat_percent", "invalid", "is 0 to 100"))
    return found
