"""The days of a body's accounts: the list, each with its three comparisons, and its closing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.day_places import (
    AccountCode,
    StaffDay,
    day_path,
    get_day,
    read_day,
    with_query,
)
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import REFUSALS, StaffDeed, new_once, read_typed
from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import titles_of
from app.web.staff.loaded_files import LoadedFile, find_loaded_file
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from core import clock
from core.cursors import Page
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import Conflict, LephiError, NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import find_names
from payments.agencies.queries import CollectionAccountValue, list_collection_accounts
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import ApprovalValue, find_proposed
from payments.books.closed_days import find_last_closed
from reconciliation.cases.day_cases import OpenSum, sum_open_cases
from reconciliation.cases.schemas import ClosingIn
from reconciliation.cases.worklist import WorkSum, read_asked, sum_work
from reconciliation.closing.api import PressDep, file_of_minutes
from reconciliation.closing.closing import CLOSE_DAY, close
from reconciliation.closing.minutes import get_minutes
from reconciliation.closing.minutes_files import FileKind
from reconciliation.context import ReconciliationContext
from reconciliation.days.api import DayOut
from reconciliation.days.commands import reconcile
from reconciliation.days.late_returns import ReturnedLater, list_late_returns
from reconciliation.days.listing import StandingRun, list_standing
from reconciliation.days.run_queries import MatchValue, list_matches
from reconciliation.days.settlements import view_day
from reconciliation.dependencies import ReconcilingDep
from reconciliation.matching.rules import RULES, MatchingRule

router = APIRouter(include_in_schema=False)

#: How many days back the list goes, and how many matches stand on one page.
_DAYS: Final = 14
_MATCHES: Final = 100
#: The rules by their names, as every match says its own.
RULES_BY_NAME: Final[Mapping[str, MatchingRule]] = {rule.name: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class ListedDay:
    """A day of an account in the list: its run, and what keeps it open."""

    account: CollectionAccountValue
    on: date
    run: StandingRun | None
    left: OpenSum | None

    @property
    def path(self) -> str:
        """The address of its page."""
        return day_path(self.account.code, self.on)

    @property
    def state(self) -> str:
        """`closed`, `clear` (nothing is left), `open`, or `none` where it was not reconciled."""
        if self.run is None:
            return "none"
        if self.run.closed_at is not None:
            return "closed"
        return "clear" if self.left is None else "open"


async def list_days(
    session: ReadSession, who: Principal, until: date, count: int = _DAYS
) -> list[ListedDay]:
    """The days of every account that somebody sees, the newest first."""
    accounts = await list_collection_accounts(session, who.agency_ids)
    first = until - timedelta(days=count - 1)
    runs = await list_standing(session, [one.id for one in accounts], first, until)
    left = await sum_open_cases(session, [one.id for one in runs])
    by_day = {(one.collection_account_id, one.business_on): one for one in runs}
    days = [until - timedelta(days=n) for n in range(count)]
    return [
        ListedDay(one, day, run, None if run is None else left.get(run.id))
        for day in days
        for one in accounts
        for run in [by_day.get((one.id, day))]
    ]


@router.get("/staff/days")
async def show_days(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_RECONCILIATIONS)],
    session: SessionDep,
    until: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """The days, each with what is left to do."""
    today = clock.business_date(clock.now())
    last = min(read_day(until) or today, today)
    return render(
        request,
        "day_list.html",
        **DAY_WORDS,
        who=who,
        days=await list_days(session, who.principal, last),
        until=last,
        today=today,
        earlier=last - timedelta(days=_DAYS),
    )


@dataclass(frozen=True, slots=True)
class DayPage:
    """All that the page of a day shows. `closing` is what waits for the second person, if asked."""

    place: StaffDay
    told: DayOut
    work: list[WorkSum]
    closing: ApprovalValue | None
    names: dict[str, str]
    last_closed: date | None
    #: payments of closed days that a debit of this day took back
    late: list[ReturnedLater]

    @property
    def parts_of(self) -> dict[str, str]:
        """In which part of the list each class is, the one with most to do."""
        order = ("rest", "resolved", "asked", "todo")
        return {one.kind: one.part for part in order for one in self.work if one.part == part}

    def count(self, part: str) -> int:
        """How many discrepancies are in a part of the list."""
        return sum(one.count for one in self.work if one.part == part)

    def amount(self, part: str) -> int:
        """Their sum in đồng."""
        return sum(one.sum for one in self.work if one.part == part)


async def view_day_page(
    session: ReadSession, parts: ReconciliationContext, who: Principal, place: StaffDay
) -> DayPage:
    """A day with its comparisons, what is left of it, and how far its closing is."""
    view = await view_day(session, parts.cipher, parts.calendar, place.account, place.on)
    work: list[WorkSum] = []
    closing = None
    if place.run is not None:
        asked = await read_asked(session, place.run.id, who.agency_ids)
        work = await sum_work(session, place.run.id, asked)
        closing = await find_proposed(session, CLOSE_DAY, place.run.id, who.agency_ids)
    return DayPage(
        place=place,
        told=DayOut.of(place.account.code, place.on, view),
        work=work,
        closing=closing,
        names=await find_names(session, [] if closing is None else [closing.proposed_by]),
        last_closed=await find_last_closed(session, place.account.id),
        late=await list_late_returns(session, place.account.id, place.on),
    )


@router.get("/staff/days/{account}/{on}")
async def show_day(
    request: Request,
    account: AccountCode,
    on: date,
    who: Annotated[SignedIn, page_needs(Action.READ_RECONCILIATIONS)],
    session: SessionDep,
    parts: ReconcilingDep,
    file: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """A day: the three comparisons side by side, where its money is, and closing it.

    Whoever comes from taking a `file` in is told of it.
    """
    place = await get_day(session, who.principal, account, on)
    page = await view_day_page(session, parts, who.principal, place)
    loaded = await find_loaded_file(session, place.account.id, file, who.principal)
    return _page(request, who, page, loaded=loaded)


def _page(
    request: Request,
    who: SignedIn,
    page: DayPage,
    *,
    fault: LephiError | None = None,
    reason: str = "",
    loaded: LoadedFile | None = None,
) -> Response:
    return render(
        request,
        "day_page.html",
        200 if fault is None else fault.status,
        **DAY_WORDS,
        who=who,
        page=page,
        day=page.place,
        told=page.told,
        sum_of=lambda names: sum(getattr(page.told.places, name) for name in names),
        may_run=who.principal.may(Action.RECONCILE) and page.place.has_begun,
        may_close=who.principal.may(Action.CLOSE_DAY),
        may_decide=who.principal.may(Action.DECIDE_APPROVAL),
        once=new_once(),
        fault=fault,
        reason=reason,
        loaded=loaded,
        rules=RULES_BY_NAME,
        before=page.place.on - timedelta(days=1),
        after=page.place.on + timedelta(days=1),
        day_path=day_path,
        gateway_title=titles_of(request),
    )


@router.post("/staff/days/{account}/{on}/run")
@allowing(LONG_SECONDS)
async def run_day(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.RECONCILE)],
    parts: ReconcilingDep,
) -> Response:
    """Reconcile the day with the statements taken in so far. A closed day stays as it is."""
    async with deed.database.reading() as session:
        place = await get_day(session, deed.by, account, on)

    async def work() -> str:
        if place.has_begun and not place.is_closed:
            await reconcile(parts, place.account, on, actor=deed.by.actor)
        return place.path

    try:
        return await deed.once_in_several(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            page = await view_day_page(session, parts, deed.by, place)
        return _page(deed.request, deed.who, page, fault=error)


@router.post("/staff/days/{account}/{on}/close")
@allowing(LONG_SECONDS)
async def close_one(
    account: AccountCode,
    on: date,
    deed: Annotated[StaffDeed, deed_needs(Action.CLOSE_DAY)],
    parts: ReconcilingDep,
    kinds: ApprovalKindsDep,
) -> Response:
    """Ask that the day be closed, or close it where somebody else has asked."""
    async with deed.database.reading() as session:
        place = await get_day(session, deed.by, account, on)
    reason = deed.typed("reason")
    run_id = deed.typed("run")

    async def work(session: WriteSession) -> str:
        if place.run is None or run_id != place.run.id:
            raise NewerRun("Ngày này vừa được đối chiếu lại; hãy xem lại số liệu rồi khóa sổ.")
        asked = read_typed(ClosingIn, {"reason": reason})
        await close(session, kinds, place.run.id, asked.reason, deed.by)
        return place.path

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            page = await view_day_page(session, parts, deed.by, place)
        return _page(deed.request, deed.who, page, fault=error, reason=reason)


class NewerRun(Conflict):
    """The day was reconciled again since its figures were shown: look at them, then close it."""

    code = "superseded"


@router.get("/staff/days/{account}/{on}/minutes.{kind}")
async def show_minutes(
    account: AccountCode,
    on: date,
    kind: Literal["pdf", "xlsx"],
    asked: Annotated[StaffDeed, deed_needs(Action.READ_RECONCILIATIONS)],
    press: PressDep,
) -> Response:
    """The minutes of a closed day, the same bytes every time."""
    # A transaction of its own: drawing takes its time, and needs another one afterwards.
    async with asked.database.reading() as session:
        place = await get_day(session, asked.by, account, on)
        if place.run is None or not place.is_closed:
            raise NotFound("Ngày này chưa khóa sổ nên chưa có biên bản.")
        minutes = await get_minutes(session, place.run.id)
    wanted: FileKind = kind
    return file_of_minutes(minutes, await press.file(minutes, wanted), wanted)


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match with the rule that made it."""

    match: MatchValue
    rule: MatchingRule | None


@router.get("/staff/days/{account}/{on}/matches")
async def show_matches(
    request: Request,
    account: AccountCode,
    on: date,
    who: Annotated[SignedIn, page_needs(Action.READ_RECONCILIATIONS)],
    session: SessionDep,
    after: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """What agreed on a day, each with the rule by which it was found."""
    place = await get_day(session, who.principal, account, on)
    page: Page[MatchValue] = Page((), None)
    if place.run is not None:
        page = await list_matches(session, place.run.id, cursor=after or None, limit=_MATCHES)
    return render(
        request,
        "day_matches.html",
        **DAY_WORDS,
        who=who,
        day=place,
        rows=[MatchRow(one, RULES_BY_NAME.get(one.rule)) for one in page.items],
        sees_payments=who.principal.may(Action.READ_BILLS),
        next=page.next_cursor and with_query(f"{place.path}/matches", after=page.next_cursor),
    )
