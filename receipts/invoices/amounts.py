"""What of a price is tax: no đồng more or less than was paid. Pure."""

from collections.abc import Iterable

from receipts.invoice_calls import InvoiceLine


def net_of(amount: int, vat_percent: int | None) -> int:
    """What of `amount` đồng, tax included, is the price before tax: half a đồng goes up.

    All of it where no tax is shown.
    """
    rate = 100 + (vat_percent or 0)
    return (200 * amount + rate) // (2 * rate)


def invoice_lines(
    costing: Iterable[tuple[str, int]], vat_percent: int | None
) -> tuple[InvoiceLine, ...]:
    """The lines of an invoice, of descriptions and what was paid for each, in đồng."""
    lines = []
    for description, amount in costing:
        net = net_of(amount, vat_percent)
        lines.append(InvoiceLine(description, amount, net, amount - net))
    return tuple(lines)
