"""The catalogue as the API shows it: every figure with its words, its source and its certainty."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel

from core.errors import Invalid
from payments.catalogue.queries import ProcedurePage
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import FeeRequest, MeasuredBy
from payments.catalogue.rules.lines import whole_words
from payments.catalogue.rules.natures import FeeNature, Refundability
from payments.catalogue.rules.pricing import price_fee
from payments.catalogue.rules.reliefs import Ground, ReliefValue, benefit
from payments.catalogue.rules.schedule import Applicability, FeeValue, ProcedureValue, Schedule


class ReliefOut(BaseModel):
    """A relief that was given: `amount` đồng off the full amount, and why.

    `certainty` is null for what people have decided of this very bill, as a market's waiver.
    """

    code: str
    name_vi: str
    name_en: str
    amount: int
    explanation_vi: str
    explanation_en: str
    basis: str
    certainty: Certainty | None


class PriceOut(BaseModel):
    """What a line would cost: `amount` in whole đồng after the relief, and how it comes about."""

    quantity: int
    copies: int
    value: int | None
    full_amount: int
    amount: int
    explanation_vi: str
    explanation_en: str
    relief: ReliefOut | None


class FeeReliefOut(BaseModel):
    """A relief from a fee that is in force, whoever may have it.

    Every condition that is not null must hold: `ground` of the person, `channel` of the
    application, age in full years `age_from` … on and below `age_below`; `once_a_year` is for each
    citizen, in a year counted from the relief's first day. `gives_…` says what it gives.
    """

    code: str
    name_vi: str
    name_en: str
    gives_vi: str
    gives_en: str
    ground: Ground | None
    channel: str | None
    age_from: int | None
    age_below: int | None
    once_a_year: bool
    scope: Literal["national", "agency"]
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, relief: ReliefValue, fee: FeeValue) -> Self:
        """The relief, in the words of the fee's unit."""
        gives = benefit(relief, fee.unit)
        return cls(
            code=relief.code,
            name_vi=relief.name.vi,
            name_en=relief.name.en,
            gives_vi=gives.vi,
            gives_en=gives.en,
            ground=relief.ground,
            channel=relief.channel,
            age_from=relief.age_from,
            age_below=relief.age_below,
            once_a_year=relief.once_a_year,
            scope="national" if relief.agency_id is None else "agency",
            basis=relief.basis,
            source=relief.source,
            certainty=relief.certainty,
            checked_on=relief.checked_on,
            valid_from=relief.valid_from,
            valid_to=relief.valid_to,
        )


class FeeOut(BaseModel):
    """A fee in force. `tariff_…` says the rule in words, `price` works out what was asked for.

    `measured_by` says what a bill's line has to give; `price` is null while that is not given, and
    for a fee in a foreign currency. `charged` says whether the procedure always takes the fee, it
    is one to choose from, or only on request. `scope` tells whose fee it is; `certainty` how sure
    we are of its amount; `valid_to` is the last day, null while none is known; `sub_item` null is
    no state revenue. `nature` decides what proves the payment (a receipt for a charge or fee only);
    `refundable` says whether it is given back, and `refund_terms` when.
    """

    code: str
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    measured_by: MeasuredBy
    charged: Applicability
    nature: FeeNature
    refundable: Refundability
    refund_terms: str | None
    tariff_vi: str
    tariff_en: str
    price: PriceOut | None
    reliefs: list[FeeReliefOut]
    scope: Literal["national", "agency"]
    sub_item: str | None
    basis: str
    source: str
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(
        cls, fee: FeeValue, schedule: Schedule, asked: FeeRequest, circumstances: Circumstances
    ) -> Self:
        """The fee, priced for what was asked. Raises `Invalid` where that would be too large."""
        tariff = fee.rule.tariff(fee.unit)
        return cls(
            code=fee.code,
            name_vi=fee.name.vi,
            name_en=fee.name.en,
            unit_vi=fee.unit.vi,
            unit_en=fee.unit.en,
            kind=fee.rule.kind,
            measured_by=fee.rule.measured_by,
            charged=fee.charged,
            nature=fee.nature,
            refundable=fee.refundable,
            refund_terms=fee.refund_terms,
            tariff_vi=tariff.vi,
            tariff_en=tariff.en,
            price=_price(fee, schedule, asked, circumstances),
            reliefs=[
                FeeReliefOut.of(relief, fee)
                for relief in schedule.reliefs_of(fee.code, circumstances.on)
            ],
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
    """A procedure with its fees of the day; `code_certainty` is that of the code, not of a fee.

    The codes of a level are those under which that level handles it, where it has one of its own;
    `other_codes` are further ones that it has or had. All of them find it. `beside` are fees that
    may go with any procedure, such as postage.
    """

    code: str
    name_vi: str
    name_en: str
    field: str
    code_certainty: Certainty
    ministry_code: str | None
    province_code: str | None
    commune_code: str | None
    other_codes: list[str]
    fees: list[FeeOut]
    beside: list[FeeOut]

    @classmethod
    def of(
        cls,
        procedure: ProcedureValue,
        circumstances: Circumstances,
        asked: FeeRequest | None = None,
    ) -> Self:
        """The procedure, each fee priced for the same request; one unit when there is none."""
        wanted = asked or FeeRequest()

        def shown(fees: tuple[FeeValue, ...], asked: FeeRequest) -> list[FeeOut]:
            return [FeeOut.of(fee, procedure.schedule, asked, circumstances) for fee in fees]

        return cls(
            code=procedure.code,
            name_vi=procedure.name.vi,
            name_en=procedure.name.en,
            field=procedure.field,
            code_certainty=procedure.code_certainty,
            ministry_code=procedure.codes.ministry,
            province_code=procedure.codes.province,
            commune_code=procedure.codes.commune,
            other_codes=list(procedure.codes.other),
            fees=shown(procedure.fees, wanted),
            beside=shown(procedure.beside, FeeRequest()),
        )


class ProcedurePageOut(BaseModel):
    """Some procedures; `next_cursor` asks for those that follow, null at the end."""

    items: list[ProcedureOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: ProcedurePage, circumstances: Circumstances) -> Self:
        """The page, each fee priced for one unit."""
        return cls(
            items=[ProcedureOut.of(procedure, circumstances) for procedure in page.items],
            next_cursor=page.next_cursor,
        )


#: Faults that say a price cannot be worked out from what was asked, not that it was asked wrongly.
_NO_PRICE_YET = {"missing", "foreign_currency"}


def _price(
    fee: FeeValue, schedule: Schedule, asked: FeeRequest, circumstances: Circumstances
) -> PriceOut | None:
    try:
        line = price_fee(schedule, fee, asked.of_measure(fee.rule.measured_by), circumstances)
    except Invalid as error:
        if {fault.code for fault in error.errors} <= _NO_PRICE_YET:
            return None
        raise
    return PriceOut(
        quantity=line.quantity,
        copies=line.copies,
        value=line.value,
        full_amount=line.full_amount,
        amount=line.amount,
        explanation_vi=whole_words(line.explanation, line.basis, line.relief, "vi") or "",
        explanation_en=whole_words(line.explanation_en, line.basis, line.relief, "en") or "",
        relief=ReliefOut(**line.relief) if line.relief else None,
    )
