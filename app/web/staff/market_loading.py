"""A file of stalls: taken whole or refused with every fault, then loaded batch by batch."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.market_places import (
    MARKETS,
    KeptOfMarket,
    MarketKeeper,
    market_of,
    parts_for,
)
from app.web.staff.page_rights import page_needs
from app.web.staff.tables import AskedTable, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing, paused
from core.errors import FieldError, Invalid, LephiError
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.billing.imports.api import MOST_SENT, read_stall_file
from payments.billing.imports.commands import take_import
from payments.billing.imports.loading import load_import
from payments.billing.imports.queries import StallImportValue, get_import, list_imports
from payments.billing.loading import MarketValue
from payments.billing.sheets import HEADINGS

router = APIRouter(include_in_schema=False)

_NO_FILE: Final = noted("Hãy chọn một tệp CSV hoặc XLSX.")
#: How long an answer waits for a file to be loaded, in seconds: a small one is by then.
_PATIENCE: Final = 3.0
STATES: Final[Mapping[str, str]] = {
    "loading": noted("Đang nạp"),
    "done": noted("Đã nạp"),
    "stopped": noted("Dừng giữa chừng"),
}
_COLUMNS: Final = (
    TableColumn("file_name", noted("Tệp")),
    TableColumn("created_at", noted("Bắt đầu lúc"), "moment"),
    TableColumn("rows", noted("Số dòng"), "count"),
    TableColumn("state", noted("Tình trạng"), "words"),
)


@router.get(f"{MARKETS}/imports/{{import_id}}")
async def imported_page(
    request: Request,
    import_id: ThingId,
    who: Annotated[SignedIn, page_needs(Action.READ_MARKETS)],
    session: SessionDep,
) -> Response:
    """How far a file is, what it has added, and why it was stopped where it was."""
    one = await get_import(session, import_id, who.principal.agency_ids)
    market = await market_of(session, who, one.market_id)
    return render(
        request,
        "market_imported.html",
        who=who,
        market=market,
        here=f"{MARKETS}/{market.id}",
        address=f"{MARKETS}/imports/{one.id}",
        one=one,
        state=STATES[one.state],
        faults=[FieldError(**fault) for fault in one.faults],
    )


@router.get(f"{MARKETS}/{{market_id}}/import")
async def import_page(
    request: Request, market_id: ThingId, who: MarketKeeper, session: SessionDep
) -> Response:
    """The form for a file of stalls, and the files that were taken."""
    return await _page(request, who, session, await market_of(session, who, market_id))


@router.post(f"{MARKETS}/{{market_id}}/import", max_body_size=MOST_SENT)
@allowing(LONG_SECONDS)
async def take_in(market_id: ThingId, deed: KeptOfMarket) -> Response:
    """Take a file and lead to it while it is loaded; with one fault nothing is taken."""

    async def work() -> str:
        # Who may not see the market is told so before the file is read.
        async with deed.database.reading() as session:
            market = await market_of(session, deed.who, market_id)
        file = deed.file("file")
        if file is None:
            raise Invalid(_NO_FILE, errors=[FieldError("file", "missing", _NO_FILE)])
        await file.seek(0)
        new = await read_stall_file(deed.context, file)

        async def take(session: WriteSession) -> str:
            cipher, actor = deed.context.cipher, deed.by.actor
            return await take_import(session, market, new, cipher=cipher, actor=actor)

        return f"{MARKETS}/imports/{await deed.database.run(take)}"

    try:
        answer = await deed.once_in_several(work)
    except REFUSALS as refused:
        async with deed.database.reading() as session:
            market = await market_of(session, deed.who, market_id)
            return await _page(deed.request, deed.who, session, market, refused)
    await _load(deed, answer.headers["location"].rpartition("/")[2])
    return RedirectResponse(answer.headers["location"], 303)


async def _load(deed: StaffDeed, import_id: str) -> None:
    """Have the file's batches done by this process too, and wait a little for them."""

    async def batches() -> None:
        with paused():  # however many batches there are, each is a transaction of its own
            context = deed.context
            await load_import(deed.database, import_id, context.cipher, context.request_key)

    await deed.context.background.do(f"load {import_id}", batches, _PATIENCE)


async def _page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    market: MarketValue,
    refused: LephiError | None = None,
) -> Response:
    rows = [_row(one) for one in await list_imports(session, market.id)]
    return render(
        request,
        "market_import.html",
        200 if refused is None else 422,
        who=who,
        market=market,
        parts=parts_for(who, market),
        here=f"{MARKETS}/{market.id}",
        headings=list(HEADINGS),
        imports=ShownTable(MARKETS, _COLUMNS, rows, AskedTable(), None),
        refused=refused,
        once=new_once(),
    )


def _row(one: StallImportValue) -> TableRow:
    cells = (one.file_name, one.created_at, one.row_count, STATES[one.state])
    return TableRow(one.id, cells, f"{MARKETS}/imports/{one.id}")
