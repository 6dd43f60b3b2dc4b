"""Rows of procedures, fees and reliefs as they are read, frozen, and the values they are.

What the database keeps as text (a kind, a certainty) is only understood here.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col

from core.statements import ValueSelect, values_of
from payments.catalogue.models import Fee, Procedure, Relief
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.kinds import rule_from
from payments.catalogue.rules.natures import FeeNature, Refundability
from payments.catalogue.rules.procedure_codes import ProcedureCodes
from payments.catalogue.rules.reliefs import Ground, ReliefValue
from payments.catalogue.rules.schedule import Applicability, FeeValue
from payments.catalogue.rules.wording import LocalizedText


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    """A procedure without its fees."""

    id: str
    code: str
    name_vi: str
    name_en: str
    field: str
    code_certainty: str
    ministry_code: str | None
    province_code: str | None
    commune_code: str | None
    other_codes: list[str]

    @property
    def codes(self) -> ProcedureCodes:
        """Its codes beside its key."""
        return ProcedureCodes(
            self.ministry_code, self.province_code, self.commune_code, tuple(self.other_codes)
        )


@dataclass(frozen=True, slots=True)
class FeeRow:
    """A fee, with the code of its procedure."""

    id: str
    code: str
    procedure_code: str | None
    agency_id: str | None
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    rule: dict[str, Any]
    charged: str
    nature: str
    refundable: str
    refund_terms: str | None
    sub_item: str | None
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None
    ministry_code: str | None
    province_code: str | None
    commune_code: str | None
    #: None where it goes with any procedure
    other_codes: list[str] | None

    def value(self) -> FeeValue:
        """The fee. Raises `Invalid` for a rule of a kind that is not known."""
        return FeeValue(
            id=self.id,
            code=self.code,
            procedure_code=self.procedure_code,
            agency_id=self.agency_id,
            name=LocalizedText(self.name_vi, self.name_en),
            unit=LocalizedText(self.unit_vi, self.unit_en),
            rule=rule_from(self.kind, self.rule),
            charged=Applicability(self.charged),
            nature=FeeNature(self.nature),
            refundable=Refundability(self.refundable),
            refund_terms=self.refund_terms,
            sub_item=self.sub_item,
            basis=self.basis,
            source=self.source,
            certainty=Certainty(self.certainty),
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            procedure_codes=ProcedureCodes(
                self.ministry_code,
                self.province_code,
                self.commune_code,
                tuple(self.other_codes or ()),
            ),
        )


@dataclass(frozen=True, slots=True)
class ReliefRow:
    """A relief from fees."""

    id: str
    code: str
    agency_id: str | None
    name_vi: str
    name_en: str
    fees: list[str]
    percent: int | None
    each: int | None
    cap: int | None
    ground: str | None
    channel: str | None
    age_from: int | None
    age_below: int | None
    once_a_year: bool
    basis: str
    source: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None

    def value(self) -> ReliefValue:
        """The relief."""
        return ReliefValue(
            id=self.id,
            code=self.code,
            agency_id=self.agency_id,
            name=LocalizedText(self.name_vi, self.name_en),
            fees=frozenset(self.fees),
            percent=self.percent,
            each=self.each,
            cap=self.cap,
            ground=None if self.ground is None else Ground(self.ground),
            channel=self.channel,
            age_from=self.age_from,
            age_below=self.age_below,
            once_a_year=self.once_a_year,
            basis=self.basis,
            source=self.source,
            certainty=Certainty(self.certainty),
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


def select_procedures() -> ValueSelect[ProcedureRow]:
    """All procedures, to be narrowed down and put in order."""
    return values_of(ProcedureRow, Procedure)


def select_fees() -> ValueSelect[FeeRow]:
    """All fees of every owner and day."""
    return values_of(
        FeeRow,
        Fee,
        procedure_code=col(Procedure.code).label("procedure_code"),
        ministry_code=col(Procedure.ministry_code).label("ministry_code"),
        province_code=col(Procedure.province_code).label("province_code"),
        commune_code=col(Procedure.commune_code).label("commune_code"),
        other_codes=col(Procedure.other_codes).label("other_codes"),
    ).join(Procedure, col(Fee.procedure_id) == col(Procedure.id), isouter=True)


def select_reliefs() -> ValueSelect[ReliefRow]:
    """All reliefs of every owner and day."""
    return values_of(ReliefRow, Relief)
