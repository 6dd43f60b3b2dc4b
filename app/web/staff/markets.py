"""A body's markets, the stalls of one with how they stand, as a list and as a map."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from app.web.citizen.receipts import masked
from app.web.languages import language_of
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.market_map import MapTile, draw_map
from app.web.staff.market_places import (
    MARKETS,
    STALLS,
    MarketReader,
    market_of,
    parts_for,
)
from app.web.staff.market_words import STANDINGS
from app.web.staff.tables import AskedTable, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from app.web.translations import WORDS, Words
from core import clock
from core.db import SessionDep
from core.money import format_vnd
from core.sessions import ReadSession
from payments.agencies.access.rights import Action
from payments.billing.loading import MarketValue
from payments.billing.markets import list_markets
from payments.billing.periods import month_of
from payments.billing.queries import open_vendors
from payments.billing.reports.rates import list_rates, sum_credit_of, tenths_of
from payments.billing.reports.standings import (
    StallStanding,
    count_stalls_of,
    count_states,
    list_lanes,
    page_of_standings,
)
from payments.billing.reports.states import STANDING_STATES
from payments.catalogue.rules.wording import vnd
from payments.context import Context, ContextDep

router = APIRouter(include_in_schema=False)

#: How many stalls stand on a page, and how many a map shows; of more, a lane at a time.
_SHOWN: Final = 50
_DRAWN: Final = 600
_MARKET_COLUMNS: Final = (
    TableColumn("name", noted("Chợ")),
    TableColumn("code", noted("Mã"), "code"),
    TableColumn("class", noted("Hạng"), "count"),
    TableColumn("stalls", noted("Số sạp"), "count"),
)
_RATE_COLUMNS: Final = (
    TableColumn("due", noted("Phải thu tháng này"), "amount"),
    TableColumn("collected", noted("Đã thu"), "amount"),
    TableColumn("percent", noted("Tỷ lệ thu (%)"), "tenths"),
    TableColumn("credit", noted("Trả trước"), "amount"),
)
_STALL_COLUMNS: Final = (
    TableColumn("stall", noted("Sạp"), "code"),
    TableColumn("lane", noted("Dãy")),
    TableColumn("kind", noted("Loại"), "code"),
    TableColumn("vendor", noted("Mã tiểu thương"), "code"),
    TableColumn("holder", noted("Người thuê")),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("owed", noted("Còn nợ"), "amount"),
    TableColumn("due_on", noted("Hạn cũ nhất"), "day"),
)
Lane = Annotated[str | None, Query(max_length=32, pattern=r"^[^\x00]*$")]


@router.get(MARKETS)
async def markets_page(request: Request, who: MarketReader, session: SessionDep) -> Response:
    """The markets of the own body and its units; this month's rate for who may read reports."""
    markets = await list_markets(session, who.principal.agency_ids)
    ids = [one.id for one in markets]
    stalls = await count_stalls_of(session, ids)
    reads = who.principal.may(Action.READ_REPORTS)
    columns = _MARKET_COLUMNS + (_RATE_COLUMNS if reads else ())
    rates: dict[str, tuple[int, int]] = {}
    credit: dict[str, int] = {}
    if reads:
        month = month_of(clock.business_date(clock.now()))
        for rate in await list_rates(session, ids, month.first, month.last):
            due, collected = rates.get(rate.market_id, (0, 0))
            rates[rate.market_id] = (
                due + rate.collected + rate.owed,
                collected + rate.collected,
            )
        credit = await sum_credit_of(session, ids)

    def figures(market: MarketValue) -> tuple[int | None, ...]:
        due, collected = rates.get(market.id, (0, 0))
        return (
            (due, collected, tenths_of(collected, due), credit.get(market.id, 0)) if reads else ()
        )

    words = WORDS[language_of(request)]
    rows = [
        TableRow(
            one.id,
            (
                *(str(words.own(one.name, one.name_en)), one.code, one.market_class),
                *(stalls.get(one.id, 0), *figures(one)),
            ),
            f"{MARKETS}/{one.id}",
        )
        for one in markets
    ]
    table = ShownTable(MARKETS, columns, rows, AskedTable(), None)
    return render(request, "markets.html", who=who, table=table, reads=reads)


