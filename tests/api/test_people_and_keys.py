"""People and API keys over HTTP: made, seen, ended, each within an administrator's own agency."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core.errors import Unauthenticated
from core.ids import new_id
from payments.agencies.access import principals
from payments.agencies.access.api_keys import create_api_key, revoke_api_key
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Role
from payments.agencies.access.staff import create_staff_user, sign_in
from tests.support.neighbour import neighbour_of
from tests.support.problems import problem
from tests.support.rows import contents, dump
from tests.support.system import System, client_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS, USERS = "/api/v1/api-keys", "/api/v1/users"
PASSWORD = "mat-khau-thu-nghiem"


def email() -> str:
    return f"{new_id('p')}@example.vn"


@asynccontextmanager
async def acting(system: System, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(system.base_url, key) as client:
        yield client


class Admin:
    """An administrator, with a client that sends their key."""

    def __init__(self, staff_id: str, mail: str, client: httpx2.AsyncClient) -> None:
        self.id, self.email, self.client = staff_id, mail, client

    async def send(self, path: str, key: str | None = None, **body: Any) -> httpx2.Response:
        headers = {"Idempotency-Key": key or new_id("k")}
        return await self.client.post(path, json=body, headers=headers)

    async def made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.send(path, **body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def admin_of(system: System, agency_id: str | None = None) -> AsyncIterator[Admin]:
    mail, agency_id = email(), agency_id or system.body.agency_id
    async with system.parts.database.transaction() as session:
        person = await create_staff_user(
            session,
            agency_id=agency_id,
            email=mail,
            name="Quản Trị",
            password=PASSWORD,
            roles=[Role.ADMIN],
        )
        _, key = await create_api_key(session, agency_id=agency_id, label="own", staff_id=person.id)
    async with acting(system, key) as client:
        yield Admin(person.id, mail, client)


async def deeds(system: System, object_id: str) -> list[tuple[str, str]]:
    async with system.parts.database.transaction() as session:
        found = await session.execute(
            text("SELECT actor, action FROM audit_entry WHERE object_id = :id ORDER BY id"),
            {"id": object_id},
        )
        return [(row.actor, row.action) for row in found]


def five_seconds_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if no process had asked the database for as long as one may believe a key."""
    monkeypatch.setattr(principals, "monotonic", lambda: monotonic() + 5.0)


