"""What a fee is in law, which decides what proves its payment, and whether it is given back. Pure.

Only a charge (phí) or a fee (lệ phí) is proved by an electronic receipt (Decree 254/2026/NĐ-CP,
article 23). Other revenue of the state budget, such as a land levy or a registration fee that the
tax office assesses, is proved by the treasury's payment slip (C1-02/NS); a price is the carrier's
or the market's, who owes an invoice for it.
"""

from enum import StrEnum


class FeeNature(StrEnum):
    """What a fee is: phí, lệ phí, other revenue of the budget, or a price."""

    CHARGE = "charge"
    FEE = "fee"
    STATE_REVENUE = "state_revenue"
    PRICE = "price"

    @property
    def has_receipt(self) -> bool:
        """Whether an electronic receipt proves it."""
        return self in (FeeNature.CHARGE, FeeNature.FEE)


class Refundability(StrEnum):
    """Whether a fee that was rightly taken is given back; what is on its terms says them."""

    UNKNOWN = "unknown"
    NEVER = "never"
    ALWAYS = "always"
    ON_TERMS = "on_terms"


def nature_of_sub_item(name_vi: str) -> FeeNature:
    """What is booked under a sub-item, as its name in the budget index says."""
    return nature_of_before(name_vi, "", "")


def nature_of_before(name_vi: str, kind: str, sub_item: str | None) -> FeeNature:
    """The nature of a fee that a file or a row of before does not tell: by its name and sub-item.

    Migration 0016 reads the rows of then in the same way.
    """
    name = name_vi.casefold()
    if sub_item is None:
        return FeeNature.PRICE
    if kind == "assessed" or name.startswith(("lệ phí trước bạ", "thuế", "tiền")):
        return FeeNature.STATE_REVENUE
    return FeeNature.FEE if name.startswith("lệ phí") else FeeNature.CHARGE
