"""The routes of debts with who may use them, and how to ask; parts of `every_route`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core.ids import new_id
from payments.debts.loading import load_list
from tests.support.debts import land, land_file

if TYPE_CHECKING:
    from tests.support.every_route import Case, Things

_OFFICE = "finance chief admin"
_EVERYONE = "clerk finance chief admin auditor collector"


def _code() -> str:
    return new_id("id")[-12:]


def _file(things: "Things", code: str, *rows: str) -> Mapping[str, Any]:
    return {
        "data": {"agency": things.system.body.agency_code, "kind": "land_tax", "list": code},
        "files": {"file": ("dat.csv", land_file(*rows), "text/csv")},
    }


async def debt_file(things: "Things") -> Mapping[str, Any]:
    """A list that nobody has sent before."""
    return _file(things, _code(), land(_code()))


async def _taken(things: "Things", code: str, *rows: str) -> str:
    answer = await things.system.browser.post(
        "/api/v1/debt-lists",
        headers=things.client("finance") | {"Idempotency-Key": new_id("k")},
        **_file(things, code, *rows),
    )
    assert answer.status_code == 202, answer.text
    # Not by the worker, who would call other rooms' receivers outside.
    parts, list_id = things.system.parts, str(answer.json()["id"])
    await load_list(parts.database, list_id, parts.cipher, parts.payments.request_key)
    return list_id


async def debt_list(things: "Things") -> str:
    """A list of one debt, loaded; its id."""
    return await _taken(things, _code(), land(_code()))


async def proposed_list(things: "Things") -> str:
    """A version that changes a debt and waits."""
    code, debt_code = _code(), _code()
    await _taken(things, code, land(debt_code))
    return await _taken(things, code, land(debt_code, amount="9.000"))


async def one_debt(things: "Things") -> str:
    """A debt of a new list."""
    debt_code = _code()
    await _taken(things, _code(), land(debt_code))
    answer = await things.system.browser.get(
        "/api/v1/debts", headers=things.client("finance"), params={"code": debt_code}
    )
    return str(answer.json()["items"][0]["id"])


async def dossier_of_debt(things: "Things") -> str:
    """The number of a dossier on which a debt is owed."""
    debt_code = _code()
    await _taken(things, _code(), land(debt_code))
    return f"H01-{debt_code}"


async def why_debts(_: "Things") -> Mapping[str, Any]:
    return {"json": {"reason": "thử"}}


async def debt_payer(_: "Things") -> Mapping[str, Any]:
    return {"json": {"name": "Người Nộp Thay"}}


def debt_cases(case: type["Case"]) -> list["Case"]:
    """The cases of these routes."""
    lists = "/debt-lists"
    return [
        case(f"POST {lists}/preview", _OFFICE, "bills", 200, 404, debt_file),
        case(f"POST {lists}/error-sheet", _OFFICE, "bills", 200, 404, debt_file),
        case(f"POST {lists}", _OFFICE, "bills", 202, 404, debt_file),
        case(f"GET {lists}", _EVERYONE, "bills", 200, 200),
        case(f"GET {lists}/{{list_id}}", _EVERYONE, "bills", 200, 404, thing=debt_list),
        case(
            f"POST {lists}/{{list_id}}/proposal",
            *("finance chief", "", 202, 404, why_debts, proposed_list),
        ),
        case(
            f"POST {lists}/{{list_id}}/withdrawal",
            *("finance chief", "", 202, 404, why_debts, debt_list),
        ),
        case("GET /debts", _EVERYONE, "bills", 200, 200),
        case("GET /debts/{debt_id}", _EVERYONE, "bills", 200, 404, thing=one_debt),
        case(
            "POST /debts/{debt_id}/withdrawal",
            *("finance chief", "", 202, 404, why_debts, one_debt),
        ),
        case(
            "POST /debts/{debt_id}/payer",
            *("clerk admin", "bills", 201, 404, debt_payer, one_debt),
        ),
        case(
            "GET /dossiers/{dossier_number}/bills",
            *(_EVERYONE, "bills", 200, 404),
            thing=dossier_of_debt,
        ),
    ]
