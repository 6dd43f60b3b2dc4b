"""Bodies, accounts and gateways over the API: an administrator's, within the own body."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core.ids import new_id
from tests.support.house import House
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import contents
from tests.support.staff import key_of_person

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "bi-mat-khong-duoc-lo"
PAYGOV = {
    "partner_code": "P",
    "access_key": "A",
    "secret_key": SECRET,
    "token": "T",
    "service_code": "S",
}


def unit(house: House, **changes: Any) -> dict[str, Any]:
    return {
        "code": f"to-{new_id('x')[-12:]}",
        "name": "Tổ một cửa",
        "name_en": "One-stop desk",
        "tax_code": "0100109106",
        "address": "1 đường Thử",
        "phone": "024 3333 4444",
        "parent": house.body.agency_code,
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
    house: House, key: dict[str, str], path: str, body: object, once: str | None = None
) -> httpx2.Response:
    headers = key | {"Idempotency-Key": once or new_id("k")}
    return await house.browser.post(f"/api/v1/{path}", json=body, headers=headers)


async def made(house: House, key: dict[str, str], path: str, body: object) -> dict[str, Any]:
    answer = await post(house, key, path, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def every(house: House, key: dict[str, str], path: str) -> list[dict[str, Any]]:
    """All pages of a list, a few at a time."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await house.browser.get(
            f"/api/v1/{path}", params={"limit": "2", **cursor}, headers=key
        )
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json()["next_cursor"]}


async def test_an_administrator_sets_up_a_unit(shared_house: House) -> None:
    house = shared_house
    key = await key_of_person(house, "admin")
    desk = await made(house, key, "agencies", unit(house, offers=["2.000815"]))
    assert desk["offers"] == ["2.000815"]
    assert desk["parent"] == house.body.agency_code
    # What was made a moment ago is there for the next step, whatever the key was known to reach.
    own = await made(house, key, "accounts", account(desk["code"]))
    assert own["bank"] == "Vietcombank"
    door = await made(house, key, "gateway-accounts", gateway(desk["code"], own["code"]))
    assert set(door) == {
        *("id", "agency", "gateway", "account", "base_url", "collection_account"),
        *("enabled", "created_at"),
    }
    for path, thing in (("agencies", desk), ("accounts", own), ("gateway-accounts", door)):
        assert thing in await every(house, key, path)

    change = {"phone": "1900 1234", "offers": "parent"}
    answer = await house.browser.post(
        f"/api/v1/agencies/{desk['code']}/change", json=change, headers=key
    )
    assert answer.json() == desk | change
    answer = await house.browser.post(
        f"/api/v1/gateway-accounts/{door['id']}/change", json={"enabled": False}, headers=key
    )
    assert answer.json() == door | {"enabled": False}

    async with house.parts.database.transaction() as session:
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


async def test_a_repeat_with_its_key_makes_nothing_twice(shared_house: House) -> None:
    house = shared_house
    key = await key_of_person(house, "admin")
    body, once = unit(house), new_id("k")
    first = await post(house, key, "agencies", body, once)
    second = await post(house, key, "agencies", body, once)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["idempotent-replayed"] == "true"
    problem(await post(house, key, "agencies", body | {"name": "X"}, once), 422)
    problem(await post(house, key, "agencies", body), 409, "taken")
    answer = await house.browser.post("/api/v1/agencies", json=unit(house), headers=key)
    problem(answer, 400, "idempotency_key_missing")


@pytest.mark.parametrize("role", ["clerk", "finance", "chief", "auditor", "system"])
async def test_nobody_else_sees_or_changes_where_money_goes(shared_house: House, role: str) -> None:
    house = shared_house
    key = dict(house.client.headers) if role == "system" else await key_of_person(house, role)
    key = {"Authorization": key.get("Authorization") or key["authorization"]}
    before = await contents(house.parts.database)
    code = house.body.agency_code
    async with house.parts.database.transaction() as session:
        door = await session.scalar(text("SELECT id FROM gateway_account LIMIT 1"))
    for path, body in (
        ("agencies", unit(house)),
        (f"agencies/{code}/change", {"phone": "1900 1234"}),
        ("accounts", account(code)),
        ("gateway-accounts", gateway(code, house.body.collection_code)),
        (f"gateway-accounts/{door}/change", {"base_url": "https://thief.example"}),
    ):
        problem(await post(house, key, path, body), 403)
    for path in ("agencies", "accounts", "gateway-accounts"):
        problem(await house.browser.get(f"/api/v1/{path}", headers=key), 403)
    assert await contents(house.parts.database) == before


async def test_an_administrator_stays_within_the_own_body(shared_house: House) -> None:
    house = shared_house
    own = await key_of_person(house, "admin")
    async with neighbour_of(house) as other:
        theirs = await key_of_person(house, "admin", agency_id=other.agency_id)
        their_account = await made(house, theirs, "accounts", account(other.code))
        their_door = await made(
            house, theirs, "gateway-accounts", gateway(other.code, their_account["code"])
        )
        before = await contents(house.parts.database)
        code = house.body.agency_code
        for path, body, status in (
            ("agencies", unit(house, parent=other.code), 404),
            ("agencies", {k: v for k, v in unit(house).items() if k != "parent"}, 422),
            (f"agencies/{other.code}/change", {"phone": "1900 1234"}, 404),
            (f"agencies/{code}/change", {"parent": other.code}, 404),
            ("accounts", account(other.code), 404),
            ("gateway-accounts", gateway(other.code, house.body.collection_code), 404),
            ("gateway-accounts", gateway(code, their_account["code"]), 422),
            (f"gateway-accounts/{their_door['id']}/change", {"enabled": False}, 404),
            (
                "gateway-accounts",
                gateway(code, house.body.collection_code, account=their_door["account"]),
                409,
            ),
        ):
            problem(await post(house, own, path, body), status)
        assert await contents(house.parts.database) == before
        for path, thing in (("accounts", their_account), ("gateway-accounts", their_door)):
            assert thing not in await every(house, own, path)
            assert await every(house, theirs, path) == [thing]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"gateway": "vnpay"}, 404, None),
        ({"credentials": {**PAYGOV, "token": ""}}, 422, "credentials.token"),
        ({"credentials": {**PAYGOV, "khac": SECRET}}, 422, "credentials.khac"),
        ({"base_url": "http://pay.example"}, 422, "base_url"),
        ({"base_url": "http://127.0.0.1:8080"}, 422, "base_url"),
        ({"base_url": "https://u:p@pay.example"}, 422, "base_url"),
        ({"collection_account": "khong-co"}, 404, None),
    ],
)
async def test_a_wrong_gateway_is_refused(
    shared_house: House, changes: dict[str, Any], status: int, field: str | None
) -> None:
    house = shared_house
    key = await key_of_person(house, "admin")
    body = gateway(house.body.agency_code, house.body.collection_code) | changes
    answer = await post(house, key, "gateway-accounts", body)
    problem(answer, status, field=field)
    assert SECRET not in answer.text
