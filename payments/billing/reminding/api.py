"""When a market's months are opened and reminded of, and who wants no reminders, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from core.bodies import ParsedBody, documented, parsed
from core.db import SessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.answers import MarketOut
from payments.billing.api import MarketName, own_market
from payments.billing.markets import get_market
from payments.billing.reminding.commands import set_reminders
from payments.billing.schemas import RemindersIn, ScheduleIn
from payments.billing.setting_up import schedule_market
from payments.books.api import ObjectId

router = APIRouter(prefix="/api/v1", tags=["markets"])


@router.patch("/markets/{market}", openapi_extra=documented(ScheduleIn))
async def change_schedule(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    market: MarketName,
    body: Annotated[ParsedBody[ScheduleIn], Depends(parsed(ScheduleIn))],
    session: SessionDep,
) -> MarketOut:
    """Change on which days months are opened and reminded of, and whether the worker opens them.

    Switched on, it opens the months whose opening day is still to come.
    """
    found = await own_market(session, principal, market)
    await schedule_market(session, found, **body.model.model_dump(), actor=principal.actor)
    return MarketOut.of(await get_market(session, found.id))


@router.patch(
    "/vendors/{vendor_id}",
    status_code=204,
    response_class=Response,
    openapi_extra=documented(RemindersIn),
)
async def change_reminders(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    vendor_id: ObjectId,
    body: Annotated[ParsedBody[RemindersIn], Depends(parsed(RemindersIn))],
    session: SessionDep,
) -> None:
    """Write down that a vendor wants no reminders, or wants them again, and in which language."""
    told = body.model
    await set_reminders(
        session,
        vendor_id,
        wanted=told.wanted,
        language=told.language,
        agency_ids=principal.agency_ids,
        actor=principal.actor,
    )
