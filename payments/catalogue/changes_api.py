"""Planned changes over HTTP: which fees will not be tomorrow what they are today, and from when.

An agency sees its own schedule, so the answer depends on the key.
"""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from core import clock
from core.auth import PrincipalDep
from core.db import SessionDep
from core.errors import FieldError, Invalid
from payments.catalogue import queries
from payments.catalogue.changes import planned_changes
from payments.catalogue.changes_schemas import ChangesOut

router = APIRouter(tags=["procedures"])

#: How far one looks ahead if nothing is said, and at most.
USUAL_DAYS = 365
MOST_DAYS = 5 * 366


@router.get("/catalogue/changes")
async def list_changes(
    session: SessionDep,
    principal: PrincipalDep,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
) -> ChangesOut:
    """The fees of the key's agency that change from one Vietnamese day to the end of another.

    Left out, `from` is today and `to` a year later; at most five years. Each day names the fees
    that are not as on the day before, with before and after in words.
    """
    begin, end = span_asked(first, last)
    schedule = await queries.load_schedule(session, principal.agency_id)
    return ChangesOut.of(begin, end, planned_changes(schedule, begin, end))


def span_asked(first: date | None, last: date | None) -> tuple[date, date]:
    """The days to look at. Raises `Invalid` on `to` if they are out of order or too many."""
    begin = first or clock.business_date(clock.now())
    end = last or min(begin, date.max - timedelta(USUAL_DAYS)) + timedelta(USUAL_DAYS)
    if not 0 <= (end - begin).days <= MOST_DAYS:
        detail = "Ngày cuối phải từ ngày đầu trở đi và cách không quá 5 năm."
        raise Invalid(detail, errors=[FieldError("to", "out_of_range", detail)])
    return begin, end
