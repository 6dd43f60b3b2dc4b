"""A priced line of a bill, with copies of all that it was priced by. Pure.

A line keeps words, basis, certainty, relief and notice as they were, so that later changes of the
catalogue change no bill.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from payments.catalogue.rules.reliefs import GrantedRelief, YearlyUse
from payments.catalogue.rules.resolution import PricedFee


@dataclass(frozen=True, slots=True)
class NewLine:
    """One line of a new bill, priced; amounts in đồng. `amount` is what is left to pay."""

    description: str
    quantity: int
    copies: int
    amount: int
    full_amount: int
    sub_item: str | None
    fee_id: str | None = None
    fee: str | None = None
    description_en: str | None = None
    explanation: str | None = None
    explanation_en: str | None = None
    basis: str | None = None
    certainty: str | None = None
    unit: str = ""
    value: int | None = None
    relief: dict[str, Any] | None = None
    notice: dict[str, Any] | None = None
    #: what it is in law; None is proved by a receipt
    nature: str | None = None
    #: the relief's use, where a citizen may have it once a year
    yearly: YearlyUse | None = None

    @classmethod
    def of(cls, priced: PricedFee, given: GrantedRelief | None) -> Self:
        """The line of a fee, with the relief that it is given."""
        fee, asked, price = priced.wanted.fee, priced.wanted.asked, priced.price
        # A fee that goes by something else has been refused a notice.
        notice = asked.notice
        return cls(
            description=fee.name.vi,
            description_en=fee.name.en,
            quantity=price.quantity,
            copies=price.copies,
            amount=price.amount - (given.off if given else 0),
            full_amount=price.amount,
            sub_item=notice.sub_item if notice else fee.sub_item,
            fee_id=fee.id,
            fee=fee.code,
            explanation=price.explanation.vi,
            explanation_en=price.explanation.en,
            basis=fee.basis,
            certainty=fee.certainty,
            unit=fee.unit.vi,
            value=asked.value,
            relief=_shown(given) if given else None,
            notice=notice.shown() if notice else None,
            nature=fee.nature,
            yearly=given.use if given else None,
        )


def _shown(given: GrantedRelief) -> dict[str, Any]:
    """What a line keeps of its relief, as JSON values."""
    relief = given.relief
    return {
        "code": relief.code,
        "name_vi": relief.name.vi,
        "name_en": relief.name.en,
        "amount": given.off,
        "explanation_vi": given.explanation.vi,
        "explanation_en": given.explanation.en,
        "basis": relief.basis,
        "certainty": relief.certainty,
    }


def whole_words(
    explanation: str | None, basis: str | None, relief: Mapping[str, Any] | None, language: str
) -> str | None:
    """How a line's amount came about, whole: the sum, its basis, the relief and its basis.

    `language` is vi or en. None for a line with its own amount, of which nothing is known.
    """
    if explanation is None:
        return None
    given = relief or {}
    parts = (explanation, basis, given.get(f"explanation_{language}"), given.get("basis"))
    return "; ".join(part for part in parts if part)
