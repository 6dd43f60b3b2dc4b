"""One stall: who holds it, what was charged and paid there, what was read and let off."""

from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter, Request, Response

from app.web.citizen.receipts import masked
from app.web.market.stall_views import period_words
from app.web.staff.history import ThingId
from app.web.staff.market_places import MARKETS, STALLS, MarketReader, market_of
from app.web.staff.market_words import (
    CHARGE_STATES,
    METERS,
    PERIODS,
    STANDINGS,
    WAIVED_FOR,
    charge_word,
)
from app.web.staff.tables import AskedTable, CellValue, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core import clock
from core.db import SessionDep
from payments.agencies.access.rights import Action
from payments.billing.credit.queries import holder_on, list_debts, list_holdings
from payments.billing.dues.queries import StallMoney, list_money, list_owed, sum_credit
from payments.billing.queries import list_readings, list_waivers, open_vendors
from payments.billing.reports.histories import (
    ChargeOfStall,
    list_stall_charges,
    list_stall_contracts,
)
from payments.billing.reports.standings import get_standing
from payments.catalogue.rules.wording import LocalizedText
from payments.context import ContextDep

router = APIRouter(include_in_schema=False)

#: How many of each are told of: three years of a month's charges of three kinds.
_MOST: Final = 108
#: How far back transfers are told of.
_BACK: Final = timedelta(days=3 * 366)
_CHARGE_COLUMNS: Final = (
    TableColumn("period", noted("Kỳ")),
    TableColumn("kind", noted("Khoản"), "words"),
    TableColumn("amount", noted("Phải trả"), "amount"),
    TableColumn("waived", noted("Được miễn, giảm"), "amount"),
    TableColumn("due_on", noted("Hạn"), "day"),
    TableColumn("state", noted("Tình trạng"), "words"),
    TableColumn("vendor", noted("Mã tiểu thương"), "code"),
)
_MONEY_COLUMNS: Final = (
    TableColumn("came_at", noted("Tiền đến lúc"), "moment"),
    TableColumn("amount", noted("Số tiền"), "amount"),
    TableColumn("state", noted("Tình trạng"), "words"),
)
_READING_COLUMNS: Final = (
    TableColumn("read_on", noted("Ngày ghi"), "day"),
    TableColumn("meter", noted("Đồng hồ"), "words"),
    TableColumn("shows", noted("Chỉ số"), "count"),
)
_WAIVER_COLUMNS: Final = (
    TableColumn("first_on", noted("Từ ngày"), "day"),
    TableColumn("last_on", noted("Đến ngày"), "day"),
    TableColumn("percent", noted("Miễn, giảm (%)"), "count"),
    TableColumn("amount", noted("Giảm số tiền"), "amount"),
    TableColumn("reason", noted("Vì"), "words"),
    TableColumn("basis", noted("Căn cứ")),
)
_DOUBTED: Final = noted("Chờ người xem xét")
_TAKEN: Final = noted("Đã ghi nhận")


@router.get(f"{STALLS}/{{stall_id}}")
async def stall_page(
    request: Request, stall_id: ThingId, who: MarketReader, session: SessionDep, context: ContextDep
) -> Response:
    """A stall with all that hangs on it; the holder's name for who may read vendors."""
    today = clock.business_date(clock.now())
    standing = await get_standing(session, stall_id, who.principal.agency_ids, today)
    stall = standing.stall
    market = await market_of(session, who, stall.market_id)
    contracts = await list_stall_contracts(session, stall.id)
    names: dict[str, dict[str, str]] = {}
    if who.principal.may(Action.READ_VENDORS):
        names = await open_vendors(session, context.cipher, {one.vendor_id for one in contracts})
    holdings = await list_holdings(session, [stall.reference])
    debts = await list_debts(session, [stall.id])
    credit = await sum_credit(session, holdings, stall.vendor_id) if stall.vendor_id else 0
    # Who held it before pays by the bills' own references, and not by the stall's, whose money is
    # today's holder's, or the last one's where nobody came after. Told at their newest contract.
    own = holder_on(holdings, today)
    owing = {debt.vendor_id for debt in debts} - ({own.vendor_id} if own else set())
    left_owing = {
        one.contract_id: sum(bill.missing for bill in await list_owed(session, one))
        for one in {one.vendor_id: one for one in holdings if one.vendor_id in owing}.values()
    }
    charges = await list_stall_charges(session, stall.id, _MOST)
    money = await list_money(session, stall.reference, _since(clock.now()), _MOST)
    readings = await list_readings(session, stall.id)
    waivers = await list_waivers(session, market.id)
    return render(
        request,
        "market_stall.html",
        who=who,
        market=market,
        stall=stall,
        standing=standing,
        state=STANDINGS[standing.state],
        area=_area(stall.area),
        # The name in full of who holds it now alone; of those before it as their owners know it.
        holders={
            vendor_id: data.get("name", "")
            if vendor_id == stall.vendor_id
            else masked(data.get("name", ""))
            for vendor_id, data in names.items()
        },
        contracts=contracts,
        periods=PERIODS,
        credit=credit,
        left_owing=left_owing,
        charges=_table(stall.id, _CHARGE_COLUMNS, [_charge_row(one) for one in charges]),
        money=_table(stall.id, _MONEY_COLUMNS, [_money_row(one) for one in money]),
        readings=_table(
            *(stall.id, _READING_COLUMNS),
            [
                TableRow(one.id, (one.read_on, METERS[one.meter], one.shows))
                for one in readings[:_MOST]
            ],
        ),
        waivers=_table(
            *(stall.id, _WAIVER_COLUMNS),
            [
                TableRow(
                    one.id,
                    (
                        *(one.first_on, one.last_on, one.percent or None, one.amount or None),
                        *(WAIVED_FOR[one.reason], one.basis),
                    ),
                )
                for one in waivers
                if one.stall_id in (None, stall.id)
            ],
        ),
        market_at=f"{MARKETS}/{market.id}",
        may_read=who.principal.may(Action.READ_METERS),
        may_ask=who.principal.may(Action.PROPOSE_APPROVAL),
    )


def _area(square_decimetres: int) -> LocalizedText:
    """An area in square metres."""
    whole, part = divmod(square_decimetres, 100)
    more = f"{part:02}".rstrip("0")
    if not more:
        return LocalizedText(f"{whole}", f"{whole}")
    return LocalizedText(f"{whole},{more}", f"{whole}.{more}")


def _since(now: datetime) -> datetime:
    return now - _BACK


def _table(stall_id: str, columns: tuple[TableColumn, ...], rows: list[TableRow]) -> ShownTable:
    return ShownTable(f"{STALLS}/{stall_id}", columns, rows, AskedTable(), None)


def _charge_row(one: ChargeOfStall) -> TableRow:
    cells: tuple[CellValue, ...] = (
        period_words(one.run_kind, one.period),
        charge_word(one.kind),
        *(one.amount, one.waived, one.due_on),
        CHARGE_STATES[one.status or "none"],
        one.vendor,
    )
    return TableRow(one.id, cells, f"/staff/bills/{one.bill_id}" if one.bill_id else "")


def _money_row(one: StallMoney) -> TableRow:
    cells = (one.came_at, one.amount, _DOUBTED if one.in_doubt else _TAKEN)
    return TableRow(one.payment_id, cells, f"/staff/payments/{one.payment_id}")
