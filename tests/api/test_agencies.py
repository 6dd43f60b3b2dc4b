"""Bodies, accounts and gateways over the API: an administrator's, within the own body."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.staff import key_of_person
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "bi-mat-khong-duoc-lo"
PAYGOV = {
    "partner_code": "P",
    "access_key": "A",
    "secret_key": SECRET,
    "token": "T",
    "service_code": "S",
}


def unit(system: System, **changes: Any) -> dict[str, Any]:
    return {
        "code": f"to-{new_id('x')[-12:]}",
        "name": "Tổ một cửa",
        "name_en": "One-stop desk",
        "tax_code": "0100109106",
        "address": "1 đường Thử",
        "phone": "024 3333 4444",
        "parent": system.body.agency_code,
    } | changes


def account(agency: str, **changes: Any) -> dict[str, Any]:
    return {
        "agency": agency,
        "code": f"tk-{new_id('x')[-12:]}",
        "kind": "treasury",
        "bank_bin": "970436",
        "number": new_id("x")[-12:],
        "holder": "KBNN Thử",
    } | changes


def gateway(agency: str, collection: str, **changes: Any) -> dict[str, Any]:
    return {
        "agency": agency,
        "collection_account": collection,
        "gateway": "paygov",
        "account": f"cong-{new_id('x')[-12:]}",
        "base_url": "https://pay.example/api",
        "credentials": PAYGOV,
    } | changes


async def post(
    system: System, key: dict[str, str], path: str, body: object, once: str | None = None
) -> httpx2.Response:
    headers = key | {"Idempotency-Key": once or new_id("k")}
    return await system.browser.post(f"/api/v1/{path}", json=body, headers=headers)


async def made(system: System, key: dict[str, str], path: str, body: object) -> dict[str, Any]:
    answer = await post(system, key, path, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def every(system: System, key: dict[str, str], path: str) -> list[dict[str, Any]]:
    """All pages of a list, a few at a time."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await system.browser.get(
            f"/api/v1/{path}", params={"limit": "2", **cursor}, headers=key
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_an_administrator_sets_up_a_unit(shared_system: System) -> None:
    system = shared_system
    key = await key_of_person(system, "admin")
    desk = await made(system, key, "agencies", unit(system, offers=["2.000815"]))
    assert desk["offers"] == ["2.000815"]
    assert desk["parent"] == system.body.agency_code
    # What was made a moment ago is there for the next step, whatever the key was known to reach.
    own = await made(system, key, "accounts", account(desk["code"]))
    assert own["bank"] == "Vietcombank"
    door = await made(system, key, "gateway-accounts", gateway(desk["code"], own["code"]))
    assert set(door) == {
        *("id", "agency", "gateway", "account", "base_url", "collection_account"),
        *("enabled", "rank", "previous_until", "created_at"),
    }
    for path, thing in (("agencies", desk), ("accounts", own), ("gateway-accounts", door)):
        assert thing in await every(system, key, path)

    change = {"phone": "1900 1234", "offers": "parent"}
    answer = await system.browser.post(
        f"/api/v1/agencies/{desk['code']}/change", json=change, headers=key
    )
    assert answer.json() == desk | change
    answer = await system.browser.post(
        f"/api/v1/gateway-accounts/{door['id']}/change", json={"enabled": False}, headers=key
    )
    assert answer.json() == door | {"enabled": False}

    async with system.parts.database.transaction() as session:
        entries = await session.execute(
            text("SELECT action, actor, details FROM audit_entry WHERE object_id = ANY(:ids)"
                 " ORDER BY id"),
            {"ids": [desk["id"], own["id"], door["id"]]},
        )  # fmt: skip
        told = entries.all()
    assert [entry.action for entry in told] == [
        *("agency.created", "account.created", "gateway.configured"),
        *("agency.changed", "gateway.configured"),
    ]
    assert all(entry.actor.startswith("staff:") for entry in told)
    assert SECRET not in str(told)


async def test_a_repeat_with_its_key_makes_nothing_twice(shared_system: System) -> None:
    system = shared_system
    key = await key_of_person(system, "admin")
    body, once = unit(system), new_id("k")
    first = await post(system, key, "agencies", body, once)
    second = await post(system, key, "agencies", body, once)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    problem(await post(system, key, "agencies", body | {"name": "X"}, once), 422)
    problem(await post(system, key, "agencies", body), 409, "taken")
    answer = await system.browser.post("/api/v1/agencies", json=unit(system), headers=key)
    problem(answer, 400, "idempotency_key_missing")


