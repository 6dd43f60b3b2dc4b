"""Billing a market from a page: what a run would bill, the run while it goes on, what became of it.

A run is begun and kept in one transaction; its batches go on after the answer, in this process. One
that was stopped stands as not finished, and whoever presses again bills the rest.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.web.market.stall_views import period_words
from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.market_places import (
    MARKETS,
    BillingReader,
    market_of,
    parts_for,
)
from app.web.staff.market_words import (
    CHARGE_STATES,
    PERIODS,
    RUN_STATES,
    charge_word,
)
from app.web.staff.page_rights import deed_needs
from app.web.staff.tables import AskedTable, CellValue, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.bodies import validated
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing, paused
from core.errors import LephiError
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.billing.batches import count_stalls
from payments.billing.loading import MarketValue
from payments.billing.periods import Period, month_of, period_of
from payments.billing.preview import RunPreview, preview_run
from payments.billing.queries import (
    BillingRunValue,
    count_billed_stalls,
    get_run,
    list_runs,
    sum_charges,
)
from payments.billing.runs import begin_run, go_on
from payments.billing.schemas import RunIn

router = APIRouter(include_in_schema=False)

#: How long an answer waits for a run to end by itself, in seconds: a small market is done by then.
_PATIENCE: Final = 3.0
_RUN_COLUMNS: Final = (
    TableColumn("period", noted("Kỳ")),
    TableColumn("every", noted("Thu theo"), "words"),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("due_on", noted("Hạn nộp"), "day"),
    TableColumn("created_at", noted("Bắt đầu lúc"), "moment"),
    TableColumn("problems", noted("Sạp chưa lập được"), "count"),
)
_SUM_COLUMNS: Final = (
    TableColumn("kind", noted("Khoản"), "words"),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("count", noted("Số lượng"), "count"),
    TableColumn("amount", noted("Phải trả"), "amount"),
    TableColumn("waived", noted("Miễn, giảm"), "amount"),
)
_WOULD_COLUMNS: Final = tuple(one for one in _SUM_COLUMNS if one.key != "state")
_DIFFERENCE_COLUMNS: Final = (
    TableColumn("stall", noted("Sạp"), "code"),
    TableColumn("before", noted("Kỳ trước"), "amount"),
    TableColumn("now", noted("Kỳ này"), "amount"),
)
KindName = Annotated[str, Query(max_length=8, pattern=r"^[a-z]*$")]
PeriodTyped = Annotated[str, Query(max_length=10, pattern=r"^[0-9W-]*$")]
BilledBy = Annotated[StaffDeed, deed_needs(Action.BILL_MARKET)]


@router.get(f"{MARKETS}/runs/{{run_id}}")
async def run_page(
    request: Request, run_id: ThingId, who: BillingReader, session: SessionDep
) -> Response:
    """A run: how far it is, what it has charged, what became of that, what it could not bill."""
    run = await get_run(session, run_id, who.principal.agency_ids)
    market = await market_of(session, who, run.market_id)
    rows = [
        TableRow(
            f"{one.kind}:{one.status}",
            (
                *(charge_word(one.kind), CHARGE_STATES[one.status], one.count),
                *(one.amount, one.waived),
            ),
        )
        for one in await sum_charges(session, run.id)
    ]
    return render(
        request,
        "market_run.html",
        who=who,
        market=market,
        here=f"{MARKETS}/{market.id}",
        address=f"{MARKETS}/runs/{run.id}",
        run=run,
        period=period_words(run.kind, run.period),
        state=RUN_STATES[run.state],
        charged=ShownTable(MARKETS, _SUM_COLUMNS, rows, AskedTable(), None),
        done=await count_billed_stalls(session, run.id),
        stalls=await count_stalls(session, market.id),
        may_bill=who.principal.may(Action.BILL_MARKET),
        once=new_once(),
    )


@router.get(f"{MARKETS}/{{market_id}}/runs")
async def runs_page(
    request: Request, market_id: ThingId, who: BillingReader, session: SessionDep
) -> Response:
    """The runs of a market, and the form that asks what one would bill."""
    market = await market_of(session, who, market_id)
    return await _runs(request, session, who, market)


@router.get(f"{MARKETS}/{{market_id}}/runs/preview")
@allowing(LONG_SECONDS)
async def preview_page(
    request: Request,
    market_id: ThingId,
    who: BillingReader,
    session: SessionDep,
    kind: KindName = "month",
    period: PeriodTyped = "",
) -> Response:
    """What a run of a period would bill now; nothing is written."""
    market = await market_of(session, who, market_id)
    try:
        asked = _period(kind, period or month_of(clock.business_date(clock.now())).name)
        found = await preview_run(session, market, asked)
    except REFUSALS as refused:
        return await _runs(request, session, who, market, kind, period, refused)
    return _preview(request, who, market, asked, found)


@router.post(f"{MARKETS}/{{market_id}}/runs")
@allowing(LONG_SECONDS)
async def bill(market_id: ThingId, deed: BilledBy) -> Response:
    """Begin the run of a period, or take it up again, and lead to it while it goes on."""
    kind, name = deed.typed("kind"), deed.typed("period")

    async def work(session: WriteSession) -> str:
        market = await market_of(session, deed.who, market_id)
        run_id = await begin_run(session, market, _period(kind, name), actor=deed.by.actor)
        return f"{MARKETS}/runs/{run_id}"

    try:
        address = await deed.told_once(work)
    except REFUSALS as refused:
        async with deed.database.reading() as session:
            market = await market_of(session, deed.who, market_id)
            return await _runs(deed.request, session, deed.who, market, kind, name, refused)
    await _go_on(deed, market_id, address.rpartition("/")[2])
    return RedirectResponse(address, 303)


async def _go_on(deed: StaffDeed, market_id: str, run_id: str) -> None:
    """Have the run's batches done by this process, and wait a little for them."""
    async with deed.database.reading() as session:
        market = await market_of(session, deed.who, market_id)
        run = await get_run(session, run_id, deed.by.agency_ids)
    if run.state == "done":
        return

    async def batches() -> None:
        with paused():  # however many batches there are, each is a transaction of its own
            await go_on(deed.database, deed.context.cipher, market, run_id, actor=deed.by.actor)

    await deed.context.background.do(f"bill {run_id}", batches, _PATIENCE)


