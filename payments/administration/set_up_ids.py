"""The ids of what a body's set-up is made of: for whoever reads who changed what of it."""

from collections.abc import Collection

from sqlmodel import col, select

from core.sessions import ReadSession
from payments.administration.door import DEEDS
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.models import Agency, CollectionAccount, GatewayAccountRow
from payments.books.models import Approval
from payments.catalogue.models import CatalogueProposal

#: What comes and goes is looked for among so many of the newest.
_NEWEST = 2_000


async def list_set_up_ids(session: ReadSession, agency_ids: Collection[str]) -> list[str]:
    """Bodies, accounts, gateways, people and keys of these agencies, and what was asked for.

    Of proposals and of what two people decided the newest are given.
    """
    found = await session.all(select(Agency.id).where(col(Agency.id).in_(agency_ids)))
    for model in (CollectionAccount, GatewayAccountRow, StaffUser, ApiKey):
        ids = select(model.id).where(col(model.agency_id).in_(agency_ids))
        found += await session.all(ids)
    proposals = select(CatalogueProposal.id).where(col(CatalogueProposal.agency_id).in_(agency_ids))
    newest = proposals.order_by(col(CatalogueProposal.id).desc()).limit(_NEWEST)
    found += await session.all(newest)
    asked = select(Approval.id).where(
        col(Approval.agency_id).in_(agency_ids), col(Approval.kind).in_(sorted(DEEDS))
    )
    found += await session.all(asked.order_by(col(Approval.id).desc()).limit(_NEWEST))
    return found
