"""The catalogue as the API shows it: every figure with its words, its source and its certainty."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel

from payments.catalogue.queries import ProcedurePage, ProcedureValue
from payments.catalogue.schedule import Certainty, FeeValue


class PriceOut(BaseModel):
    """What a line would cost: `amount` in whole đồng, and how it comes about."""

    quantity: int
    copies: int
    amount: int
    explanation_vi: str
    explanation_en: str


class FeeOut(BaseModel):
    """A fee in force. `tariff_…` says the rule in words, `price` works out one example.

    `scope` tells whose fee it is; `certainty` how sure we are of its amount; `valid_to` is the
    last day, null while none is known.
    """

    code: str
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    tariff_vi: str
    tariff_en: str
    price: PriceOut
    scope: Literal["national", "agency"]
    sub_item: str
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, fee: FeeValue, *, quantity: int = 1, copies: int = 1) -> Self:
        """The fee, priced for a quantity. Raises `Invalid` where that price would be too large."""
        tariff = fee.rule.tariff(fee.unit)
        line = fee.price(quantity, copies)
        return cls(
            code=fee.code,
            name_vi=fee.name.vi,
            name_en=fee.name.en,
            unit_vi=fee.unit.vi,
            unit_en=fee.unit.en,
            kind=fee.rule.kind,
            tariff_vi=tariff.vi,
            tariff_en=tariff.en,
            price=PriceOut(
                quantity=line.quantity,
                copies=line.copies,
                amount=line.amount,
                explanation_vi=line.explanation_vi,
                explanation_en=line.explanation_en,
            ),
            scope="national" if fee.agency_id is None else "agency",
            sub_item=fee.sub_item,
            basis=fee.basis,
            source=fee.source,
            certainty=fee.certainty,
            checked_on=fee.checked_on,
            valid_from=fee.valid_from,
            valid_to=fee.valid_to,
        )


class ProcedureOut(BaseModel):
    """A procedure with its fees of today; `code_certainty` is that of the code, not of a fee."""

    code: str
    name_vi: str
    name_en: str
    field: str
    code_certainty: Certainty
    fees: list[FeeOut]

    @classmethod
    def of(cls, procedure: ProcedureValue, *, quantity: int = 1, copies: int = 1) -> Self:
        """The procedure, each fee priced for the same quantity."""
        return cls(
            code=procedure.code,
            name_vi=procedure.name.vi,
            name_en=procedure.name.en,
            field=procedure.field,
            code_certainty=procedure.code_certainty,
            fees=[FeeOut.of(fee, quantity=quantity, copies=copies) for fee in procedure.fees],
        )


class ProcedurePageOut(BaseModel):
    """Some procedures; `next_cursor` asks for those that follow, null at the end."""

    items: list[ProcedureOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: ProcedurePage) -> Self:
        """The page, each fee priced for one unit."""
        return cls(
            items=[ProcedureOut.of(procedure) for procedure in page.items],
            next_cursor=page.next_cursor,
        )
