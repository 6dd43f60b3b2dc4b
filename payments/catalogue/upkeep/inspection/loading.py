"""The whole catalogue out of the database, for questions about all of it."""

from sqlmodel import col, select

from core.sessions import WriteSession
from payments.agencies.tree import branches
from payments.catalogue.models import Fee, LegalReference, Procedure, Relief, SubItem
from payments.catalogue.queries import fee_value, relief_value
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import (
    Catalogue,
    LegalTextValue,
    Owner,
    ProcedureName,
    SubItemValue,
)


async def load_catalogue(session: WriteSession, agency_id: str | None = None) -> Catalogue:
    """Everything of every owner, in the order of codes and days.

    With `agency_id` only what counts for that agency: its own, that of the bodies above, the
    nation's.
    """
    owners = await _owners(session)
    fees = (
        select(Fee, Procedure.code)
        .join(Procedure, col(Fee.procedure_id) == col(Procedure.id), isouter=True)
        .order_by(col(Fee.code), col(Fee.valid_from), col(Fee.id))
    )
    reliefs = select(Relief).order_by(col(Relief.code), col(Relief.valid_from), col(Relief.id))
    whole = Catalogue(
        procedures=tuple(
            ProcedureName(
                row.code, LocalizedText(row.name_vi, row.name_en), Certainty(row.code_certainty)
            )
            for row in await session.exec(select(Procedure).order_by(col(Procedure.code)))
        ),
        fees=tuple(fee_value(fee, code) for fee, code in await session.exec(fees)),
        reliefs=tuple(relief_value(row) for row in await session.exec(reliefs)),
        sub_items=tuple(
            _sub_item(row)
            for row in await session.exec(
                select(SubItem).order_by(col(SubItem.code), col(SubItem.valid_from))
            )
        ),
        legal_texts=tuple(
            _legal_text(row)
            for row in await session.exec(
                select(LegalReference).order_by(
                    col(LegalReference.number),
                    col(LegalReference.issuer),
                    col(LegalReference.valid_from),
                )
            )
        ),
        owners=owners,
    )
    return whole if agency_id is None else whole.seen_by(agency_id)


async def _owners(session: WriteSession) -> dict[str, Owner]:
    found = await branches(session)
    return {one.id: Owner(one.id, one.code, one.above) for one in found.values()}


def _sub_item(row: SubItem) -> SubItemValue:
    return SubItemValue(
        code=row.code,
        name=LocalizedText(row.name_vi, row.name_en),
        basis=row.basis,
        certainty=Certainty(row.certainty),
        checked_on=row.checked_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def _legal_text(row: LegalReference) -> LegalTextValue:
    return LegalTextValue(
        number=row.number,
        issuer=row.issuer,
        title=LocalizedText(row.title_vi, row.title_en),
        basis=row.basis,
        certainty=Certainty(row.certainty),
        checked_on=row.checked_on,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
