"""What a market charges and lets off: shown here, asked for here, approved by another person."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.form_faults import NO_FAULTS, FormFaults, faults_of
from app.web.staff.history import ThingId
from app.web.staff.market_places import (
    MARKETS,
    STALLS,
    AskedOfMarket,
    MarketReader,
    market_of,
    parts_for,
)
from app.web.staff.market_words import CHARGES, METERS, PER, WAIVED_FOR
from app.web.staff.tables import AskedTable, CellValue, ShownTable, TableColumn, TableRow
from app.web.templating import render
from app.web.texts import noted
from core.bodies import validated
from core.db import SessionDep
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.agencies.access.rights import Action
from payments.billing.approvals import CHARGE_TARIFF, STALL_TARIFF, STALL_WAIVER
from payments.billing.loading import MarketValue
from payments.billing.queries import (
    ChargeTariffValue,
    StallTariffValue,
    WaiverValue,
    find_codes,
    list_charge_tariffs,
    list_stall_tariffs,
    list_waivers,
)
from payments.billing.schemas import ChargeTariffIn, StallTariffIn, WaiverIn
from payments.books.api import ApprovalKindsDep
from payments.books.approvals import ApprovalKinds, propose
from payments.catalogue.rules.wording import LocalizedText

router = APIRouter(include_in_schema=False)

_STALL_FIELDS: Final = (
    *("kind", "per", "rate", "frontage_surcharges", "vat_percent", "basis", "valid_from"),
    "reason",
)
_CHARGE_FIELDS: Final = (
    *("kind", "code", "name", "name_en", "per", "rate", "vat_percent", "basis", "valid_from"),
    "reason",
)
_WAIVER_FIELDS: Final = (
    *("stall", "first_on", "last_on", "percent", "amount", "kind", "basis", "reason"),
)
_WHOLE = re.compile(r"[0-9]{1,12}|[0-9]{1,3}(?:[. ][0-9]{3}){1,3}")
_STALL_COLUMNS: Final = (
    TableColumn("kind", noted("Loại"), "code"),
    TableColumn("rate", noted("Giá mỗi m²"), "amount"),
    TableColumn("per", noted("Tính theo"), "words"),
    TableColumn("surcharges", noted("Thêm theo mặt tiền (đồng/m²)")),
    TableColumn("vat", noted("Thuế GTGT cộng thêm (%)"), "count"),
    TableColumn("valid_from", noted("Từ ngày"), "day"),
    TableColumn("valid_to", noted("Đến ngày"), "day"),
    TableColumn("basis", noted("Căn cứ")),
)
_CHARGE_COLUMNS: Final = (
    TableColumn("kind", noted("Khoản"), "words"),
    TableColumn("code", noted("Mã"), "code"),
    TableColumn("name", noted("Tên")),
    TableColumn("rate", noted("Đơn giá"), "amount"),
    TableColumn("per", noted("Tính theo"), "words"),
    TableColumn("vat", noted("Thuế GTGT cộng thêm (%)"), "count"),
    TableColumn("valid_from", noted("Từ ngày"), "day"),
    TableColumn("valid_to", noted("Đến ngày"), "day"),
    TableColumn("basis", noted("Căn cứ")),
)
_WAIVER_COLUMNS: Final = (
    TableColumn("first_on", noted("Từ ngày"), "day"),
    TableColumn("last_on", noted("Đến ngày"), "day"),
    TableColumn("whose", noted("Của"), "words"),
    TableColumn("percent", noted("Miễn, giảm (%)"), "count"),
    TableColumn("amount", noted("Giảm số tiền"), "amount"),
    TableColumn("reason", noted("Vì"), "words"),
    TableColumn("basis", noted("Căn cứ")),
)
_OF_ALL: Final = noted("Cả chợ")
_OF_ONE: Final = noted("Một sạp")
_NO_STALL: Final = noted("Chợ này không có sạp mang mã này.")
_ONE_OF_BOTH: Final = noted("Hãy điền tỷ lệ hoặc số tiền, chỉ một trong hai.")

#: What an approval is to keep of what was typed; raises `Invalid`.
ReadWanted = Callable[[ReadSession, MarketValue], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class TariffForm:
    """One of the page's forms: its name, the kind of approval that it asks for, what was typed.

    `prefix` begins the id of what it would make.
    """

    name: str
    kind: str
    prefix: str
    typed: dict[str, str]


@router.get(f"{MARKETS}/{{market_id}}/tariffs")
async def tariffs_page(
    request: Request,
    market_id: ThingId,
    who: MarketReader,
    session: SessionDep,
    stall: Annotated[str, Query(max_length=32, pattern=r"^[A-Za-z0-9./-]*$")] = "",
) -> Response:
    """What holds and what is let off, with the forms for who may ask for more."""
    market = await market_of(session, who, market_id)
    form = TariffForm("waiver", STALL_WAIVER, "waiver", {"stall": stall}) if stall else None
    return await _page(request, session, who, market, form)


@router.post(f"{MARKETS}/{{market_id}}/stall-tariffs")
async def ask_stall_tariff(
    market_id: ThingId, deed: AskedOfMarket, kinds: ApprovalKindsDep
) -> Response:
    """Ask that places of a kind cost this from a day on, at all markets of this one's class."""
    form = TariffForm("stall_tariff", STALL_TARIFF, "startariff", deed.typed_in(_STALL_FIELDS))

    async def wanted(_: ReadSession, market: MarketValue) -> dict[str, Any]:
        # A comma within a figure parts nothing: "1,500" is refused, and is not 1 and 500.
        parts = re.split(r";|,\s", form.typed["frontage_surcharges"])
        given = _priced(form.typed) | {
            "frontage_surcharges": [_whole(one.strip()) for one in parts if one.strip()]
        }
        asked = validated(StallTariffIn, given)
        return asked.wanted | {"market": market.id, "market_class": market.market_class}

    return await _ask(market_id, deed, kinds, form, wanted)


