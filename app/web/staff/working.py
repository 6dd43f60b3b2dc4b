"""The discrepancies of a day, worked one after the other or many at once, by keyboard alone.

What is resolved is asked for here and approved by somebody else; until the day is closed whoever
asked may take it back while it waits.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.day_places import AccountCode, StaffDay, get_day
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import (
    REFUSALS,
    StaffDeed,
    faults_by_field,
    new_once,
    read_typed,
)
from app.web.staff.doors import SignedIn
from app.web.staff.just_done import find_just_done
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.ways import bills_named, reason_for
from app.web.staff.work_views import (
    ManyView,
    WorkFilter,
    read_filter,
    view_many,
    view_work,
    work_address,
    work_page,
)
from app.web.templating import render
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import LephiError, NotFound
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import get_approval, propose, reject
from reconciliation.cases.approvals import BULK, PREFIX
from reconciliation.cases.discrepancies import get_discrepancy
from reconciliation.cases.schemas import BulkResolutionIn, DiscrepancyResolutionIn
from reconciliation.dependencies import ReconcilingDep

router = APIRouter(include_in_schema=False)

_Kind = Annotated[str, Query(alias="class", max_length=40, pattern=r"^[a-z_]*$")]
_Id = Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")]


@router.get("/staff/days/{account}/{on}/differences")
async def show_work(
    request: Request,
    account: AccountCode,
    on: date,
    who: Annotated[SignedIn, page_needs(Action.READ_RECONCILIATIONS)],
    session: SessionDep,
    parts: ReconcilingDep,
    part: Annotated[str, Query(max_length=20)] = "todo",
    kind: _Kind = "",
    after: _Id = "",
    at: _Id = "",
    past: _Id = "",
    done: _Id = "",
) -> Response:
    """A day's discrepancies: the list, one of them with all that is known of it, and its form."""
    day = await get_day(session, who.principal, account, on)
    view = await view_work(
        *(session, parts, who.principal, day, read_filter(part, kind, after)),
        at=at,
        past=past,
        done=done,
    )
    said = None
    if view.chosen is not None:
        case_id = str(view.chosen.odd.case_id)
        told = await find_just_done(session, case_id, "discrepancy.asked", who.principal)
        said = None if told is None else str(told.details["outcome"] or "unclear")
    return work_page(request, who, view, said=said)


async def _asked_of(deed: StaffDeed, account: str, on: date) -> tuple[StaffDay, WorkFilter]:
    async with deed.database.reading() as session:
        day = await get_day(session, deed.by, account, on)
    return day, read_filter(deed.typed("part"), deed.typed("class"), deed.typed("after"))


@router.post("/staff/days/{account}/{on}/differences")
async def resolve_one(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    kinds: ApprovalKindsDep,
    parts: ReconcilingDep,
) -> Response:
    """Ask that one discrepancy be resolved, and go on to the next."""
    day, wanted = await _asked_of(deed, account, on)
    case = deed.typed("case")
    typed = {name: deed.typed(name) for name in ("kind", "bill", "reason")}
    if typed["kind"] != "assign":
        typed["bill"] = ""
    given = {
        "kind": typed["kind"],
        "reason": reason_for(typed["kind"], typed["reason"]),
        **bills_named(typed["bill"]),
    }

    async def work(session: WriteSession) -> str:
        odd = await get_discrepancy(session, case, deed.by.agency_ids)
        asked = read_typed(DiscrepancyResolutionIn, given)
        made = await propose(
            *(session, kinds, PREFIX + asked.kind, str(odd.case_id)),
            *(asked.wanted, asked.reason, deed.by),
        )
        return work_address(day, wanted, past=odd.id, done=made.id)

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            view = await view_work(session, parts, deed.by, day, wanted, at=case)
        return work_page(deed.request, deed.who, view, fault=error, typed=typed)


@router.post("/staff/days/{account}/{on}/differences/undo")
async def undo_last(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    kinds: ApprovalKindsDep,
    parts: ReconcilingDep,
) -> Response:
    """Take back what one has asked for and nobody has decided yet."""
    day, wanted = await _asked_of(deed, account, on)

    async def work(session: WriteSession) -> str:
        asked = await get_approval(session, deed.typed("approval"), deed.by.agency_ids)
        if asked.proposed_by != deed.by.actor:
            raise NotFound("Không có đề nghị này.")
        taken = await reject(session, kinds, asked.id, "rút lại đề nghị", deed.by)
        at = "" if taken.kind == BULK else taken.object_id
        return work_address(day, wanted, at=at)

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            view = await view_work(session, parts, deed.by, day, wanted)
        return work_page(deed.request, deed.who, view, fault=error)


@router.get("/staff/days/{account}/{on}/differences/all")
async def show_many(
    request: Request,
    account: AccountCode,
    on: date,
    who: Annotated[SignedIn, page_needs(Action.PROPOSE_APPROVAL)],
    session: SessionDep,
    kind: _Kind = "",
    way: Annotated[str, Query(max_length=20)] = "",
    reason: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What would be asked for about all that the filter shows: how many, and how much."""
    day = await get_day(session, who.principal, account, on)
    view = await view_many(session, who.principal, day, WorkFilter(kind=kind))
    return _many_page(request, who, view, typed={"kind": way, "reason": reason})


def _many_page(
    request: Request,
    who: SignedIn,
    view: ManyView,
    *,
    fault: LephiError | None = None,
    changed: bool = False,
    typed: dict[str, str],
) -> Response:
    status = 409 if changed else 200 if fault is None else fault.status
    return render(
        request,
        "day_many.html",
        status,
        **DAY_WORDS,
        who=who,
        view=view,
        day=view.day,
        back=work_address(view.day, view.filter),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
        changed=changed,
        typed=typed,
    )


@router.post("/staff/days/{account}/{on}/differences/all")
@allowing(LONG_SECONDS)
async def resolve_many(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    kinds: ApprovalKindsDep,
) -> Response:
    """Ask for one resolution of all that was shown; refused where they are not the same by now."""
    day, wanted = await _asked_of(deed, account, on)
    typed = {name: deed.typed(name) for name in ("kind", "reason")}
    given = typed | {"reason": reason_for(typed["kind"], typed["reason"])}
    seen = (deed.typed("count"), deed.typed("sum"))

    async def ask(session: WriteSession) -> str:
        view = await view_many(session, deed.by, day, wanted)
        if seen != (str(view.count), str(view.sum)):
            raise _ListChanged(view)
        run = str(day.run.id) if day.run is not None else ""
        asked = read_typed(BulkResolutionIn, {**given, "discrepancies": view.case_ids})
        bulk = {"run": run, "resolution": asked.kind, "discrepancies": sorted(view.case_ids)}
        made = await propose(session, kinds, BULK, new_id("bulk"), bulk, asked.reason, deed.by)
        return work_address(day, wanted, done=made.id)

    try:
        return await deed.once(ask)
    except _ListChanged as changed:
        return _many_page(deed.request, deed.who, changed.view, changed=True, typed=typed)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            view = await view_many(session, deed.by, day, wanted)
        return _many_page(deed.request, deed.who, view, fault=error, typed=typed)


class _ListChanged(Exception):
    """Something has been added to what was shown, or taken from it."""

    def __init__(self, view: ManyView) -> None:
        super().__init__("the list has changed")
        self.view = view
