"""What the pages of a day's discrepancies show: the list, one of them, or many at once."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request, Response

from app.web.staff.day_places import StaffDay, with_query
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import faults_by_field, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import titles_of
from app.web.staff.ways import WAYS, ResolutionWay, ways_for, ways_for_many
from app.web.templating import render
from core.cursors import Page
from core.errors import LephiError, NotFound
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import find_names
from payments.attempts.queries import get_payment
from payments.bills.queries import PaymentValue
from payments.books.approvals import ApprovalValue, get_approval
from reconciliation.cases.approvals import BULK, MOST_NAMED, PREFIX
from reconciliation.cases.discrepancies import WorkedDiscrepancy, get_discrepancy
from reconciliation.cases.notes import CommentValue, list_comments
from reconciliation.cases.worklist import (
    PARTS,
    AskedCases,
    WorkPart,
    WorkSum,
    page_of_work,
    read_asked,
    sum_work,
)
from reconciliation.context import ReconciliationContext
from reconciliation.matching.values import DayLine
from reconciliation.statements.lines import find_line

#: How many of a part stand on one page.
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """What of a day's list is shown: a part, a class of it, from which row on."""

    part: WorkPart = "todo"
    kind: str = ""
    after: str = ""

    @property
    def query(self) -> dict[str, str]:
        """As an address has it, the usual left out."""
        part = "" if self.part == "todo" else self.part
        return {"part": part, "class": self.kind, "after": self.after}


@dataclass(frozen=True, slots=True)
class CaseDetail:
    """The discrepancy that is looked at, with what it is about and what was said of it."""

    odd: WorkedDiscrepancy
    asked: ApprovalValue | None
    line: DayLine | None
    payment: PaymentValue | None
    comments: list[CommentValue]
    ways: list[ResolutionWay]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class WorkView:
    """All that the page of a day's list shows. `last` is what its reader has just asked for."""

    day: StaffDay
    filter: WorkFilter
    sums: list[WorkSum]
    asked: AskedCases
    page: Page[WorkedDiscrepancy]
    chosen: CaseDetail | None
    last: ApprovalValue | None

    def count(self, part: str, kind: str = "") -> int:
        """How many are in a part, of one class or of all."""
        return sum(one.count for one in self.sums if one.part == part and kind in ("", one.kind))

    def amount(self, part: str, kind: str = "") -> int:
        """Their sum in đồng."""
        return sum(one.sum for one in self.sums if one.part == part and kind in ("", one.kind))

    def kinds(self, part: str) -> list[WorkSum]:
        """The classes that a part has."""
        return [one for one in self.sums if one.part == part]


async def view_work(
    session: ReadSession,
    parts: ReconciliationContext,
    who: Principal,
    day: StaffDay,
    wanted: WorkFilter,
    *,
    at: str = "",
    past: str = "",
    done: str = "",
) -> WorkView:
    """A day's list with one of it to look at: `at`, else the first after the row `past`."""
    if day.run is None:
        return WorkView(day, wanted, [], AskedCases(), Page((), None), None, None)
    asked = await read_asked(session, day.run.id, who.agency_ids)
    page = await page_of_work(
        *(session, day.run.id, asked, wanted.part),
        kind=wanted.kind or None,
        cursor=wanted.after or None,
        limit=_SHOWN,
    )
    odd = await _chosen(session, who, day, page, at, past)
    return WorkView(
        day=day,
        filter=wanted,
        sums=await sum_work(session, day.run.id, asked),
        asked=asked,
        page=page,
        chosen=None if odd is None else await _detail(session, parts, who, odd, asked),
        last=await _last(session, who, done),
    )


async def _chosen(
    session: ReadSession,
    who: Principal,
    day: StaffDay,
    page: Page[WorkedDiscrepancy],
    at: str,
    past: str,
) -> WorkedDiscrepancy | None:
    if at:
        found = await get_discrepancy(session, at, who.agency_ids)
        same = (found.collection_account_id, found.business_on) == (day.account.id, day.on)
        if not same:
            raise NotFound("Không có chênh lệch này.")
        return found
    later = (odd for odd in page.items if odd.id > past)
    return next(later, page.items[0] if page.items else None)