@router.post(f"{MARKETS}/{{market_id}}/charge-tariffs")
async def ask_charge_tariff(
    market_id: ThingId, deed: AskedOfMarket, kinds: ApprovalKindsDep
) -> Response:
    """Ask that power, water, a service, a vehicle or an entry cost this from a day on."""
    form = TariffForm("charge_tariff", CHARGE_TARIFF, "rate", deed.typed_in(_CHARGE_FIELDS))

    async def wanted(_: ReadSession, market: MarketValue) -> dict[str, Any]:
        given = _priced(form.typed)
        if given.get("kind") in METERS:
            given.setdefault("code", given["kind"])
        asked = validated(ChargeTariffIn, given)
        return asked.wanted | {"market": market.id}

    return await _ask(market_id, deed, kinds, form, wanted)


@router.post(f"{MARKETS}/{{market_id}}/waivers")
async def ask_waiver(market_id: ThingId, deed: AskedOfMarket, kinds: ApprovalKindsDep) -> Response:
    """Ask that some days' price be let off, of one stall by its code or of all."""
    form = TariffForm("waiver", STALL_WAIVER, "waiver", deed.typed_in(_WAIVER_FIELDS))

    async def wanted(session: ReadSession, market: MarketValue) -> dict[str, Any]:
        given: dict[str, Any] = {name: value for name, value in form.typed.items() if value}
        code = given.get("stall")
        if code is not None:
            known = await find_codes(session, "stall", market.id, [code])
            if code not in known:
                raise Invalid(_NO_STALL, errors=[FieldError("stall", "unknown", _NO_STALL)])
            given["stall"] = known[code]
        given |= {name: _whole(given[name]) for name in ("percent", "amount") if name in given}
        if ("percent" in given) == ("amount" in given):
            raise Invalid(_ONE_OF_BOTH, errors=[FieldError("percent", "invalid", _ONE_OF_BOTH)])
        return validated(WaiverIn, given).wanted(market.id)

    return await _ask(market_id, deed, kinds, form, wanted)


async def _ask(
    market_id: str, deed: StaffDeed, kinds: ApprovalKinds, form: TariffForm, wanted: ReadWanted
) -> Response:
    """Keep what was asked for until somebody else decides; with a fault the page again."""

    async def work(session: WriteSession) -> str:
        market = await market_of(session, deed.who, market_id)
        asked = await wanted(session, market)
        about = new_id(form.prefix)
        made = await propose(session, kinds, form.kind, about, asked, form.typed["reason"], deed.by)
        return f"/staff/approvals/{made.id}"

    try:
        return await deed.once(work)
    except REFUSALS as refused:
        faults = faults_of(refused, form.typed)
        async with deed.database.reading() as session:
            market = await market_of(session, deed.who, market_id)
            return await _page(deed.request, session, deed.who, market, form, faults)