async def test_a_portals_key_is_made_used_seen_and_revoked(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = shared_system
    async with admin_of(system) as admin:
        made = await admin.made(KEYS, label="cổng dịch vụ công")
        assert made["scopes"] == ["bills", "receipts:read"]
        assert (made["kind"], made["user"], made["revoked_at"]) == ("system", None, None)
        assert made["agency"] == system.body.agency_code
        listed = (await admin.client.get(KEYS, params={"limit": 1})).json()
        secret = made.pop("key")
        assert made.pop("approval") is None
        assert listed["items"] == [made]
        async with acting(system, secret) as portal:
            assert (await portal.get("/api/v1/bills")).status_code == 200
            problem(await portal.get("/api/v1/catalogue/proposals"), 403, "scope_missing")
            revoked = await admin.client.post(f"{KEYS}/{made['id']}/revoke")
            assert revoked.json()["revoked_at"] is not None
            again = await admin.client.post(f"{KEYS}/{made['id']}/revoke")
            assert again.json() == revoked.json()
            with monkeypatch.context() as patch:
                five_seconds_later(patch)
                problem(await portal.get("/api/v1/bills"), 401, "unauthenticated")
        who = f"staff:{admin.id}"
        assert await deeds(system, made["id"]) == [
            (who, "api_key.created"),
            (who, "api_key.revoked"),
        ]
    assert await system.broken() == []


async def test_a_process_that_believed_a_key_for_longer_would_be_seen(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with admin_of(shared_system) as admin:
        made = await admin.made(KEYS, label="cổng")
        async with acting(shared_system, made["key"]) as portal:
            assert (await portal.get("/api/v1/bills")).status_code == 200
            await admin.client.post(f"{KEYS}/{made['id']}/revoke")
            with monkeypatch.context() as patch:
                patch.setattr(principals, "CACHE_SECONDS", 60.0)
                five_seconds_later(patch)
                assert (await portal.get("/api/v1/bills")).status_code == 200
                patch.setattr(principals, "CACHE_SECONDS", 5.0)
                problem(await portal.get("/api/v1/bills"), 401)


async def test_a_key_that_is_revoked_while_it_is_looked_up_lives_no_longer(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The five seconds begin with the look, however long the database takes to answer."""
    system, keyring = shared_system, shared_system.parts.keyring
    async with system.parts.database.transaction() as session:
        key, secret = await create_api_key(
            session, agency_id=system.body.agency_id, label="đang xem"
        )
    look_up, passed = keyring._look_up, 0.0

    async def slowly(hashed: str) -> Principal:
        nonlocal passed
        found = await look_up(hashed)
        async with system.parts.database.transaction() as session:
            await revoke_api_key(session, key.id)
        passed = 4.0
        return found

    with monkeypatch.context() as patch:
        patch.setattr(principals, "monotonic", lambda: passed)
        patch.setattr(keyring, "_look_up", slowly)
        await keyring.principal(secret)
        patch.setattr(keyring, "_look_up", look_up)
        passed = 5.0
        with pytest.raises(Unauthenticated):
            await keyring.principal(secret)


async def test_a_key_has_the_scopes_it_was_given(shared_system: System) -> None:
    async with admin_of(shared_system) as admin:
        made = await admin.made(KEYS, label="kế toán", scopes=["reconciliation", "statements"])
        assert made["scopes"] == ["statements", "reconciliation"]
        async with acting(shared_system, made["key"]) as accounting:
            problem(await accounting.get("/api/v1/bills"), 403, "scope_missing")
            found = await accounting.get("/api/v1/reconciliations/none")
            problem(found, 404)


async def test_a_person_is_made_works_and_is_disabled(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, mail = shared_system, email()
    async with admin_of(system) as admin:
        made = await admin.made(
            USERS, email=mail.upper(), name="Nguyễn Văn Mới", roles=["finance", "clerk"]
        )
        password = made.pop("password")
        assert made["email"] == mail
        assert made["roles"] == ["clerk", "finance"]
        assert len(password) >= 12
        listed = (await admin.client.get(USERS, params={"limit": 1})).json()
        assert listed["items"] == [made]
        async with system.parts.database.transaction() as session:
            signed_in = await sign_in(session, mail, password)
            _, key = await create_api_key(
                session, agency_id=system.body.agency_id, label="own", staff_id=made["id"]
            )
        assert signed_in.actor == f"staff:{made['id']}"
        assert signed_in.roles == {Role.CLERK, Role.FINANCE}
        async with acting(system, key) as person:
            assert (await person.get("/api/v1/bills")).status_code == 200
            done = await admin.client.post(f"{USERS}/{made['id']}/disable")
            assert done.json()["disabled_at"] is not None
            again = await admin.client.post(f"{USERS}/{made['id']}/disable")
            assert again.json() == done.json()
            with monkeypatch.context() as patch:
                five_seconds_later(patch)
                problem(await person.get("/api/v1/bills"), 401, "unauthenticated")
        async with system.parts.database.transaction() as session:
            with pytest.raises(Unauthenticated):
                await sign_in(session, mail, password)
        who = f"staff:{admin.id}"
        assert await deeds(system, made["id"]) == [(who, "staff.created"), (who, "staff.disabled")]


async def test_a_password_that_is_given_is_not_given_back(shared_system: System) -> None:
    mail = email()
    async with admin_of(shared_system) as admin:
        made = await admin.made(
            USERS, email=mail, name="Người", roles=["collector"], password=PASSWORD
        )
    assert made["password"] is None
    async with shared_system.parts.database.transaction() as session:
        assert (await sign_in(session, mail, PASSWORD)).roles == {Role.COLLECTOR}


async def test_a_repeat_makes_nothing_and_shows_the_same_secret(shared_system: System) -> None:
    system = shared_system
    async with admin_of(system) as admin:
        bodies: tuple[tuple[str, dict[str, Any]], ...] = (
            (KEYS, {"label": "hai lần"}),
            (USERS, {"email": email(), "name": "Hai Lần", "roles": ["clerk"]}),
        )
        for path, body in bodies:
            key = new_id("k")
            first = await admin.send(path, key, **body)
            before = await contents(system.parts.database)
            again = await admin.send(path, key, **body)
            assert (first.status_code, again.status_code) == (201, 201)
            assert again.content == first.content
            assert again.headers["idempotent-replayed"] == "true"
            assert await contents(system.parts.database) == before
            reused = await admin.send(path, key, **body, agency="khac")
            problem(reused, 422, "idempotency_key_reused")
            problem(await admin.send(path, new_id("k"), **body, agency="khac"), 404)
            other = {name: f"{value}x" for name, value in body.items() if name != "roles"}
            problem(await admin.send(path, key, **(body | other)), 422, "idempotency_key_reused")
            problem(await admin.client.post(path, json=body), 400, "idempotency_key_missing")


async def test_no_secret_is_kept_in_the_clear(shared_system: System) -> None:
    system = shared_system
    async with admin_of(system) as admin:
        key = (await admin.made(KEYS, label="bí mật"))["key"]
        user = await admin.made(USERS, email=email(), name="Bí Mật", roles=["clerk"])
    kept = await dump(system.parts.database)
    for secret in (key, user["password"]):
        forms = (secret, secret.encode().hex())
        assert [name for name, rows in kept.items() if any(one in rows for one in forms)] == []
    # The search does find what is there.
    assert [name for name, rows in kept.items() if user["email"] in rows] == ["staff_user"]


async def test_an_administrator_makes_no_administrator_and_nobody_elses_key(
    shared_system: System,
) -> None:
    system = shared_system
    async with admin_of(system) as admin, admin_of(system) as other:
        before = await contents(system.parts.database)
        body: dict[str, Any] = {"email": email(), "name": "Ai Đó", "roles": ["clerk", "admin"]}
        problem(await admin.send(USERS, **body), 403, "operator_only")
        problem(await admin.send(KEYS, label="x", user=other.email), 403, "operator_only")
        refused = await admin.send(KEYS, label="x", user=admin.email, scopes=["bills"])
        problem(refused, 422, field="scopes")
        problem(await admin.send(KEYS, label="x", user="khong.co@example.vn"), 404)
        assert await contents(system.parts.database) == before
        own = await admin.made(KEYS, label="máy thứ hai", user=admin.email.upper())
        assert (own["kind"], own["user"], own["scopes"]) == ("person", admin.email, [])
        async with acting(system, own["key"]) as second:
            assert (await second.get(USERS)).status_code == 200


async def test_an_administrator_reaches_units_and_nobody_elses_people(
    shared_system: System,
) -> None:
    system = shared_system
    async with (
        admin_of(system) as admin,
        neighbour_of(system, unit=True) as unit,
        neighbour_of(system) as stranger,
        admin_of(system, unit.agency_id) as below,
        admin_of(system, stranger.agency_id) as apart,
    ):
        system.parts.keyring.forget()
        made = await admin.made(KEYS, label="của đơn vị", agency=unit.code)
        person = await admin.made(
            USERS, email=email(), name="Của Đơn Vị", roles=["clerk"], agency=unit.code
        )
        assert (made["agency"], person["agency"]) == (unit.code, unit.code)
        listed = (await admin.client.get(KEYS, params={"agency": unit.code})).json()["items"]
        assert {one["agency"] for one in listed} == {unit.code}
        everybody = (await admin.client.get(USERS, params={"limit": 100})).json()["items"]
        assert {one["agency"] for one in everybody} >= {unit.code, system.body.agency_code}
        assert stranger.code not in {one["agency"] for one in everybody}
        for other in (below, apart):
            for code in (system.body.agency_code, "khong-co"):
                body: dict[str, Any] = {
                    "email": email(),
                    "name": "X",
                    "roles": ["clerk"],
                    "agency": code,
                }
                problem(await other.send(USERS, **body), 404)
                problem(await other.send(KEYS, label="x", agency=code), 404)
                problem(await other.client.get(USERS, params={"agency": code}), 404)
                problem(await other.client.get(KEYS, params={"agency": code}), 404)
            problem(await other.client.post(f"{USERS}/{admin.id}/disable"), 404)
        problem(await apart.client.post(f"{KEYS}/{made['id']}/revoke"), 404)
        problem(await apart.client.post(f"{USERS}/{person['id']}/disable"), 404)
        done = await admin.client.post(f"{USERS}/{person['id']}/disable")
        assert done.json()["disabled_at"] is not None


@pytest.mark.parametrize(
    ("path", "change", "field"),
    [
        (USERS, {"email": "khong phai"}, "email"),
        (USERS, {"email": "a\u0000@example.vn"}, "email"),
        (USERS, {"name": "  "}, "name"),
        (USERS, {"name": "a\nb"}, "name"),
        (USERS, {"roles": []}, "roles"),
        (USERS, {"roles": ["emperor"]}, "roles"),
        (USERS, {"password": "ngan-qua"}, "password"),
        (USERS, {"password": "x" * 201}, "password"),
        (USERS, {"more": 1}, "more"),
        (KEYS, {"label": ""}, "label"),
        (KEYS, {"label": "a\u0000"}, "label"),
        (KEYS, {"label": "x" * 101}, "label"),
        (KEYS, {"scopes": []}, "scopes"),
        (KEYS, {"scopes": ["admin"]}, "scopes"),
        (KEYS, {"scopes": "bills"}, "scopes"),
        (KEYS, {"user": "ai do"}, "user"),
    ],
)
async def test_what_cannot_be_is_refused_by_its_field(
    shared_system: System, path: str, change: dict[str, Any], field: str
) -> None:
    good: dict[str, Any] = {"label": "x"}
    if path == USERS:
        good = {"email": email(), "name": "Người", "roles": ["clerk"]}
    async with admin_of(shared_system) as admin:
        before = await contents(shared_system.parts.database)
        problem(await admin.send(path, **(good | change)), 422, field=field)
        assert await contents(shared_system.parts.database) == before


async def test_an_address_is_one_persons(shared_system: System) -> None:
    async with admin_of(shared_system) as admin:
        body: dict[str, Any] = {"email": admin.email.upper(), "name": "Người", "roles": ["clerk"]}
        found = problem(await admin.send(USERS, **body), 422, field="email")
        assert found["errors"][0]["code"] == "taken"


async def test_a_list_goes_on_after_its_cursor(shared_system: System) -> None:
    async with admin_of(shared_system) as admin:
        made = [(await admin.made(KEYS, label=f"{n}"))["id"] for n in range(3)]
        first = (await admin.client.get(KEYS, params={"limit": 2})).json()
        second = (
            await admin.client.get(KEYS, params={"limit": 2, "cursor": first["next_cursor"]})
        ).json()
        seen = [one["id"] for one in (*first["items"], *second["items"])]
        assert seen[:3] == made[::-1]
        problem(await admin.client.get(KEYS, params={"cursor": "'"}), 422)
