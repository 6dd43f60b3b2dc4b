"""What meters show, typed in stall after stall."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.history import ThingId
from app.web.staff.just_done import is_just
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
from payments.billing.queries import (
    ReadingValue,
    WrittenReading,
    find_codes,
    find_reading,
    list_readings,
)
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
    reading: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """The form for a reading; whoever has written a `reading` down just now is told of it."""
    market = await market_of(session, who, market_id)
    today = clock.business_date(clock.now()).isoformat()
    written = await find_reading(session, market.id, reading) if reading else None
    typed = {
        "stall": stall,
        "meter": meter if written is None else written.meter,
        "read_on": today,
        "shows": "",
        "began_anew": "",
    }
    return await _page(request, session, who, market, typed, written=written)


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
        reading_id = await record_reading(
            session,
            known[typed["stall"]],
            told.meter,
            told.read_on,
            told.shows,
            deed.by.agency_ids,
            began_anew=told.began_anew,
            actor=deed.by.actor,
        )
        return f"{MARKETS}/{market.id}/readings?reading={reading_id}"

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
    written: WrittenReading | None = None,
) -> Response:
    shown = typed["stall"] if written is None else written.stall
    own = written is not None and written.read_by == who.principal.actor
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
        done=shown if written is not None and own and is_just(written.created_at) else "",
        shown=shown,
        last=last,
        once=new_once(),
    )
