"""What is done about one discrepancy beside resolving it: said, asked, written about, reopened."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from app.web.staff.day_places import AccountCode, StaffDay, get_day
from app.web.staff.deeds import REFUSALS, StaffDeed, read_typed
from app.web.staff.page_rights import deed_needs
from app.web.staff.work_views import (
    WorkFilter,
    read_filter,
    view_work,
    work_address,
    work_page,
)
from core import clock
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import propose
from payments.books.schemas import ReasonIn
from reconciliation.cases.asking import ask_gateway
from reconciliation.cases.discrepancies import WorkedDiscrepancy, get_discrepancy
from reconciliation.cases.notes import comment
from reconciliation.cases.reopening import REOPEN
from reconciliation.cases.schemas import CommentIn
from reconciliation.cases.trace_letters import letter_about
from reconciliation.context import ReconciliationContext
from reconciliation.dependencies import ReconcilingDep

router = APIRouter(include_in_schema=False)

_CASES: Final = "/staff/days/{account}/{on}/differences"


async def _own(
    session: ReadSession, deed: StaffDeed, day: StaffDay, case: str
) -> WorkedDiscrepancy:
    """A discrepancy of that day. Raises `NotFound`."""
    odd = await get_discrepancy(session, case, deed.by.agency_ids)
    if (odd.collection_account_id, odd.business_on) != (day.account.id, day.on):
        raise NotFound("Không có chênh lệch này.")
    return odd


async def _place(deed: StaffDeed, account: str, on: date) -> tuple[StaffDay, WorkFilter]:
    async with deed.database.reading() as session:
        day = await get_day(session, deed.by, account, on)
    return day, read_filter(deed.typed("part"), deed.typed("class"), deed.typed("after"))


async def _or_told(
    deed: StaffDeed,
    parts: ReconciliationContext,
    place: tuple[StaffDay, WorkFilter],
    do: Callable[[], Awaitable[Response]],
) -> Response:
    """What is done, or the page again with why it was not."""
    try:
        return await do()
    except REFUSALS as error:
        async with deed.database.reading() as session:
            view = await view_work(session, parts, deed.by, *place, at=deed.typed("case"))
        return work_page(deed.request, deed.who, view, fault=error)


@router.post(f"{_CASES}/comment")
async def say(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.WORK_DISCREPANCY)],
    parts: ReconcilingDep,
) -> Response:
    """Say something of a discrepancy; nobody changes it afterwards."""
    day, wanted = place = await _place(deed, account, on)

    async def work(session: WriteSession) -> str:
        odd = await _own(session, deed, day, deed.typed("case"))
        said = read_typed(CommentIn, {"text": deed.typed("text")})
        await comment(session, parts.cipher, str(odd.case_id), said.text, deed.by.actor)
        return work_address(day, wanted, at=str(odd.case_id))

    return await _or_told(deed, parts, place, lambda: deed.once(work))


@router.post(f"{_CASES}/ask")
async def ask(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    parts: ReconcilingDep,
) -> Response:
    """Ask the gateway about a discrepancy's payment now; the discrepancy stays as it is."""
    day, wanted = place = await _place(deed, account, on)

    async def work() -> str:
        async with deed.database.reading() as session:
            odd = await _own(session, deed, day, deed.typed("case"))
        await ask_gateway(parts, odd, deed.by.actor)
        return work_address(day, wanted, at=str(odd.case_id))

    return await _or_told(deed, parts, place, lambda: deed.once_in_several(work))


@router.post(f"{_CASES}/reopen")
async def ask_to_reopen(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    kinds: ApprovalKindsDep,
    parts: ReconcilingDep,
) -> Response:
    """Ask that an accepted discrepancy be open again; another person approves it."""
    place = await _place(deed, account, on)
    day = place[0]

    async def work(session: WriteSession) -> str:
        odd = await _own(session, deed, day, deed.typed("case"))
        asked = read_typed(ReasonIn, {"reason": deed.typed("reason")})
        made = await propose(session, kinds, REOPEN, str(odd.case_id), {}, asked.reason, deed.by)
        return f"/staff/approvals/{made.id}"

    return await _or_told(deed, parts, place, lambda: deed.once(work))


@router.get(f"{_CASES}/letter")
async def show_letter(
    account: AccountCode,
    on: date,
    asked: Annotated[StaffDeed, deed_needs(Action.READ_RECONCILIATIONS)],
    parts: ReconcilingDep,
    at: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]+$")],
) -> Response:
    """The tracing letter about a discrepancy, drafted with all its figures."""
    today = clock.business_date(clock.now())
    async with asked.database.reading() as session:
        day = await get_day(session, asked.by, account, on)
        odd = await _own(session, asked, day, at)
        letter = await letter_about(session, parts.cipher, odd, day.account, today)
    return PlainTextResponse(letter)
