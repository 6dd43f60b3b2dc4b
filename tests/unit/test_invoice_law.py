"""Kinds of e-invoices: form and symbol, what is refused and why."""

from datetime import date

import pytest

from core.errors import Invalid
from receipts.invoices.law import InvoiceKind, invoice_rules_on, kind_faults

DAY = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("kind", "vat_percent", "symbol"),
    [
        (InvoiceKind("2", "C", "M", "AA"), None, "C26MAA"),
        (InvoiceKind("1", "K", "T", "YZ"), 8, "K26TYZ"),
        (InvoiceKind("1", "C", "M", "AB"), 0, "C26MAB"),
    ],
)
def test_a_kind_makes_the_symbol_of_its_year(
    kind: InvoiceKind, vat_percent: int | None, symbol: str
) -> None:
    assert kind_faults(kind, vat_percent, DAY) == []
    assert kind.symbol_in(2026) == symbol
    assert kind.symbol_in(2105)[1:3] == "05"


@pytest.mark.parametrize(
    ("kind", "vat_percent", "fields"),
    [
        (InvoiceKind("2", "C", "M", "AA"), 8, ["vat_percent"]),
        (InvoiceKind("1", "C", "M", "AA"), None, ["vat_percent"]),
        (InvoiceKind("1", "C", "M", "AA"), 101, ["vat_percent"]),
        (InvoiceKind("3", "Đ", "?", "Aa"), None, ["form", "coding", "making", "series"]),
        (InvoiceKind("2", "C", "M", "A"), None, ["series"]),
    ],
)
def test_what_there_is_not_is_refused_by_its_field(
    kind: InvoiceKind, vat_percent: int | None, fields: list[str]
) -> None:
    assert [one.field for one in kind_faults(kind, vat_percent, DAY)] == fields


def test_of_a_day_before_the_rules_nothing_is_made_up() -> None:
    with pytest.raises(Invalid) as refused:
        invoice_rules_on(date(2026, 6, 30))
    assert refused.value.code == "no_invoice_rules"
