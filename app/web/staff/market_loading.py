"""A file of stalls, vendors and contracts: taken in whole, or refused with every fault of it."""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.staff.deeds import REFUSALS, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.market_places import (
    MARKETS,
    KeptOfMarket,
    MarketKeeper,
    market_of,
    parts_for,
)
from app.web.templating import render
from app.web.texts import noted
from core.bodies import FORM_BYTES
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid, LephiError, TooLarge
from core.json import dumps, loads
from core.sessions import WriteSession
from payments.billing.importing import ImportOut, import_stalls
from payments.billing.loading import MarketValue
from payments.billing.sheets import HEADINGS, MOST_BYTES, read_rows

router = APIRouter(include_in_schema=False)

_NO_FILE: Final = noted("Hãy chọn một tệp CSV hoặc XLSX.")


@router.get(f"{MARKETS}/{{market_id}}/import")
async def import_page(
    request: Request, market_id: ThingId, who: MarketKeeper, session: SessionDep
) -> Response:
    """The form for a file of stalls."""
    return _page(request, who, await market_of(session, who, market_id))


@router.post(f"{MARKETS}/{{market_id}}/import", max_body_size=MOST_BYTES + FORM_BYTES)
@allowing(LONG_SECONDS)
async def take_in(market_id: ThingId, deed: KeptOfMarket) -> Response:
    """Take a file in; with one fault nothing is taken. Pressed twice, the same is told."""

    async def work(session: WriteSession) -> str:
        market = await market_of(session, deed.who, market_id)
        file = deed.file("file")
        if file is None:
            raise Invalid(_NO_FILE, errors=[FieldError("file", "missing", _NO_FILE)])
        if file.size is None or file.size > MOST_BYTES:
            raise TooLarge(f"Tệp vượt quá {MOST_BYTES} byte.")
        await file.seek(0)
        rows = await asyncio.to_thread(read_rows, await file.read())
        done = await import_stalls(
            session,
            market,
            rows,
            cipher=deed.context.cipher,
            key=deed.context.request_key,
            actor=deed.by.actor,
        )
        return dumps(done.model_dump()).decode()

    refused: LephiError | None = None
    done: ImportOut | None = None
    try:
        done = ImportOut.model_validate(loads((await deed.told_once(work)).encode()))
    except REFUSALS as error:
        refused = error
    async with deed.database.reading() as session:
        market = await market_of(session, deed.who, market_id)
        return _page(deed.request, deed.who, market, done, refused)


def _page(
    request: Request,
    who: SignedIn,
    market: MarketValue,
    done: ImportOut | None = None,
    refused: LephiError | None = None,
) -> Response:
    return render(
        request,
        "market_import.html",
        200 if refused is None else 422,
        who=who,
        market=market,
        parts=parts_for(who, market),
        here=f"{MARKETS}/{market.id}",
        headings=list(HEADINGS),
        done=done,
        refused=refused,
        once=new_once(),
    )