@router.get(f"{MARKETS}/{{market_id}}")
async def market_page(
    request: Request,
    market_id: ThingId,
    who: MarketReader,
    session: SessionDep,
    context: ContextDep,
    q: Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")] = "",
    lane: Lane = None,
    cursor: Annotated[str, Query(max_length=100, pattern=r"^[a-z0-9_]*$")] = "",
) -> Response:
    """A market's stalls by lane, found by code or by the vendor's number; with the map of them."""
    market = await market_of(session, who, market_id)
    today = clock.business_date(clock.now())
    search = "".join(q.split())
    chosen = lane or None
    page = await page_of_standings(
        *(session, market.id, today),
        search=search,
        lane=chosen,
        after=cursor or None,
        limit=_SHOWN,
    )
    address = f"{MARKETS}/{market.id}"
    if search and len(page.items) == 1 and not cursor:
        return RedirectResponse(f"{STALLS}/{page.items[0].stall.id}", 303)
    holders = await _holders(session, context, who, page.items)
    rows = [_row(one, holders) for one in page.items]
    kept = tuple((name, value) for name, value in (("q", search), ("lane", chosen)) if value)
    table = ShownTable(
        *(address, _STALL_COLUMNS, rows, AskedTable(cursor=cursor), page.next_cursor), kept=kept
    )
    words = WORDS[language_of(request)]
    found = await _map(session, market, words, chosen)
    lanes = await list_lanes(session, market.id)
    return render(
        request,
        "market.html",
        who=who,
        market=market,
        parts=parts_for(who, market),
        table=table,
        typed=q,
        lane=chosen,
        lanes=lanes if len(lanes) > 1 else [],
        # Drawn by us, with every text in it escaped (`market_map`).
        drawn=None if found is None else Markup(found),  # noqa: S704
    )


@router.get(f"{MARKETS}/{{market_id}}/map.svg")
async def map_file(
    request: Request, market_id: ThingId, who: MarketReader, session: SessionDep, lane: Lane = None
) -> Response:
    """The map as a file of its own; of a market that is too large for one, its first stalls."""
    market = await market_of(session, who, market_id)
    words = WORDS[language_of(request)]
    drawn = await _map(session, market, words, lane or None, cut=True)
    headers = {"Content-Disposition": f'attachment; filename="{market.code.replace("/", "-")}.svg"'}
    return Response(drawn, media_type="image/svg+xml", headers=headers)


async def _map(
    session: ReadSession,
    market: MarketValue,
    words: Words,
    lane: str | None,
    *,
    cut: bool = False,
) -> str | None:
    """The map of a market or a lane; None where there are no stalls, or too many unless `cut`."""
    today = clock.business_date(clock.now())
    page = await page_of_standings(session, market.id, today, lane=lane, limit=_DRAWN)
    if not cut and (not page.items or page.next_cursor is not None):
        return None
    counts = count_states(page.items)
    told = {state: f"{words.say(STANDINGS[state])}: {counts[state]}" for state in STANDING_STATES}
    title = words.say(noted("Sơ đồ %(market)s"), market=words.own(market.name, market.name_en))
    return draw_map(str(title), [tile_of(one, words) for one in page.items], told)


def tile_of(standing: StallStanding, words: Words) -> MapTile:
    """A stall on the map, told in words."""
    stall = standing.stall
    said = f"{stall.code}: {words.say(STANDINGS[standing.state])}"
    if standing.owed:
        write = format_vnd if words.language == "vi" else vnd
        said += f", {write(standing.owed)}"
    place = None
    if stall.place_x is not None and stall.place_y is not None:
        place = (stall.place_x, stall.place_y)
    return MapTile(*(stall.code, f"{STALLS}/{stall.id}", said, standing.state, stall.lane, place))


async def _holders(
    session: ReadSession, context: Context, who: SignedIn, shown: tuple[StallStanding, ...]
) -> dict[str, str]:
    """The names of those who hold these stalls, as their owners know them and nobody else."""
    if not who.principal.may(Action.READ_VENDORS):
        return {}
    ids = {one.stall.vendor_id for one in shown if one.stall.vendor_id is not None}
    opened = await open_vendors(session, context.cipher, ids)
    return {vendor_id: masked(data.get("name", "")) for vendor_id, data in opened.items()}


def _row(standing: StallStanding, holders: dict[str, str]) -> TableRow:
    stall = standing.stall
    return TableRow(
        stall.id,
        (
            *(stall.code, stall.lane, stall.kind, stall.vendor),
            holders.get(stall.vendor_id or "", ""),
            *(STANDINGS[standing.state], standing.owed, standing.due_on),
        ),
        f"{STALLS}/{stall.id}",
    )
