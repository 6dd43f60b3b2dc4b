"""The catalogue: what will cost something else, and changes that take two people."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.histories import read_history
from app.web.staff.history import ThingId
from app.web.staff.keeping_lists import AskedListDep, answer_list
from app.web.staff.keeping_words import PROPOSAL_STATES, TABLES
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.tables import TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.bodies import FORM_BYTES, validated
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import Conflict, FieldError, Invalid, TooLarge
from core.sessions import ReadSession, WriteSession
from core.uploads import name_of
from payments.agencies.access.actors import list_named_actors
from payments.agencies.access.rights import Action
from payments.catalogue import queries
from payments.catalogue.upkeep.changes.planned import planned_changes
from payments.catalogue.upkeep.proposals import commands as proposals
from payments.catalogue.upkeep.proposals.api import RejectIn, export
from payments.catalogue.upkeep.proposals.rows import Proposal, list_proposals
from payments.catalogue.upkeep.sheets.files import MOST_BYTES, read_file

router = APIRouter(include_in_schema=False)

CATALOGUE: Final = "/staff/settings/catalogue"
PROPOSALS: Final = f"{CATALOGUE}/proposals"
Reader = Annotated[SignedIn, page_needs(Action.READ_PROPOSALS)]
Proposer = Annotated[SignedIn, page_needs(Action.PROPOSE_CHANGE)]
Proposed = Annotated[StaffDeed, deed_needs(Action.PROPOSE_CHANGE)]
Decided = Annotated[StaffDeed, deed_needs(Action.DECIDE_CHANGE)]
#: How far one looks ahead, and how many proposals are listed.
_AHEAD: Final = timedelta(days=365)
_MOST: Final = 200
_COLUMNS: Final = (
    TableColumn("proposed_at", noted("Đề xuất lúc"), "moment"),
    TableColumn("file_name", noted("Tệp")),
    TableColumn("proposed_by", noted("Người đề xuất")),
    TableColumn("added", noted("Dòng mới"), "count"),
    TableColumn("changed", noted("Dòng đổi"), "count"),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(CATALOGUE)
async def catalogue_page(
    request: Request,
    who: Reader,
    session: SessionDep,
    asked: AskedListDep,
    on: Annotated[date | None, Query()] = None,
) -> Response:
    """What changes within a year of a day, and the proposals, the newest first."""
    first = on or clock.business_date(clock.now())
    last = min(first, date.max - _AHEAD) + _AHEAD
    schedule = await queries.load_schedule(session, who.principal.agency_id)
    page = await list_proposals(session, who.principal.agency_ids, limit=_MOST)
    named = await list_named_actors(session, {one.proposed_by for one in page.items})
    rows = [
        TableRow(
            one.id,
            (
                one.proposed_at,
                one.file_name,
                named[one.proposed_by].name if one.proposed_by in named else one.proposed_by,
                sum(count.added for count in one.differences.counts),
                sum(count.changed for count in one.differences.counts),
                PROPOSAL_STATES[one.state],
            ),
            f"{PROPOSALS}/{one.id}",
        )
        for one in page.items
    ]
    return answer_list(
        request,
        who,
        asked.sorted_by("-proposed_at"),
        address=CATALOGUE,
        title=noted("Danh mục thu"),
        columns=_COLUMNS,
        rows=rows,
        template="keep_catalogue.html",
        days=planned_changes(schedule, first, last),
        first=first,
        last=last,
        can_propose=who.principal.may(Action.PROPOSE_CHANGE),
        can_export=who.principal.may(Action.EXPORT_CATALOGUE),
        tables=TABLES,
    )


@router.get(f"{CATALOGUE}/export")
@allowing(LONG_SECONDS)
async def export_catalogue(
    who: Annotated[SignedIn, page_needs(Action.EXPORT_CATALOGUE)],
    session: SessionDep,
    scope: Literal["agency", "national"] = "agency",
) -> Response:
    """The body's own catalogue, or the nation's, as a workbook to be changed and proposed."""
    return await export(who.principal, session, "xlsx", None, scope)


@router.get(f"{PROPOSALS}/new")
async def new_proposal_page(request: Request, who: Proposer) -> Response:
    """The form for a file that changes the catalogue."""
    return _form(request, who)


@router.post(PROPOSALS, max_body_size=MOST_BYTES + FORM_BYTES)
@allowing(LONG_SECONDS)
async def propose_change(deed: Proposed) -> Response:
    """Check a file and keep it with what it would change; with one fault nothing is taken."""
    table = deed.typed("table") or None

    async def work(session: WriteSession) -> str:
        file = deed.file("file")
        if file is None:
            detail = "Hãy chọn một tệp CSV hoặc XLSX."
            raise Invalid(detail, errors=[FieldError("file", "missing", detail)])
        if file.size is None or file.size > MOST_BYTES:
            raise TooLarge(f"Tệp vượt quá {MOST_BYTES} byte.")
        if table not in (None, *TABLES):
            raise Invalid("Không có bảng này.")
        await file.seek(0)
        name, content = name_of(file), await file.read()
        sheets = await asyncio.to_thread(read_file, content, table)
        made = await proposals.propose(session, deed.by.agency_id, name, sheets, deed.by)
        return f"{PROPOSALS}/{made.id}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        return _form(deed.request, deed.who, table or "", refused)


@router.get(f"{PROPOSALS}/{{proposal_id}}")
async def proposal_page(
    request: Request, proposal_id: ThingId, who: Reader, session: SessionDep
) -> Response:
    """A proposal: every row it would add and change, and what that means for payers."""
    found = await proposals.get_proposal(session, proposal_id, who.principal)
    return await _page(request, session, who, found)


@router.post(f"{PROPOSALS}/{{proposal_id}}/apply")
@allowing(LONG_SECONDS)
async def apply_proposal(proposal_id: ThingId, deed: Decided) -> Response:
    """Apply somebody else's proposal, unless it would no longer do what was shown."""
    return await _decided(
        deed, proposal_id, lambda session: proposals.apply(session, proposal_id, deed.by)
    )