async def _page(
    request: Request,
    session: ReadSession,
    who: SignedIn,
    market: MarketValue,
    sent: TariffForm | None = None,
    faults: FormFaults = NO_FAULTS,
) -> Response:
    stalls = await list_stall_tariffs(session, market.agency_id, market.market_class)
    charges = await list_charge_tariffs(session, market.id)
    waivers = await list_waivers(session, market.id)
    forms = {
        "stall_tariff": dict.fromkeys(_STALL_FIELDS, "") | {"vat_percent": "0"},
        "charge_tariff": dict.fromkeys(_CHARGE_FIELDS, "") | {"vat_percent": "0"},
        "waiver": dict.fromkeys(_WAIVER_FIELDS, ""),
    }
    if sent is not None:
        forms[sent.name] |= sent.typed
    return render(
        request,
        "market_tariffs.html",
        422 if faults.found else 200,
        who=who,
        market=market,
        parts=parts_for(who, market),
        here=f"{MARKETS}/{market.id}",
        stalls=_table(_STALL_COLUMNS, [_stall_row(one) for one in stalls]),
        charges=_table(_CHARGE_COLUMNS, [_charge_row(one) for one in charges]),
        waivers=_table(_WAIVER_COLUMNS, [_waiver_row(one) for one in waivers]),
        forms=forms,
        faults={name: faults if sent and sent.name == name else NO_FAULTS for name in forms},
        told={f"{sent.name}-{name}": said for name, said in faults.fields.items()} if sent else {},
        sent="" if sent is None else sent.name,
        charge_kinds={name: word for name, word in CHARGES.items() if name != "rent"},
        per=PER,
        reasons=WAIVED_FOR,
        may_ask=who.principal.may(Action.PROPOSE_APPROVAL),
        once=new_once(),
    )


def _priced(typed: dict[str, str]) -> dict[str, Any]:
    """What was typed of a tariff, with its figures as numbers; VAT on top is not in the rate."""
    given: dict[str, Any] = {name: value for name, value in typed.items() if value}
    given["rate"] = _whole(typed["rate"])
    given["vat_percent"] = _whole(typed["vat_percent"] or "0")
    return given | {"vat_included": given["vat_percent"] == 0}


def _whole(text: str) -> int | str:
    """A whole number as people write it; what is none stays as it is, and is refused by name."""
    return int(re.sub(r"[. ]", "", text)) if _WHOLE.fullmatch(text) else text


def _table(columns: tuple[TableColumn, ...], rows: list[TableRow]) -> ShownTable:
    return ShownTable(MARKETS, columns, rows, AskedTable(), None)


def _stall_row(one: StallTariffValue) -> TableRow:
    surcharges = ", ".join(f"{amount:,}".replace(",", ".") for amount in one.frontage_surcharges)
    cells: tuple[CellValue, ...] = (
        *(one.kind, one.rate, PER[one.per], surcharges, one.vat_percent),
        *(one.valid_from, one.valid_to, one.basis),
    )
    return TableRow(one.id, cells)


def _charge_row(one: ChargeTariffValue) -> TableRow:
    cells: tuple[CellValue, ...] = (
        CHARGES[one.kind],
        # Power and water have no code but their kind, which is no word of people's.
        None if one.code == one.kind else one.code,
        *(LocalizedText(one.name, one.name_en), one.rate),
        *(PER[one.per], one.vat_percent, one.valid_from, one.valid_to, one.basis),
    )
    return TableRow(one.id, cells)


def _waiver_row(one: WaiverValue) -> TableRow:
    cells: tuple[CellValue, ...] = (
        *(one.first_on, one.last_on, _OF_ALL if one.stall_id is None else _OF_ONE),
        *(one.percent or None, one.amount or None, WAIVED_FOR[one.reason], one.basis),
    )
    return TableRow(one.id, cells, "" if one.stall_id is None else f"{STALLS}/{one.stall_id}")
