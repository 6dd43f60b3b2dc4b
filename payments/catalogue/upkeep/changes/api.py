"""Planned changes over HTTP: which fees will not be tomorrow what they are today, and from when.

An agency sees its own schedule, so the answer depends on the key.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from core import clock
from core.db import ReadSessionDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.catalogue import queries
from payments.catalogue.upkeep.changes.planned import days_asked, planned_changes
from payments.catalogue.upkeep.changes.schemas import ChangesOut

router = APIRouter(tags=["procedures"])


@router.get("/catalogue/changes")
async def list_changes(
    principal: Annotated[Principal, needs(Action.READ_PRICES)],
    session: ReadSessionDep,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> ChangesOut:
    """The fees of the key's agency that change from one Vietnamese day to the end of another.

    Left out, `from` is today and `to` a year later; at most five years. Each day names the fees
    that are not as on the day before, with before and after in words.
    """
    begin, end = days_asked(first, last, clock.business_date(clock.now()))
    schedule = await queries.load_schedule(session, principal.agency_id)
    return ChangesOut.of(begin, end, planned_changes(schedule, begin, end))
