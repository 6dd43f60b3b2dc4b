"""The whole catalogue out of the database, for questions about all of it."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import col

from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.tree import branches
from payments.catalogue.models import Fee, FeeShare, LegalReference, Procedure, Relief, SubItem
from payments.catalogue.rows import select_fees, select_procedures, select_reliefs
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import (
    Catalogue,
    LegalTextValue,
    Owner,
    ProcedureName,
    ShareValue,
    SubItemValue,
)


@dataclass(frozen=True, slots=True)
class _SubItemRow:
    code: str
    name_vi: str
    name_en: str
    basis: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None

    def value(self) -> SubItemValue:
        return SubItemValue(
            code=self.code,
            name=LocalizedText(self.name_vi, self.name_en),
            basis=self.basis,
            certainty=Certainty(self.certainty),
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


@dataclass(frozen=True, slots=True)
class _ShareRow:
    code: str
    agency_id: str | None
    kept_percent: int
    basis: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None

    def value(self) -> ShareValue:
        return ShareValue(
            code=self.code,
            agency_id=self.agency_id,
            kept_percent=self.kept_percent,
            basis=self.basis,
            certainty=Certainty(self.certainty),
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


@dataclass(frozen=True, slots=True)
class _LegalTextRow:
    number: str
    issuer: str
    title_vi: str
    title_en: str
    basis: str
    certainty: str
    checked_on: date
    valid_from: date
    valid_to: date | None

    def value(self) -> LegalTextValue:
        return LegalTextValue(
            number=self.number,
            issuer=self.issuer,
            title=LocalizedText(self.title_vi, self.title_en),
            basis=self.basis,
            certainty=Certainty(self.certainty),
            checked_on=self.checked_on,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


async def load_catalogue(session: ReadSession, agency_id: str | None = None) -> Catalogue:
    """Everything of every owner, in the order of codes and days.

    With `agency_id` only what counts for that agency: its own, that of the bodies above, the
    nation's.
    """
    owners = await branches(session)
    procedures = select_procedures().order_by(col(Procedure.code))
    fees = select_fees().order_by(col(Fee.code), col(Fee.valid_from), col(Fee.id))
    reliefs = select_reliefs().order_by(col(Relief.code), col(Relief.valid_from), col(Relief.id))
    sub_items = values_of(_SubItemRow, SubItem).order_by(col(SubItem.code), col(SubItem.valid_from))
    shares = values_of(_ShareRow, FeeShare).order_by(
        col(FeeShare.code), col(FeeShare.valid_from), col(FeeShare.id)
    )
    legal_texts = values_of(_LegalTextRow, LegalReference).order_by(
        col(LegalReference.number), col(LegalReference.issuer), col(LegalReference.valid_from)
    )
    whole = Catalogue(
        procedures=tuple(
            ProcedureName(
                row.code,
                LocalizedText(row.name_vi, row.name_en),
                Certainty(row.code_certainty),
                row.codes.all,
            )
            for row in await session.all(procedures)
        ),
        fees=tuple(row.value() for row in await session.all(fees)),
        reliefs=tuple(row.value() for row in await session.all(reliefs)),
        shares=tuple(row.value() for row in await session.all(shares)),
        sub_items=tuple(row.value() for row in await session.all(sub_items)),
        legal_texts=tuple(row.value() for row in await session.all(legal_texts)),
        owners={one.id: Owner(one.id, one.code, one.above) for one in owners.values()},
    )
    return whole if agency_id is None else whole.seen_by(agency_id)
