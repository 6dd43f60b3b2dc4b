"""Kinds of debts: what each needs to be told, and what it is in law. Pure.

Land and tax obligations and fines are revenue of the state budget: the portal's own message for
them bears the treasury, the decision's number and date, chapter and sub-item, and the treasury's
slip (C1-02/NS) proves them. What a water works or a school asks for is a price.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from payments.catalogue.rules.natures import FeeNature, nature_of_before


class DebtKind(StrEnum):
    """What a list of debts is of."""

    LAND_TAX = "land_tax"
    FINE = "fine"
    UTILITY = "utility"
    SCHOOL = "school"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class KindFacts:
    """What a kind is called, and which columns a row of it must fill beside the usual ones."""

    title: str
    title_en: str
    needed: tuple[str, ...] = ()


#: What every row needs.
ALWAYS_NEEDED: Final = ("code", "name", "amount")
_DECIDED: Final = ("decision_number", "decided_on", "treasury", "chapter", "sub_item")

KINDS: Final[Mapping[DebtKind, KindFacts]] = {
    DebtKind.LAND_TAX: KindFacts(
        "Nghĩa vụ tài chính về đất đai, thuế",
        "Land and tax obligation",
        (*_DECIDED, "tax_number"),
    ),
    DebtKind.FINE: KindFacts("Tiền phạt vi phạm hành chính", "Administrative fine", _DECIDED),
    DebtKind.UTILITY: KindFacts("Hóa đơn dịch vụ", "Utility bill"),
    DebtKind.SCHOOL: KindFacts("Khoản thu của trường học", "School fee"),
    DebtKind.OTHER: KindFacts("Khoản phải nộp", "Amount due"),
}


def nature_of_debt(kind: DebtKind, description: str, sub_item: str) -> FeeNature:
    """What a debt is in law, which decides what proves its payment."""
    if kind in (DebtKind.LAND_TAX, DebtKind.FINE):
        return FeeNature.STATE_REVENUE
    if kind is DebtKind.OTHER:
        return nature_of_before(description, "", sub_item or None)
    return FeeNature.PRICE
