"""A market for tests: stalls, vendors, contracts and tariffs, written down without ceremony."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, text

from core import clock
from core.crypto import Cipher
from core.db import Database
from core.ids import new_id
from core.sessions import WriteSession
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market
from payments.billing.models import ChargeTariffRow, StallTariffRow
from payments.billing.setting_up import (
    NewContract,
    NewMarket,
    NewStall,
    NewVendor,
    add_contracts,
    add_stalls,
    add_vendors,
    create_market,
)

KEY = b"k" * 32
ACTOR = "system:test"
BEGAN = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class MarketStalls:
    """A market and what was written down of it: codes → ids."""

    market: MarketValue
    stalls: dict[str, str]
    vendors: dict[str, str]


async def new_body(session: WriteSession) -> str:
    """A body without anything; its id."""
    agency_id = new_id("agency")
    await session.execute(
        text(
            "INSERT INTO agency (id, code, name, name_en, tax_code, address, phone,"
            " return_origins, created_at, offers) VALUES (:id, :id, 'A', 'A', '0', 'x', '0',"
            " '{}', now(), 'all')"
        ),
        {"id": agency_id},
    )
    return agency_id


async def add_stall_tariff(session: WriteSession, agency_id: str, **changes: Any) -> None:
    """A tariff of markets of class 2: 2,000 đồng for a covered square metre and day."""
    row = {
        "id": new_id("startariff"),
        "agency_id": agency_id,
        "market_class": 2,
        "kind": "covered",
        "per": "day",
        "rate": 2_000,
        "frontage_surcharges": [],
        "vat_included": True,
        "vat_percent": 0,
        "basis": "QĐ 480/QĐ-UBND",
        "valid_from": BEGAN,
        "created_at": clock.now(),
    }
    await session.write(insert(StallTariffRow), row | changes)


async def add_rate(session: WriteSession, market_id: str, **changes: Any) -> None:
    """What electricity costs at a market: 3,000 đồng for a unit, unless told otherwise."""
    row = {
        "id": new_id("rate"),
        "market_id": market_id,
        "kind": "electricity",
        "code": "electricity",
        "name": "Điện",
        "name_en": "Electricity",
        "per": "unit",
        "rate": 3_000,
        "vat_included": True,
        "vat_percent": 0,
        "basis": "Thông báo 1",
        "valid_from": BEGAN,
        "created_at": clock.now(),
    }
    await session.write(insert(ChargeTariffRow), row | changes)


async def lay_out(
    database: Database,
    cipher: Cipher,
    *,
    count: int = 5,
    agency_id: str | None = None,
    first_on: date = BEGAN,
    code: str = "cho-1",
    contracts: bool = True,
) -> MarketStalls:
    """A market of class 2 with stalls A-001… of 10 m², each held by a vendor of its own."""
    async with database.transaction() as session:
        body = agency_id or await new_body(session)
        market_id = await create_market(
            session, body, NewMarket(code, "Chợ Một", "Market One", 2), actor=ACTOR
        )
        market = await get_market(session, market_id)
        numbers = [f"{number:03d}" for number in range(1, count + 1)]
        stalls = await add_stalls(
            session,
            market,
            [NewStall(f"A-{number}", "covered", 1_000) for number in numbers],
            actor=ACTOR,
        )
        # A vendor's code is unique in the body, which may have several such markets.
        prefix = "TT" if code == "cho-1" else f"TT-{code}"
        made = await add_vendors(
            session,
            body,
            [NewVendor(f"{prefix}-{n}", f"Nguyễn Thị {n}", f"0912000{n}") for n in numbers],
            cipher=cipher,
            key=KEY,
            actor=ACTOR,
        )
        vendors = {f"TT-{n}": made[f"{prefix}-{n}"] for n in numbers}
        if contracts:
            await add_contracts(
                session,
                market,
                [NewContract(stalls[f"A-{n}"], vendors[f"TT-{n}"], first_on) for n in numbers],
                actor=ACTOR,
            )
            known = "SELECT 1 FROM stall_tariff WHERE agency_id = :body LIMIT 1"
            if (await session.execute(text(known), {"body": body})).first() is None:
                await add_stall_tariff(session, body)
        return MarketStalls(market, stalls, vendors)


#: What stands of a period: contract, kind, days, amounts, and the bill that it is on.
STANDING = """
SELECT c.kind, s.code AS stall, c.first_on, c.last_on, c.amount, c.waived, b.status
FROM charge c JOIN stall s ON s.id = c.stall_id LEFT JOIN bill b ON b.id = c.bill_id
WHERE c.voided_at IS NULL AND c.period = :period ORDER BY s.code, c.first_on, c.kind
"""


async def standing(database: Database, period: str) -> list[tuple[Any, ...]]:
    """The charges of a period that stand."""
    async with database.transaction() as session:
        found = await session.execute(text(STANDING), {"period": period})
        return [tuple(row) for row in found]
