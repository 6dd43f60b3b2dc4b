"""The routes of markets with who may use them, and how to ask; parts of `every_route`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from core.ids import new_id
from tests.support.markets import lay_out
from tests.support.message_routes import message_cases

if TYPE_CHECKING:
    from tests.support.every_route import Case, Things

_OFFICE = "finance chief admin"
_EVERYONE = "clerk finance chief admin auditor collector"
_LAST = "2026-11-30"


async def market(things: "Things") -> str:
    """A new market of the system's body, with two stalls that are held; its id."""
    return (await _laid(things))[0]


async def stall(things: "Things") -> str:
    """A stall of a new market."""
    return (await _laid(things))[1]


async def vendor(things: "Things") -> str:
    """A vendor of the system's body."""
    return (await _laid(things))[2]


async def contract(things: "Things") -> str:
    """A contract that has no end."""
    market_id, _, _ = await _laid(things)
    async with things.system.parts.database.transaction() as session:
        wanted = text(
            "SELECT c.id FROM stall_contract c JOIN stall s ON s.id = c.stall_id"
            " WHERE s.market_id = :market LIMIT 1"
        )
        return str((await session.execute(wanted, {"market": market_id})).scalar_one())


async def billing_run(things: "Things") -> str:
    """A billing run of a new market."""
    market_id, _, _ = await _laid(things)
    answer = await things.system.browser.post(
        f"/api/v1/markets/{market_id}/billing-runs",
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
        json=_period(),
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _laid(things: "Things") -> tuple[str, str, str]:
    parts, body = things.system.parts, things.system.body
    code = new_id("cho")[-12:]
    laid = await lay_out(parts.database, parts.cipher, count=2, agency_id=body.agency_id, code=code)
    return laid.market.id, next(iter(laid.stalls.values())), next(iter(laid.vendors.values()))


def _period() -> dict[str, str]:
    return {"kind": "month", "period": "2026-11"}


async def new_market(things: "Things") -> Mapping[str, Any]:
    body = {"agency": things.system.body.agency_code, "code": new_id("cho")[-12:]}
    return {"json": body | {"name": "Chợ Mới", "name_en": "New Market", "market_class": 2}}


async def new_stalls(_: "Things") -> Mapping[str, Any]:
    one = {"code": f"B{new_id('s')[-12:]}", "kind": "covered", "area": 850}
    return {"json": {"stalls": [one]}}


async def new_vendor(things: "Things") -> Mapping[str, Any]:
    body = {"agency": things.system.body.agency_code, "code": new_id("tt")}
    return {"json": body | {"name": "Trần Thị Chợ", "phone": "0912345678"}}


async def reprinted(_: "Things") -> Mapping[str, Any]:
    return {"json": {"reason": "nhãn bị rách"}}


async def renamed(_: "Things") -> Mapping[str, Any]:
    return {"json": {"name": "Trần Thị Chợ", "phone": "0912345679"}}


async def new_contract(things: "Things") -> Mapping[str, Any]:
    """Of a stall that was made last and is held by nobody."""
    async with things.system.parts.database.transaction() as session:
        wanted = text(
            "SELECT s.code, v.code FROM stall s JOIN market m ON m.id = s.market_id"
            " JOIN vendor v ON v.agency_id = m.agency_id WHERE NOT EXISTS"
            " (SELECT 1 FROM stall_contract c WHERE c.stall_id = s.id)"
            " ORDER BY s.id DESC, v.id DESC LIMIT 1"
        )
        code, holder = (await session.execute(wanted)).first() or ("A-1", "TT-1")
    return {"json": {"stall": code, "vendor": holder, "first_on": "2026-11-01"}}


async def market_with_a_free_stall(things: "Things") -> str:
    """A market whose newest stall is held by nobody; its id."""
    market_id = await market(things)
    answer = await things.system.browser.post(
        f"/api/v1/markets/{market_id}/stalls",
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
        **await new_stalls(things),
    )
    assert answer.status_code == 201, answer.text
    return market_id


async def end(_: "Things") -> Mapping[str, Any]:
    return {"json": {"last_on": _LAST}}


async def reading(_: "Things") -> Mapping[str, Any]:
    return {"json": {"meter": "water", "read_on": "2026-10-31", "shows": 12}}


async def stall_tariff(_: "Things") -> Mapping[str, Any]:
    body = {"kind": "open", "per": "day", "rate": 1500, "valid_from": "2027-01-01"}
    return {"json": body | {"basis": "QĐ 480/QĐ-UBND", "reason": "thử"}}


async def charge_tariff(_: "Things") -> Mapping[str, Any]:
    body = {"kind": "water", "code": "water", "per": "unit", "rate": 12_000, "name": "Nước"}
    body |= {"name_en": "Water", "valid_from": "2027-01-01"}
    return {"json": body | {"basis": "Thông báo 2", "reason": "thử"}}


async def waiver(_: "Things") -> Mapping[str, Any]:
    body = {"first_on": "2026-11-01", "last_on": "2026-11-03", "percent": 100, "kind": "storm"}
    return {"json": body | {"basis": "Thông báo 3", "reason": "bão"}}


async def period(_: "Things") -> Mapping[str, Any]:
    return {"json": _period()}


async def sheet(_: "Things") -> Mapping[str, Any]:
    code = f"C{new_id('s')[-12:]}"
    content = f'Mã sạp,Loại,Diện tích (m²)\n{code},covered,"8,5"\n'
    return {"files": {"file": ("sap.csv", content.encode(), "text/csv")}}


async def stall_import(things: "Things") -> str:
    """A file of stalls that was taken; its id."""
    answer = await things.system.browser.post(
        f"/api/v1/markets/{await market(things)}/import",
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
        **await sheet(things),
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def market_cases(case: type["Case"]) -> list["Case"]:
    """The cases of these routes."""
    run = "/markets/{market}/billing-runs"
    return [
        case("GET /markets", _EVERYONE, "", 200, 200),
        case("POST /markets", _OFFICE, "", 201, 404, new_market),
        case("GET /markets/{market}/stalls", _EVERYONE, "", 200, 404, thing=market),
        case("POST /markets/{market}/stalls", _OFFICE, "", 201, 404, new_stalls, market),
        case("GET /markets/{market}/stickers.pdf", _EVERYONE, "", 200, 404, thing=market),
        case("POST /stalls/{stall_id}/sticker", _OFFICE, "", 201, 404, reprinted, stall),
        case("GET /vendors", _EVERYONE, "", 200, 200),
        case("POST /vendors", _OFFICE, "", 201, 404, new_vendor),
        case("POST /vendors/{vendor_id}", _OFFICE, "", 201, 404, renamed, vendor),
        case("GET /markets/{market}/contracts", _EVERYONE, "", 200, 404, thing=market),
        case(
            "POST /markets/{market}/contracts",
            *(_OFFICE, "", 201, 404, new_contract, market_with_a_free_stall),
        ),
        case("POST /contracts/{contract_id}/end", _OFFICE, "", 201, 404, end, contract),
        case("GET /stalls/{stall_id}/readings", _EVERYONE, "", 200, 404, thing=stall),
        case(
            "POST /stalls/{stall_id}/readings",
            *("finance chief admin collector", "", 201, 404, reading, stall),
        ),
        case("GET /markets/{market}/tariffs", _EVERYONE, "", 200, 404, thing=market),
        case(
            "POST /markets/{market}/stall-tariffs",
            *("finance chief", "", 202, 404, stall_tariff, market),
        ),
        case(
            "POST /markets/{market}/charge-tariffs",
            *("finance chief", "", 202, 404, charge_tariff, market),
        ),
        case("GET /markets/{market}/waivers", _EVERYONE, "", 200, 404, thing=market),
        case("POST /markets/{market}/waivers", "finance chief", "", 202, 404, waiver, market),
        case(
            f"POST {run}/preview",
            *("finance chief admin auditor", "", 200, 404, period, market),
        ),
        case(f"POST {run}", "finance chief", "", 201, 404, period, market),
        case(f"GET {run}", "finance chief admin auditor", "", 200, 404, thing=market),
        case(
            "GET /billing-runs/{run_id}",
            *("finance chief admin auditor", "", 200, 404),
            thing=billing_run,
        ),
        case("GET /cash-books", "finance chief admin auditor", "", 200, 200),
        case("POST /markets/{market}/import", _OFFICE, "", 202, 404, sheet, market),
        case("GET /stall-imports/{import_id}", _EVERYONE, "", 200, 404, thing=stall_import),
        *message_cases(case, market, vendor, _OFFICE),
    ]