@router.post(f"{PROPOSALS}/{{proposal_id}}/reject")
async def reject_proposal(proposal_id: ThingId, deed: Proposed) -> Response:
    """Set a proposal aside and say why; whoever proposed it may take it back so."""

    async def reject(session: WriteSession) -> object:
        told = validated(RejectIn, {"reason": deed.typed("reason")}).reason
        return await proposals.reject(session, proposal_id, told, deed.by)

    return await _decided(deed, proposal_id, reject)


async def _decided(
    deed: StaffDeed, proposal_id: str, decide: Callable[[WriteSession], Awaitable[object]]
) -> Response:
    async def work(session: WriteSession) -> str:
        await decide(session)
        return f"{PROPOSALS}/{proposal_id}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        async with deed.database.reading() as session:
            found = await proposals.get_proposal(session, proposal_id, deed.by)
            told = (deed.request, session, deed.who, found)
            return await _page(*told, reason=deed.typed("reason"), refused=refused)


def _form(
    request: Request, who: SignedIn, table: str = "", refused: Invalid | Conflict | None = None
) -> Response:
    return render(
        request,
        "keep_proposal_new.html",
        200 if refused is None else refused.status,
        who=who,
        tables=TABLES,
        table=table,
        once=new_once(),
        refused=refused,
    )


async def _page(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    proposal: Proposal,
    *,
    reason: str = "",
    refused: Invalid | Conflict | None = None,
) -> Response:
    waits = proposal.state == "proposed"
    principal, own = who.principal, proposal.proposed_by == who.principal.actor
    return render(
        request,
        "keep_proposal.html",
        200 if refused is None else refused.status,
        who=who,
        proposal=proposal,
        state=PROPOSAL_STATES[proposal.state],
        differences=proposal.differences,
        stale=waits and await proposals.is_stale(session, proposal),
        mine=own,
        can_apply=waits and not own and principal.may(Action.DECIDE_CHANGE),
        can_reject=waits and principal.may(Action.PROPOSE_CHANGE if own else Action.DECIDE_CHANGE),
        reason=reason,
        once=new_once(),
        refused=refused,
        history=await read_history(session, [proposal.id]),
    )
