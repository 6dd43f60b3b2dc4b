"""The first page of whoever has signed in: today, what needs them; and the rows behind its sums."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.day_places import read_day, with_query
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.doors import SignedIn, SignedInDep
from app.web.staff.gateway_titles import gateway_titles
from app.web.staff.message_words import CHANNELS
from app.web.staff.page_rights import page_needs
from app.web.staff.places import HOME
from app.web.staff.today_views import view_today
from app.web.templating import render
from core import clock
from core.db import SessionDep
from payments.agencies.access.rights import RIGHTS, ROLES, Action, Role
from payments.agencies.queries import list_collection_accounts
from payments.bills.opened import page_of_opened
from payments.books.api import ApprovalKindsDep
from payments.books.takings import page_of_takings
from payments.context import ContextDep
from reconciliation.dependencies import ReconcilingDep

router = APIRouter(include_in_schema=False)

_SHOWN: Final = 100
_Day = Annotated[str, Query(max_length=10)]
_Id = Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")]


def _day(text: str) -> date:
    """The day that an address names; today for none, and for what is none."""
    return read_day(text) or clock.business_date(clock.now())


@router.get(HOME)
async def staff_home(
    request: Request,
    who: SignedInDep,
    session: SessionDep,
    context: ContextDep,
    kinds: ApprovalKindsDep,
    parts: ReconcilingDep,
    on: _Day = "",
) -> Response:
    """A day's takings, what needs whoever looks, who was heard of, and what they may do."""
    view = await view_today(session, context, parts.calendar, who.principal, kinds, _day(on))
    return render(
        request,
        "today.html",
        **DAY_WORDS,
        who=who,
        view=view,
        CHANNELS=CHANNELS,
        gateway_title=gateway_titles(context.gateways),
        agency=await context.agencies.get_agency(who.principal.agency_id, session),
        roles=[ROLES[role] for role in Role if role in who.principal.roles],
        rights=[right.title for action, right in RIGHTS.items() if who.principal.may(action)],
    )


@router.get("/staff/takings")
async def show_takings(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_REPORTS)],
    session: SessionDep,
    context: ContextDep,
    on: _Day = "",
    gateway: Annotated[str, Query(pattern=r"^[a-z0-9_-]{0,40}$")] = "",
    hour: Annotated[int | None, Query(ge=0, le=23)] = None,
    after: _Id = "",
) -> Response:
    """The payments behind a sum of the first page."""
    day = _day(on)
    accounts = await list_collection_accounts(session, who.principal.agency_ids)
    page = await page_of_takings(
        *(session, who.principal.agency_ids, [one.id for one in accounts], day),
        gateway=gateway or None,
        hour=hour,
        cursor=after or None,
        limit=_SHOWN,
    )
    told = {"on": day.isoformat(), "gateway": gateway, "hour": "" if hour is None else str(hour)}
    return render(
        request,
        "today_takings.html",
        **DAY_WORDS,
        who=who,
        on=day,
        gateway=gateway,
        gateway_title=gateway_titles(context.gateways),
        hour=hour,
        page=page,
        sees_payments=who.principal.may(Action.READ_BILLS),
        next=page.next_cursor and with_query("/staff/takings", **told, after=page.next_cursor),
    )


@router.get("/staff/opened")
async def show_opened(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_REPORTS)],
    session: SessionDep,
    on: _Day = "",
    procedure: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")] = "",
    after: _Id = "",
) -> Response:
    """The bills of a day behind a sum of the first page, of one procedure."""
    day = _day(on)
    page = await page_of_opened(
        *(session, who.principal.agency_ids, day, procedure),
        cursor=after or None,
        limit=_SHOWN,
    )
    told = {"on": day.isoformat(), "procedure": procedure}
    return render(
        request,
        "today_opened.html",
        **DAY_WORDS,
        who=who,
        on=day,
        procedure=procedure,
        page=page,
        next=page.next_cursor and with_query("/staff/opened", **told, after=page.next_cursor),
    )
