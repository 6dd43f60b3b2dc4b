"""What a market's board looks at: who is behind and for how long, how much has come in."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.market.stall_views import period_words
from app.web.staff.doors import SignedIn
from app.web.staff.history import ThingId
from app.web.staff.keeping_lists import AskedListDep, answer_list
from app.web.staff.market_places import (
    MARKETS,
    STALLS,
    ReportReader,
    market_of,
    parts_for,
    table_file,
)
from app.web.staff.market_words import PERIODS
from app.web.staff.table_files import TableFormat
from app.web.staff.tables import AskedTable, CellValue, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.sessions import ReadSession
from payments.agencies.access.rights import Action
from payments.billing.loading import MarketValue
from payments.billing.markets import list_markets
from payments.billing.reports.arrears import (
    AgedDebt,
    list_kind_arrears,
    list_stall_arrears,
    sum_ages,
)
from payments.billing.reports.rates import MarketRate, list_rates, sum_credit_of
from payments.catalogue.rules.wording import LocalizedText
from payments.collecting.rates import list_collector_rates

router = APIRouter(include_in_schema=False)

#: How many stalls stand on the page; all of them are in the file.
_SHOWN: Final = 100
_AGES: Final = (
    TableColumn("not_due", noted("Chưa đến hạn"), "amount"),
    TableColumn("to_30", noted("Quá hạn đến 30 ngày"), "amount"),
    TableColumn("to_60", noted("31–60 ngày"), "amount"),
    TableColumn("to_90", noted("61–90 ngày"), "amount"),
    TableColumn("over_90", noted("Trên 90 ngày"), "amount"),
    TableColumn("total", noted("Cộng"), "amount"),
)
_STALL_COLUMNS: Final = (
    TableColumn("stall", noted("Sạp"), "code"),
    TableColumn("lane", noted("Dãy")),
    TableColumn("kind", noted("Loại"), "code"),
    TableColumn("vendor", noted("Mã tiểu thương"), "code"),
    TableColumn("bills", noted("Số kỳ nợ"), "count"),
    TableColumn("oldest", noted("Hạn cũ nhất"), "day"),
    *_AGES,
)
#: What of a stall the page leaves to the file, for want of room.
_IN_FILES: Final = ("lane", "kind")
_KIND_COLUMNS: Final = (
    TableColumn("market", noted("Chợ")),
    TableColumn("class", noted("Hạng"), "count"),
    TableColumn("kind", noted("Loại"), "code"),
    TableColumn("stalls", noted("Số sạp"), "count"),
    TableColumn("bills", noted("Số kỳ nợ"), "count"),
    *_AGES,
)
_RATE_COLUMNS: Final = (
    TableColumn("first_on", noted("Kỳ bắt đầu"), "day"),
    TableColumn("period", noted("Kỳ")),
    TableColumn("every", noted("Thu theo"), "words"),
    TableColumn("market", noted("Chợ")),
    TableColumn("billed", noted("Theo giá"), "amount"),
    TableColumn("waived", noted("Miễn, giảm"), "amount"),
    TableColumn("paid", noted("Đã trả đủ"), "amount"),
    TableColumn("waiting", noted("Trả một phần"), "amount"),
    TableColumn("owed", noted("Còn nợ"), "amount"),
    TableColumn("withdrawn", noted("Đã hủy, chờ lập lại"), "amount"),
    TableColumn("percent", noted("Tỷ lệ thu (%)"), "tenths"),
)
#: What of a period the page leaves to the file: its name says it already.
_RATES_IN_FILES: Final = ("every",)
_COLLECTOR_COLUMNS: Final = (
    TableColumn("month", noted("Kỳ")),
    TableColumn("collector", noted("Người thu")),
    TableColumn("called", noted("Số sạp đã đến"), "count"),
    TableColumn("paid", noted("Số sạp đã trả"), "count"),
    TableColumn("cash", noted("Tiền mặt thu tại sạp"), "amount"),
    TableColumn("tickets", noted("Tiền vé"), "amount"),
    TableColumn("percent", noted("Tỷ lệ sạp trả (%)"), "tenths"),
)
On = Annotated[date | None, Query(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


@router.get(f"{MARKETS}/rates")
@allowing(LONG_SECONDS)
async def rates_page(
    request: Request,
    who: ReportReader,
    session: SessionDep,
    asked: AskedListDep,
    year: Annotated[int | None, Query(ge=2000, le=2199)] = None,
) -> Response:
    """How much of each period of a year has come in, market by market."""
    today = clock.business_date(clock.now())
    chosen = year or today.year
    markets = await list_markets(session, who.principal.agency_ids)
    names, ids, filed = _names(markets), [one.id for one in markets], asked.file is not None
    rates = await list_rates(session, ids, date(chosen, 1, 1), date(chosen, 12, 31))
    credit = await sum_credit_of(session, ids)
    return answer_list(
        request,
        who,
        asked.sorted_by("-first_on"),
        address=f"{MARKETS}/rates",
        title=noted("Tỷ lệ thu theo kỳ"),
        columns=tuple(one for one in _RATE_COLUMNS if filed or one.key not in _RATES_IN_FILES),
        rows=[_rate_row(one, names[one.market_id], filed=filed) for one in rates],
        kept=(("year", str(chosen)),),
        template="market_rates.html",
        year=chosen,
        today=today,
        credit=sum(credit.values()),
        collectors=await _collectors(session, who, chosen),
    )


async def _collectors(session: ReadSession, who: SignedIn, year: int) -> ShownTable | None:
    """What each collector brought in, month by month; None for who may not see cash."""
    if not who.principal.may(Action.READ_CASH):
        return None
    within = who.principal.agency_ids
    found = await list_collector_rates(session, within, date(year, 1, 1), date(year, 12, 31))
    rows = [
        TableRow(
            f"{one.collector_id}:{one.month}",
            (
                *(period_words("month", f"{one.month:%Y-%m}"), one.collector, one.called),
                *(one.paid, one.cash or None, one.tickets or None, one.tenths),
            ),
        )
        for one in found
    ]
    return ShownTable(f"{MARKETS}/rates", _COLLECTOR_COLUMNS, rows, AskedTable(), None)


@router.get(f"{MARKETS}/arrears")
@allowing(LONG_SECONDS)
async def kinds_page(
    request: Request,
    who: ReportReader,
    session: SessionDep,
    on: On = None,
    format: TableFormat | None = None,
) -> Response:
    """What is owed at the end of a day, by class of market and kind of stall."""
    today = clock.business_date(clock.now())
    day = min(on or today, today)
    markets = await list_markets(session, who.principal.agency_ids)
    names = _names(markets)
    found = await list_kind_arrears(session, list(names), day)
    rows = [
        TableRow(
            f"{one.market_id}:{one.kind}",
            (
                one.market if format is not None else names[one.market_id],
                *(one.market_class, one.kind, one.stalls, one.bills),
                *_ages(one, filed=format is not None),
            ),
            f"{MARKETS}/{one.market_id}/arrears?on={day}",
        )
        for one in found
    ]
    address = f"{MARKETS}/arrears"
    table = ShownTable(
        *(address, _KIND_COLUMNS, rows, AskedTable(), None),
        files=True,
        kept=(("on", day.isoformat()),),
    )
    if format is not None:
        return table_file(request, table, noted("Công nợ theo loại sạp"), "arrears", format)
    return render(
        request,
        "market_arrears.html",
        who=who,
        market=None,
        table=table,
        ages=sum_ages(found),
        on=day,
        today=today,
        here=address,
        more=0,
    )


@router.get(f"{MARKETS}/{{market_id}}/arrears")
@allowing(LONG_SECONDS)
async def arrears_page(
    request: Request,
    market_id: ThingId,
    who: ReportReader,
    session: SessionDep,
    on: On = None,
    format: TableFormat | None = None,
) -> Response:
    """Who owes what at which stall of a market at the end of a day, the oldest debts first."""
    market = await market_of(session, who, market_id)
    today = clock.business_date(clock.now())
    day = min(on or today, today)
    found = await list_stall_arrears(session, market.id, day)
    shown = found if format is not None else found[:_SHOWN]
    rows = [
        TableRow(
            f"{one.stall_id}:{one.vendor}",
            (
                *(one.stall, *((one.lane, one.kind) if format else ()), one.vendor, one.bills),
                *(one.oldest_due_on, *_ages(one, filed=format is not None)),
            ),
            f"{STALLS}/{one.stall_id}",
        )
        for one in shown
    ]
    address = f"{MARKETS}/{market.id}/arrears"
    columns = tuple(one for one in _STALL_COLUMNS if format or one.key not in _IN_FILES)
    table = ShownTable(
        *(address, columns, rows, AskedTable(), None),
        files=True,
        kept=(("on", day.isoformat()),),
    )
    if format is not None:
        return table_file(request, table, noted("Công nợ theo sạp"), "arrears", format)
    return render(
        request,
        "market_arrears.html",
        who=who,
        market=market,
        parts=parts_for(who, market),
        table=table,
        ages=sum_ages(found),
        on=day,
        today=today,
        here=address,
        more=len(found) - len(shown),
    )


def _ages(one: AgedDebt, *, filed: bool) -> tuple[int | None, ...]:
    amounts = (one.not_due, one.to_30, one.to_60, one.to_90, one.over_90, one.total)
    return _written(amounts, filed=filed)


def _written(amounts: tuple[int, ...], *, filed: bool) -> tuple[int | None, ...]:
    """Amounts as a file has them; a page leaves out what is nothing, so that the rest is seen."""
    return tuple(amount if amount or filed else None for amount in amounts)


def _names(markets: Iterable[MarketValue]) -> dict[str, LocalizedText]:
    """What markets are called, by id: a page says the name, a file the code that machines know."""
    return {one.id: LocalizedText(one.name, one.name_en) for one in markets}


def _rate_row(one: MarketRate, name: LocalizedText, *, filed: bool) -> TableRow:
    amounts = (one.billed, one.waived, one.paid, one.waiting, one.owed, one.withdrawn)
    named: tuple[CellValue, ...] = (PERIODS[one.kind], one.market) if filed else (name,)
    cells: tuple[CellValue, ...] = (
        one.first_on,
        period_words(one.kind, one.period),
        *named,
        *_written(amounts, filed=filed),
        one.tenths,
    )
    return TableRow(f"{one.market_id}:{one.kind}:{one.period}", cells, f"{MARKETS}/{one.market_id}")
