"""The HTTP surface of when days are reconciled by themselves: set by a person, dated, and read."""

import re
from datetime import date, time
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer, model_validator

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.errors import NotFound
from core.idempotency import IdempotencyDep
from core.schemas import Code, Instant, RequestModel
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import find_agency
from reconciliation.days.schedules import (
    NewSchedule,
    ScheduleValue,
    get_schedule,
    list_schedules,
    set_schedule,
)
from reconciliation.schemas import plain_day
from reconciliation.statements.intake import FIRST_DAY, LAST_DAY
from reconciliation.statements.uploads import own_account

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


def _clock_time(value: object) -> object:
    """The same value. Raises ValueError for what is no time like 17:30."""
    if value is not None and (
        not isinstance(value, str)
        or re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII) is None
    ):
        raise ValueError("must be a time like 17:30")
    return value


ClockTime = Annotated[time, PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str)]


class NightlyScheduleIn(RequestModel):
    """From which day on, and when, the days of an account or of a whole body are reconciled.

    `account` is one account; `agency` all accounts of a body and its units that have no schedule of
    their own. `at` is a time of working days in Vietnam, after the cut-off; null ends it.
    """

    account: Code | None = None
    agency: Code | None = None
    valid_from: Annotated[
        date, BeforeValidator(plain_day), Field(strict=False, ge=FIRST_DAY, le=LAST_DAY)
    ]
    at: Annotated[Annotated[time, Field(strict=False)] | None, BeforeValidator(_clock_time)]

    @model_validator(mode="after")
    def _one_of_both(self) -> "NightlyScheduleIn":
        if (self.account is None) is (self.agency is None):
            raise ValueError("name an account or an agency, and not both")
        return self


class NightlyScheduleOut(BaseModel):
    """A schedule; the last one that has begun holds, an account's own before its body's."""

    id: str
    agency: str
    account: str | None
    valid_from: date
    at: ClockTime | None
    created_by: str
    created_at: Instant

    @classmethod
    def of(cls, one: ScheduleValue) -> "NightlyScheduleOut":
        """The answer for a schedule."""
        return cls(
            id=one.id,
            agency=one.agency,
            account=one.account,
            valid_from=one.valid_from,
            at=one.at,
            created_by=one.created_by,
            created_at=one.created_at,
        )


class NightlyScheduleList(BaseModel):
    """Every schedule of the bodies that the caller reaches, in order of their first days."""

    items: list[NightlyScheduleOut]


@router.get("/nightly-schedules")
async def read_schedules(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)], session: ReadSessionDep
) -> NightlyScheduleList:
    """When days are reconciled by themselves; a day is on the first working day after it."""
    found = await list_schedules(session, principal.agency_ids)
    return NightlyScheduleList(items=[NightlyScheduleOut.of(one) for one in found])


@router.post(
    "/nightly-schedules",
    status_code=201,
    response_model=NightlyScheduleOut,
    openapi_extra=documented(NightlyScheduleIn),
)
async def set_nightly_schedule(
    principal: Annotated[Principal, needs(Action.SCHEDULE_NIGHTS)],
    body: Annotated[ParsedBody[NightlyScheduleIn], Depends(parsed(NightlyScheduleIn))],
    idempotent: IdempotencyDep,
) -> Response:
    """Have days reconciled by themselves from a day on, today at the earliest, or end that."""

    async def work(session: WriteSession) -> NightlyScheduleOut:
        wanted = body.model
        account = None
        if wanted.account is not None:
            account = await own_account(session, principal, wanted.account)
            agency_id = account.agency_id
        else:
            found = await find_agency(session, wanted.agency or "")
            if found is None or found.id not in principal.agency_ids:
                raise NotFound("Không có cơ quan này.")
            agency_id = found.id
        new = NewSchedule(agency_id, account, wanted.valid_from, wanted.at)
        made = await set_schedule(session, new, actor=principal.actor)
        return NightlyScheduleOut.of(await get_schedule(session, made))

    return await idempotent(idempotent.claim(principal.owner, body.value), work)
