"""What meters show, typed in stall after stall."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.history import ThingId
from app.web.staff.market_places import MARKETS, market_of, parts_for
from app.web.staff.market_words import METERS
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.bodies import validated
from core.db import SessionDep
from core.errors import FieldError, Invalid
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.billing.commands import record_reading
from payments.billing.loading import MarketValue
from payments.billing.queries import ReadingValue, find_codes, list_readings
from payments.billing.schemas import ReadingIn

router = APIRouter(include_in_schema=False)

_FIELDS: Final = ("stall", "meter", "read_on", "shows", "began_anew")
_NO_STALL: Final = noted("Chợ này không có sạp mang mã này.")
StallName = Annotated[str, Query(max_length=32, pattern=r"^[A-Za-z0-9./-]*$")]


@router.get(f"{MARKETS}/{{market_id}}/readings")
async def readings_page(
    request: Request,
    market_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.READ_METERS)],
    session: SessionDep,
    stall: StallName = "",
    meter: Annotated[str, Query(max_length=16, pattern=r"^[a-z]*$")] = "",
    done: StallName = "",
) -> Response:
    """The form for a reading; `done` is the stall whose reading was written down just now."""
    market = await market_of(session, who, market_id)
    today = clock.business_date(clock.now()).isoformat()
    typed = {"stall": stall, "meter": meter, "read_on": today, "shows": "", "began_anew": ""}
    return await _page(request, session, who, market, typed, done=done)


@router.post(f"{MARKETS}/{{market_id}}/readings")
async def write_down(
    market_id: ThingId, deed: Annotated[StaffDeed, deed_needs(Action.READ_METERS)]
) -> Response:
    """Write a reading down and show the form for the next stall."""
    typed = deed.typed_in(_FIELDS)

    async def work(session: WriteSession) -> str:
        market = await market_of(session, deed.who, market_id)
        known = await find_codes(session, "stall", market.id, [typed["stall"]])
        if typed["stall"] not in known:
            raise Invalid(_NO_STALL, errors=[FieldError("stall", "unknown", _NO_STALL)])
        shows = typed["shows"]
        told = validated(
            ReadingIn,
            {
                "meter": typed["meter"],
                "read_on": typed["read_on"],
                "shows": int(shows) if shows.isascii() and shows.isdigit() else shows,
                "began_anew": typed["began_anew"] == "yes",
            },
        )
        await record_reading(
            session,
            known[typed["stall"]],
            told.meter,
            told.read_on,
            told.shows,
            deed.by.agency_ids,
            began_anew=told.began_anew,
            actor=deed.by.actor,
        )
        done = f"done={typed['stall']}&meter={told.meter}"
        return f"{MARKETS}/{market.id}/readings?{done}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, _FIELDS)
        async with deed.database.reading() as session:
            market = await market_of(session, deed.who, market_id)
            return await _page(deed.request, session, deed.who, market, typed, faults)


async def _page(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    market: MarketValue,
    typed: dict[str, str],
    faults: FormFaults = NO_FAULTS,
    done: str = "",
) -> Response:
    shown = done or typed["stall"]
    last: list[ReadingValue] = []
    if known := await find_codes(session, "stall", market.id, [shown] if shown else []):
        last = (await list_readings(session, known[shown]))[:6]
    return render(
        request,
        "market_readings.html",
        422 if faults.found else 200,
        who=who,
        market=market,
        parts=parts_for(who, market),
        here=f"{MARKETS}/{market.id}",
        meters=METERS,
        typed=typed,
        faults=faults,
        done=done if last else "",
        shown=shown,
        last=last,
        once=new_once(),
    )