@pytest.mark.parametrize("role", ["clerk", "finance", "chief", "auditor", "system"])
async def test_nobody_else_sees_or_changes_where_money_goes(
    shared_system: System, role: str
) -> None:
    system = shared_system
    key = dict(system.client.headers) if role == "system" else await key_of_person(system, role)
    key = {"Authorization": key.get("Authorization") or key["authorization"]}
    before = await contents(system.parts.database)
    code = system.body.agency_code
    async with system.parts.database.transaction() as session:
        door = await session.scalar(text("SELECT id FROM gateway_account LIMIT 1"))
    for path, body in (
        ("agencies", unit(system)),
        (f"agencies/{code}/change", {"phone": "1900 1234"}),
        ("accounts", account(code)),
        ("gateway-accounts", gateway(code, system.body.collection_code)),
        (f"gateway-accounts/{door}/change", {"base_url": "https://thief.example"}),
    ):
        problem(await post(system, key, path, body), 403)
    for path in ("agencies", "accounts", "gateway-accounts"):
        problem(await system.browser.get(f"/api/v1/{path}", headers=key), 403)
    assert await contents(system.parts.database) == before


async def test_an_administrator_stays_within_the_own_body(shared_system: System) -> None:
    system = shared_system
    own = await key_of_person(system, "admin")
    async with neighbour_of(system) as other:
        theirs = await key_of_person(system, "admin", agency_id=other.agency_id)
        their_account = await made(system, theirs, "accounts", account(other.code))
        their_door = await made(
            system,
            theirs,
            "gateway-accounts",
            gateway(
                other.code,
                their_account["code"],
                credentials=PAYGOV | {"secret_key": "cua-co-quan-khac"},
            ),
        )
        before = await contents(system.parts.database)
        code = system.body.agency_code
        for path, body, status in (
            ("agencies", unit(system, parent=other.code), 404),
            ("agencies", {k: v for k, v in unit(system).items() if k != "parent"}, 422),
            (f"agencies/{other.code}/change", {"phone": "1900 1234"}, 404),
            (f"agencies/{code}/change", {"parent": other.code}, 404),
            ("accounts", account(other.code), 404),
            ("gateway-accounts", gateway(other.code, system.body.collection_code), 404),
            ("gateway-accounts", gateway(code, their_account["code"]), 422),
            (f"gateway-accounts/{their_door['id']}/change", {"enabled": False}, 404),
            (
                "gateway-accounts",
                gateway(code, system.body.collection_code, account=their_door["account"]),
                409,
            ),
        ):
            problem(await post(system, own, path, body), status)
        assert await contents(system.parts.database) == before
        for path, thing in (("accounts", their_account), ("gateway-accounts", their_door)):
            assert thing not in await every(system, own, path)
            assert await every(system, theirs, path) == [thing]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"gateway": "nobody"}, 404, None),
        ({"credentials": {**PAYGOV, "token": ""}}, 422, "credentials.token"),
        ({"credentials": {**PAYGOV, "khac": SECRET}}, 422, "credentials.khac"),
        ({"base_url": "http://pay.example"}, 422, "base_url"),
        ({"base_url": "http://127.0.0.1:8080"}, 422, "base_url"),
        ({"base_url": "https://u:p@pay.example"}, 422, "base_url"),
        ({"collection_account": "khong-co"}, 404, None),
    ],
)
async def test_a_wrong_gateway_is_refused(
    shared_system: System, changes: dict[str, Any], status: int, field: str | None
) -> None:
    system = shared_system
    key = await key_of_person(system, "admin")
    body = gateway(system.body.agency_code, system.body.collection_code) | changes
    answer = await post(system, key, "gateway-accounts", body)
    problem(answer, status, field=field)
    assert SECRET not in answer.text


async def test_an_account_has_the_cut_off_that_was_agreed(shared_system: System) -> None:
    system = shared_system
    admin = await key_of_person(system, "admin")
    usual = await made(system, admin, "accounts", account(system.body.agency_code))
    early = account(system.body.agency_code, cut_off="15:30")
    assert usual["cut_off"] == "16:00"
    assert (await made(system, admin, "accounts", early))["cut_off"] == "15:30"
    for odd in ("25:00", "9:00", "16:00:00", 1600):
        wrong = account(system.body.agency_code, cut_off=odd)
        problem(await post(system, admin, "accounts", wrong), 422, field="cut_off")
