"""A collector's walk on a phone: the page, what it needs to go on without a network, and what it
sends when there is one again.

The page runs in the session of whoever signed in, and sends as every form of staff does. Each
action is answered by itself and committed by itself, so that a network that goes away in the middle
costs nothing: what was not answered is sent again, and taken once.
"""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import ValidationError

from app.web.citizen.typed import amount as read_amount
from app.web.languages import language_of
from app.web.policy import WALKING
from app.web.staff.collecting_words import KINDS, reason_words
from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import FOLDER, render, static
from core import clock, log
from core.db import SessionDep
from core.errors import FieldError, Invalid, LephiError
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.billing.markets import list_markets
from payments.collecting.blocks import have_numbers
from payments.collecting.cash_book import read_cash_book
from payments.collecting.collectors import Collector
from payments.collecting.commands import ActionAnswer, take_action
from payments.collecting.handovers import declare_handover
from payments.collecting.queries import WalkStall, list_walk
from payments.collecting.schemas import MOST_ACTIONS, WALK_ACTION
from payments.collecting.tickets import list_rates

router = APIRouter(include_in_schema=False)
_log = log.get(__name__)

WALK: Final = "/collect"
BOOK: Final = "/collect/book"
#: The page may use the camera, to read stickers; it is asked for when somebody wants to.
_PAGE: Final = {
    "Content-Security-Policy": WALKING,
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
#: What the page keeps on the phone beside itself.
_KEPT: Final = ("style.css", "collect.css", "collect.js", "mark.svg")
_Device = Annotated[str, Query(max_length=64, pattern=r"^[0-9a-z-]*$")]
_Walker = Annotated[SignedIn, page_needs(Action.COLLECT)]
_WalkDeed = Annotated[StaffDeed, deed_needs(Action.COLLECT)]


@router.get(WALK)
async def walk_page(request: Request, who: _Walker) -> Response:
    """The page of the walk: a shell that its script fills, with a network or without."""
    return render(
        request,
        "collect.html",
        headers=_PAGE,
        who=who,
        kept=[*map(static, _KEPT), f"{WALK}/manifest.json"],
        kinds=KINDS,
    )


@router.get(f"{WALK}/worker.js")
async def walk_worker() -> Response:
    """The worker that gives the page when there is no network; it has the whole of `/collect`."""
    headers = {"Service-Worker-Allowed": WALK, "Cache-Control": "no-cache"}
    return FileResponse(
        FOLDER / "static" / "collect-worker.js", media_type="text/javascript", headers=headers
    )


@router.get(f"{WALK}/manifest.json")
async def walk_manifest() -> Response:
    """What a phone needs to keep the page as an app."""
    icon = {"src": static("mark.svg"), "sizes": "any", "type": "image/svg+xml"}
    told = {"name": "Lệ Phí · Đi thu", "short_name": "Đi thu", "start_url": WALK, "scope": WALK}
    told |= {"display": "standalone", "lang": "vi", "background_color": "#f2f4f7"}
    return JSONResponse(
        told | {"theme_color": "#0f4c81", "icons": [icon]},
        media_type="application/manifest+json",
    )


@router.get(f"{WALK}/walk")
async def read_walk(
    request: Request,
    who: _Walker,
    session: SessionDep,
    market: Annotated[str, Query(max_length=100, pattern=r"^[A-Za-z0-9._/-]*$")] = "",
) -> Response:
    """What the walk of a market needs, the first of the route unless one is named; no names."""
    markets = await list_markets(session, who.principal.agency_ids)
    chosen = next((one for one in markets if market in (one.id, one.code)), None)
    chosen = chosen or next(iter(markets), None)
    now = clock.now()
    told: dict[str, Any] = {
        "staff": who.session.staff_id,
        "form_token": who.form_token,
        "at": now.isoformat(),
        "today": clock.business_date(now).isoformat(),
        "markets": [{"id": one.id, "name": one.name, "name_en": one.name_en} for one in markets],
        "market": None if chosen is None else chosen.id,
        "stalls": [],
        "tickets": [],
    }
    if chosen is not None:
        told["stalls"] = [_stall(one) for one in await list_walk(session, chosen.id)]
        rates = await list_rates(session, chosen.id, clock.business_date(now))
        told["tickets"] = [
            {"code": one.code, "name": one.name, "name_en": one.name_en, "price": one.price}
            for one in rates
        ]
    return JSONResponse(told)


def _stall(stall: WalkStall) -> dict[str, Any]:
    return {
        "id": stall.id,
        "code": stall.code,
        "lane": stall.lane,
        "reference": stall.reference,
        "held": stall.held,
        "owed": stall.owed,
        "credit": stall.credit,
        "since": None if stall.since is None else stall.since.isoformat(),
        "readings": {
            one.meter: {"shows": one.shows, "on": one.read_on.isoformat()} for one in stall.readings
        },
    }


@router.post(f"{WALK}/actions")
async def take_actions(deed: _WalkDeed, device: _Device = "") -> Response:
    """Take what was done, each action by itself; the answers, and the numbers of slips to go on.

    Raises `Invalid` for what is no list of actions.
    """
    who, language = Collector.of(deed.by), language_of(deed.request)
    answers = []
    for sent in _sent_actions(deed.typed("actions")):
        answer = await _take(deed, who, sent)
        told = {"id": answer.id, "outcome": answer.outcome, "again": answer.again}
        told["why"] = reason_words(language, answer.reason.split(), answer.figures)
        answers.append(told)
    numbers = []
    if device:
        uses = await deed.database.run(lambda session: have_numbers(session, who, device))
        numbers = [
            {
                "first": use.block.first,
                "last": use.block.last,
                "gone": [*use.used, *use.void, *use.missing],
            }
            for use in uses
        ]
    return JSONResponse({"answers": answers, "numbers": numbers})


def _sent_actions(typed: str) -> list[Any]:
    try:
        sent = json.loads(typed or "[]")
    except ValueError:
        sent = None
    if not isinstance(sent, list) or len(sent) > MOST_ACTIONS:
        raise Invalid("Đây không phải danh sách việc đã làm.")
    return sent


async def _take(deed: StaffDeed, who: Collector, sent: object) -> ActionAnswer:
    """Take one action in a transaction of its own; what cannot be read is said to be so."""
    try:
        action = WALK_ACTION.validate_python(sent)
    except ValidationError as error:
        # The page sends nothing of the kind: somebody has to look, for it may be about money.
        places = ["/".join(map(str, one["loc"])) for one in error.errors(include_input=False)]
        _log.error("action not readable", collector=who.staff_id, places=places)
        named = sent.get("id") if isinstance(sent, dict) else None
        return ActionAnswer(named if isinstance(named, str) else "", "refused", "malformed")
    cipher = deed.context.cipher
    return await deed.database.run(lambda session: take_action(session, who, action, cipher=cipher))


@router.get(BOOK)
async def own_book(request: Request, who: _Walker, session: SessionDep) -> Response:
    """A collector's own cash book, and the form by which they hand over what they have."""
    return await _book(request, who, session)


@router.post(BOOK)
async def hand_over(deed: _WalkDeed) -> Response:
    """Say that one hands over so much; another person counts it."""
    typed = deed.typed("declared")

    async def work(session: WriteSession) -> str:
        amount = typed_amount("declared", typed)
        await declare_handover(session, Collector.of(deed.by), amount)
        return BOOK

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            return await _book(deed.request, deed.who, session, fault=error, typed=typed)


async def _book(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    *,
    fault: LephiError | None = None,
    typed: str | None = None,
) -> Response:
    me = Collector.of(who.principal)
    book = await read_cash_book(session, me.staff_id, "", me.agency_id)
    return render(
        request,
        "cash_own.html",
        200 if fault is None else fault.status,
        who=who,
        book=book,
        fault=fault,
        faults=faults_by_field(fault),
        typed=typed,
        once=new_once(),
        **book_words(request),
    )


def typed_amount(field: str, typed: str) -> int:
    """An amount as somebody typed it, in đồng. Raises `Invalid` naming the field."""
    try:
        amount = read_amount(typed)
    except ValueError:
        amount = None
    if amount is None:
        detail = "Hãy ghi số tiền bằng chữ số, ví dụ 300.000."
        raise Invalid(detail, errors=[FieldError(field, "invalid", detail)])
    return amount


def book_words(request: Request) -> dict[str, Any]:
    """What templates of cash books need to say what became of an entry."""
    language = language_of(request)

    def why(codes: str, figures: dict[str, int]) -> Iterable[str]:
        return reason_words(language, codes.split(), figures)

    return {"KINDS": KINDS, "why_of": why}
