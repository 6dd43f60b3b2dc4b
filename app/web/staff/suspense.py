"""Money that waits for people: what there is, and asking what is to become of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.day_places import with_query
from app.web.staff.day_words import DAY_WORDS
from app.web.staff.deeds import (
    REFUSALS,
    StaffDeed,
    faults_by_field,
    new_once,
    read_typed,
)
from app.web.staff.doors import SignedIn
from app.web.staff.gateway_titles import titles_of
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.ways import ResolutionWay, bills_named, money_ways_for
from app.web.templating import render
from app.web.texts import noted
from core.cursors import Page
from core.db import SessionDep
from core.errors import LephiError, NotFound
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.billing.suggesting.suggestions import StallSuggestion, suggest_stalls
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import ApprovalValue, list_proposed, propose
from payments.books.queries import WaitingMoney, find_waiting_money, page_of_waiting_money
from payments.books.schemas import ResolutionIn
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

SUSPENSE: Final = "/staff/suspense"
#: What speaks for a stall, in words.
CLUES: Final[Mapping[str, str]] = {
    "reference": noted("mã gần đúng mã của sạp hoặc của khoản"),
    "code": noted("có số sạp trong nội dung"),
    "name": noted("có tên người thuê trong nội dung"),
    "amount": noted("đúng số tiền còn phải trả"),
}
#: How many are listed at a time.
_SHOWN: Final = 100
_Id = Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")]
_Bills = Annotated[str, Query(max_length=400, pattern=r"^[A-Z0-9 ]*$")]
_Reason = Annotated[str, Query(max_length=64, pattern=r"^[a-z_]*$")]


@dataclass(frozen=True, slots=True)
class SuspenseView:
    """What waits, and one of it to look at; `asked` is what was asked for, by item."""

    page: Page[WaitingMoney]
    asked: dict[str, ApprovalValue]
    reason: str
    chosen: WaitingMoney | None
    ways: list[ResolutionWay]
    suggestions: list[StallSuggestion]


async def view_suspense(
    session: ReadSession,
    context: Context,
    who: Principal,
    *,
    reason: str = "",
    after: str = "",
    at: str = "",
) -> SuspenseView:
    """What waits of whoever asks, the oldest first. Raises `NotFound` for what is not theirs."""
    page = await page_of_waiting_money(
        *(session, who.agency_ids),
        reason=reason or None,
        cursor=after or None,
        limit=_SHOWN,
    )
    asked = {one.object_id: one for one in await list_proposed(session, who.agency_ids, 10_000)}
    if at:
        chosen = await find_waiting_money(session, who.agency_ids, at)
        if chosen is None:
            raise NotFound("Không có khoản này.")
    else:
        chosen = next((one for one in page.items if one.id not in asked), None)
    ways = [] if chosen is None else money_ways_for(chosen.reason)
    suggestions: list[StallSuggestion] = []
    if chosen is not None and chosen.id not in asked:
        suggestions = await suggest_stalls(
            session, context.cipher, context.request_key, chosen.id, who.agency_ids
        )
    return SuspenseView(page, asked, reason, chosen, ways, suggestions)


@router.get(SUSPENSE)
async def show_suspense(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.READ_SUSPENSE)],
    session: SessionDep,
    context: ContextDep,
    reason: _Reason = "",
    after: _Id = "",
    at: _Id = "",
    bill: _Bills = "",
) -> Response:
    """What waits in suspense or is to be given back, and the form for one of it.

    `bill` fills in the bills of a suggestion, as if they had been typed.
    """
    view = await view_suspense(session, context, who.principal, reason=reason, after=after, at=at)
    typed = {"kind": "assign", "bill": bill} if bill else None
    return _page(request, who, view, typed=typed)


def _page(
    request: Request,
    who: SignedIn,
    view: SuspenseView,
    *,
    fault: LephiError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    return render(
        request,
        "day_suspense.html",
        200 if fault is None else fault.status,
        **DAY_WORDS,
        who=who,
        view=view,
        may=who.principal.may(Action.PROPOSE_APPROVAL),
        address=lambda **more: with_query(SUSPENSE, reason=view.reason, **more),
        clues=CLUES,
        gateway_title=titles_of(request),
        sees_payments=who.principal.may(Action.READ_BILLS),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
        typed={"kind": "", "bill": "", "reason": ""} | (typed or {}),
    )


@router.post(SUSPENSE)
async def ask_about_money(
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)], kinds: ApprovalKindsDep
) -> Response:
    """Ask what is to become of money that waits; another person approves it."""
    item, of = deed.typed("item"), deed.typed("of")
    typed = {name: deed.typed(name) for name in ("kind", "bill", "reason")}
    if typed["kind"] != "assign":
        typed["bill"] = ""

    async def work(session: WriteSession) -> str:
        found = await find_waiting_money(session, deed.by.agency_ids, item)
        if found is None:
            raise NotFound("Không có khoản này.")
        named = bills_named(typed["bill"])
        given = {"kind": typed["kind"], "reason": typed["reason"], **named}
        wanted = read_typed(ResolutionIn, given)
        await propose(
            *(session, kinds, wanted.kind, found.id, wanted.wanted, wanted.reason, deed.by)
        )
        return with_query(SUSPENSE, reason=of)

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            view = await view_suspense(session, deed.context, deed.by, reason=of, at=item)
        return _page(deed.request, deed.who, view, fault=error, typed=typed)