async def _detail(
    session: ReadSession,
    parts: ReconciliationContext,
    who: Principal,
    odd: WorkedDiscrepancy,
    asked: AskedCases,
) -> CaseDetail:
    comments = await list_comments(session, parts.cipher, odd.case_id or "")
    waits = asked.find(odd)
    actors = {one.written_by for one in comments} | ({waits.proposed_by} if waits else set())
    line = await find_line(session, parts.cipher, odd.object_id) if odd.side == "line" else None
    payment = None
    if odd.side == "payment":
        payment = await get_payment(session, odd.object_id, who.agency_ids)
    return CaseDetail(
        odd=odd,
        asked=waits,
        line=line,
        payment=payment,
        comments=comments,
        ways=ways_for(odd.side, odd.kind),
        names=await find_names(session, actors),
    )


async def _last(session: ReadSession, who: Principal, done: str) -> ApprovalValue | None:
    if not done:
        return None
    found = await get_approval(session, done, who.agency_ids)
    of_ours = found.kind == BULK or found.kind.startswith(PREFIX)
    return found if of_ours and found.proposed_by == who.actor else None


def work_address(day: StaffDay, wanted: WorkFilter, **more: str) -> str:
    """The address of a day's list, with the place in it."""
    return with_query(f"{day.path}/differences", **wanted.query, **more)


def read_filter(part: str, kind: str, after: str) -> WorkFilter:
    """What an address or a form asks to see; a part that there is none of is the usual one."""
    known: WorkPart = next((one for one in PARTS if one == part), "todo")
    return WorkFilter(known, kind, after)


def work_page(
    request: Request,
    who: SignedIn,
    view: WorkView,
    *,
    fault: LephiError | None = None,
    typed: dict[str, str] | None = None,
    said: str | None = None,
) -> Response:
    """The page of a day's list. `said` is what a gateway has just answered."""
    may = who.principal.may(Action.PROPOSE_APPROVAL) and not view.day.is_closed
    last_way = None
    if view.last is not None and view.last.status != "rejected":
        name = view.last.kind.removeprefix(PREFIX)
        last_way = WAYS.get(str(view.last.wanted.get("resolution", name)))
    return render(
        request,
        "day_work.html",
        200 if fault is None else fault.status,
        **DAY_WORDS,
        who=who,
        view=view,
        day=view.day,
        parts=PARTS,
        may=may,
        address=lambda **more: work_address(view.day, view.filter, **more),
        filtered=lambda **more: work_address(view.day, WorkFilter(**more)),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
        typed={"kind": "", "bill": "", "reason": ""} | (typed or {}),
        last_way=last_way,
        gateway_title=titles_of(request),
        sees_payments=who.principal.may(Action.READ_BILLS),
        said=said,
        may_say=who.principal.may(Action.WORK_DISCREPANCY) and not view.day.is_closed,
    )


@dataclass(frozen=True, slots=True)
class ManyView:
    """Several discrepancies of a day that are to be resolved alike; `sum` in đồng.

    `more` says that the filter shows more than can be asked for at once.
    """

    day: StaffDay
    filter: WorkFilter
    items: tuple[WorkedDiscrepancy, ...]
    ways: list[ResolutionWay]
    more: bool = False

    @property
    def count(self) -> int:
        """How many."""
        return len(self.items)

    @property
    def sum(self) -> int:
        """What they come to."""
        return sum(one.amount for one in self.items)

    @property
    def case_ids(self) -> list[str]:
        """Which."""
        return [str(one.case_id) for one in self.items]


async def view_many(
    session: ReadSession, who: Principal, day: StaffDay, wanted: WorkFilter
) -> ManyView:
    """All that the filter shows, on this page and on others; at most 5,000."""
    if day.run is None:
        return ManyView(day, wanted, (), [])
    asked = await read_asked(session, day.run.id, who.agency_ids)
    page = await page_of_work(
        *(session, day.run.id, asked, "todo"), kind=wanted.kind or None, limit=MOST_NAMED
    )
    ways = ways_for_many({(one.side, one.kind) for one in page.items})
    return ManyView(day, wanted, page.items, ways, page.next_cursor is not None)