def _period(kind: str, name: str) -> Period:
    """The period that was asked for. Raises `Invalid`."""
    asked = validated(RunIn, {"kind": kind, "period": name})
    return period_of(asked.kind, asked.period)


async def _runs(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    market: MarketValue,
    kind: str = "month",
    period: str = "",
    refused: LephiError | None = None,
) -> Response:
    runs = await list_runs(session, market.id)
    rows = [_run_row(one) for one in runs]
    return render(
        request,
        "market_runs.html",
        200 if refused is None else 422,
        who=who,
        market=market,
        parts=parts_for(who, market),
        here=f"{MARKETS}/{market.id}",
        runs=ShownTable(MARKETS, _RUN_COLUMNS, rows, AskedTable(), None),
        periods=PERIODS,
        kind=kind,
        period=period or month_of(clock.business_date(clock.now())).name,
        refused=refused,
    )


def _run_row(run: BillingRunValue) -> TableRow:
    cells: tuple[CellValue, ...] = (
        *(period_words(run.kind, run.period), PERIODS[run.kind], RUN_STATES[run.state]),
        *(run.due_on, run.created_at, len(run.problems)),
    )
    return TableRow(run.id, cells, f"{MARKETS}/runs/{run.id}")


def _preview(
    request: Request, who: SignedIn, market: MarketValue, asked: Period, found: RunPreview
) -> Response:
    sums = [
        TableRow(one.kind, (charge_word(one.kind), one.count, one.amount, one.waived))
        for one in found.sums
    ]
    differences = [
        TableRow(one.stall, (one.stall, one.before, one.now)) for one in found.differences
    ]
    return render(
        request,
        "market_preview.html",
        who=who,
        market=market,
        here=f"{MARKETS}/{market.id}",
        period=period_words(asked.kind, asked.name),
        asked=asked,
        found=found,
        against=None if found.against is None else period_words(asked.kind, found.against),
        sums=ShownTable(MARKETS, _WOULD_COLUMNS, sums, AskedTable(), None),
        differences=ShownTable(MARKETS, _DIFFERENCE_COLUMNS, differences, AskedTable(), None),
        may_bill=who.principal.may(Action.BILL_MARKET),
        once=new_once(),
    )
