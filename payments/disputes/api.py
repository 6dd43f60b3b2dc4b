"""The HTTP surface of disputes: they are read here, and answered at the gateway."""

from typing import Annotated

from fastapi import APIRouter, Query

from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import Cursor, Limit
from payments.disputes.queries import page_of_disputes
from payments.disputes.schemas import DisputeList, DisputeOut, DisputeStatus

router = APIRouter(prefix="/api/v1", tags=["refunds"])


@router.get("/disputes")
async def read_disputes(
    principal: Annotated[Principal, needs(Action.READ_SUSPENSE)],
    session: ReadSessionDep,
    status: DisputeStatus | None = None,
    payment: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DisputeList:
    """Disputes of the agency and its units, the newest first."""
    page = await page_of_disputes(
        session,
        principal.agency_ids,
        status=status,
        payment_id=payment,
        cursor=cursor,
        limit=limit,
    )
    items = [DisputeOut.of(one) for one in page.items]
    return DisputeList(items=items, next_cursor=page.next_cursor)
