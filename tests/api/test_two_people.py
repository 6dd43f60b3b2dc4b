"""How a body is set up in production: one person asks, another decides, and neither alone can."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from core.ids import new_id
from payments.agencies.access.staff import sign_in
from tests.support.callbacks import credit
from tests.support.gateway_setups import PAYGOV
from tests.support.problems import problem
from tests.support.staff import key_of_person
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

Key = dict[str, str]


class Office:
    """A body in production, with an administrator, a second one, a chief and a clerk."""

    def __init__(self, system: System, people: dict[str, Key]) -> None:
        self.system = system
        self.people = people

    async def post(self, path: str, body: object = None, *, by: Key) -> httpx2.Response:
        headers = by | {"Idempotency-Key": new_id("k")}
        given: dict[str, Any] = {} if body is None else {"json": body}
        return await self.system.browser.post(f"/api/v1{path}", headers=headers, **given)

    async def get(self, path: str, by: Key, **query: str) -> Any:
        answer = await self.system.browser.get(f"/api/v1{path}", headers=by, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def approve(self, approval_id: str, who: str) -> httpx2.Response:
        return await self.post(f"/approvals/{approval_id}/approve", by=self.people[who])

    async def count(self, table: str) -> int:
        async with self.system.parts.database.transaction() as session:
            return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)

    async def audited(self, action: str, object_id: str) -> list[str]:
        """Who is named as having done something."""
        async with self.system.parts.database.transaction() as session:
            found = await session.scalars(
                text("SELECT actor FROM audit_entry WHERE action = :action AND object_id = :id"),
                {"action": action, "id": object_id},
            )
            return list(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(shared_system: System) -> AsyncIterator[Office]:
    system = shared_system
    people = {
        "admin": await key_of_person(system, "admin"),
        "other": await key_of_person(system, "admin"),
        "chief": await key_of_person(system, "chief"),
        "finance": await key_of_person(system, "finance"),
    }
    before = system.app.state.administration
    system.app.state.administration = replace(before, two_people=True)
    try:
        yield Office(system, people)
    finally:
        system.app.state.administration = before


def account(system: System) -> dict[str, Any]:
    code = f"x-{new_id('x')[-12:]}"
    number = str(int(new_id("x")[-10:], 16))[:12]
    body = {"code": code, "kind": "bank", "bank_bin": "970436", "number": number}
    return body | {"holder": "TK THU", "agency": system.body.agency_code}


def person(system: System, role: str = "chief") -> dict[str, Any]:
    email = f"{new_id('p')}@example.vn"
    body = {"agency": system.body.agency_code, "email": email, "name": "Người Mới"}
    return body | {"roles": [role]}


def gateway(system: System) -> dict[str, Any]:
    return {
        "agency": system.body.agency_code,
        "collection_account": system.body.collection_code,
        "gateway": PAYGOV.name,
        "account": f"x-{new_id('x')[-12:]}",
        "base_url": "https://pay.example.vn",
        "credentials": dict(PAYGOV.credentials),
    }


def unit(system: System) -> dict[str, Any]:
    body = {"name": "Đơn vị mới", "name_en": "New unit", "tax_code": "0100109106"}
    body |= {"address": "1 đường Thử", "phone": "024 3333 4444"}
    code = f"x-{new_id('x')[-12:]}"
    return body | {"code": code, "parent": system.body.agency_code}


NEW = {
    "/accounts": (account, "collection_account", "account.created"),
    "/users": (person, "staff_user", "staff.created"),
    "/gateway-accounts": (gateway, "gateway_account", "gateway.configured"),
    "/agencies": (unit, "agency", "agency.created"),
}


@pytest.mark.parametrize("path", NEW)
async def test_what_is_new_waits_for_a_second_person_and_leaves_an_audit_row(
    office: Office, path: str
) -> None:
    made, table, action = NEW[path]
    before = await office.count(table)
    asked = await office.post(path, made(office.system), by=office.people["admin"])
    assert asked.status_code == 202, asked.text
    approval = asked.json().get("approval", asked.json())
    assert (approval["status"], await office.count(table)) == ("proposed", before)
    problem(await office.approve(approval["id"], "admin"), 409, "same_person")
    problem(await office.approve(approval["id"], "finance"), 403)
    done = await office.approve(approval["id"], "other")
    assert done.status_code == 200, done.text
    assert await office.count(table) == before + 1
    (actor,) = await office.audited(action, done.json()["outcome"]["id"])
    assert actor == done.json()["decided_by"] != approval["proposed_by"]
    assert await office.count("proposed_secret") == 0


async def test_a_fault_is_told_to_whoever_asks_and_nothing_stays_of_the_trial(
    office: Office,
) -> None:
    wrong = account(office.system) | {"bank_bin": "123456"}
    audited = await office.count("audit_entry")
    answer = await office.post("/accounts", wrong, by=office.people["admin"])
    problem(answer, 422, "invalid", "bank_bin")
    assert await office.count("audit_entry") == audited


async def test_credentials_that_wait_are_sealed_and_shown_nowhere(office: Office) -> None:
    body = gateway(office.system)
    secret = f"bi-mat-{new_id('s')}"
    body["credentials"]["secret_key"] = secret
    asked = (await office.post("/gateway-accounts", body, by=office.people["admin"])).json()
    assert asked["wanted"]["credentials"] == sorted(body["credentials"])
    shown = str(await office.get("/approvals", office.people["chief"]))
    async with office.system.parts.database.transaction() as session:
        kept = await session.scalars(text("SELECT content FROM proposed_secret"))
        assert all(secret.encode() not in bytes(one) for one in kept)
        rows = await session.scalars(text("SELECT row_to_json(a)::text FROM approval a"))
        assert secret not in shown + "".join(rows)
    rejected = await office.post(
        f"/approvals/{asked['id']}/reject", {"reason": "không"}, by=office.people["chief"]
    )
    assert rejected.status_code == 200, rejected.text
    assert await office.count("proposed_secret") == 0


async def test_a_gateway_is_pointed_elsewhere_by_two_and_taken_away_by_one(
    office: Office,
) -> None:
    made = await office.post("/gateway-accounts", gateway(office.system), by=office.people["admin"])
    gateway_id = (await office.approve(made.json()["id"], "chief")).json()["outcome"]["id"]
    path = f"/gateway-accounts/{gateway_id}/change"
    elsewhere = {"base_url": "https://evil.example.vn"}
    asked = await office.post(path, elsewhere, by=office.people["admin"])
    assert asked.status_code == 202, asked.text
    assert asked.json()["figures"]["before"] == {"base_url": "https://pay.example.vn"}
    again = await office.post(path, elsewhere, by=office.people["other"])
    problem(again, 409, "already_proposed")
    off = await office.post(path, {"enabled": False}, by=office.people["admin"])
    assert (off.status_code, off.json()["enabled"]) == (200, False)
    assert off.json()["base_url"] == "https://pay.example.vn"
    assert len(await office.audited("gateway.configured", gateway_id)) == 2
    assert (await office.approve(asked.json()["id"], "other")).status_code == 200
    listed = await office.get("/gateway-accounts", office.people["admin"], limit="100")
    (now,) = [one for one in listed["items"] if one["id"] == gateway_id]
    assert now["base_url"] == "https://evil.example.vn"


async def test_what_was_shown_must_still_hold(office: Office) -> None:
    body = unit(office.system)
    made = await office.post("/agencies", body, by=office.people["admin"])
    assert (await office.approve(made.json()["id"], "other")).status_code == 200
    path = f"/agencies/{body['code']}/change"
    office.system.parts.keyring.forget()
    asked = await office.post(path, {"phone": "024 5555 6666"}, by=office.people["admin"])
    assert asked.json()["figures"]["before"] == {"phone": "024 3333 4444"}
    async with office.system.parts.database.transaction() as session:
        other = text("UPDATE agency SET phone = '024 7777 8888' WHERE code = :code")
        await session.execute(other, {"code": body["code"]})
    problem(await office.approve(asked.json()["id"], "other"), 409, "stale")


async def test_a_key_opens_nothing_before_somebody_else_has_confirmed_it(office: Office) -> None:
    body = {"agency": office.system.body.agency_code, "label": "cổng"}
    made = await office.post("/api-keys", body, by=office.people["admin"])
    assert (made.status_code, made.json()["confirmed_at"]) == (202, None)
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    read = f"{office.system.base_url}/api/v1/bills"
    problem(await office.system.browser.get(read, headers=key), 401)
    problem(await office.approve(made.json()["approval"], "admin"), 409, "same_person")
    assert (await office.approve(made.json()["approval"], "chief")).status_code == 200
    assert (await office.system.browser.get(read, headers=key)).status_code == 200
    assert len(await office.audited("api_key.confirmed", made.json()["id"])) == 1


async def test_a_key_that_is_not_wanted_is_dead(office: Office) -> None:
    body = {"agency": office.system.body.agency_code, "label": "cổng"}
    made = (await office.post("/api-keys", body, by=office.people["admin"])).json()
    path = f"/approvals/{made['approval']}/reject"
    await office.post(path, {"reason": "ai xin?"}, by=office.people["chief"])
    listed = await office.get("/api-keys", office.people["admin"], limit="1")
    assert listed["items"][0]["revoked_at"] is not None


async def test_neither_who_asks_nor_who_approves_knows_a_new_persons_password(
    office: Office,
) -> None:
    body = person(office.system)
    given = await office.post(
        "/users", body | {"password": "mat-khau-cua-toi"}, by=office.people["admin"]
    )
    problem(given, 422, "invalid", "password")
    asked = (await office.post("/users", body, by=office.people["admin"])).json()
    done = (await office.approve(asked["approval"]["id"], "chief")).json()
    first, second = asked["password_first_half"], done["told_once"]["password_second_half"]
    again = await office.get(f"/approvals/{done['id']}", office.people["chief"])
    assert again["told_once"] is None
    assert second not in str(again)
    database = office.system.parts.database
    async with database.transaction() as session:
        for half in (first, second):
            with pytest.raises(Exception, match="mật khẩu"):
                await sign_in(session, body["email"], half)
        signed_in = await sign_in(session, body["email"], f"{first}-{second}")
        assert signed_in.actor == f"staff:{done['outcome']['id']}"


async def bill_is_safe(office: Office, bill: dict[str, Any]) -> bool:
    """Whether the bill is as it was, without money and without a receipt."""
    await reconcile(office.system)
    await office.system.work()
    now = await office.system.read(bill)
    return now["status"] == "open" and not now["receipts"]


async def forge_a_statement(office: Office, who: Key, bill: dict[str, Any]) -> None:
    """Hand a hand-written statement in, reconcile, and ask and approve by oneself."""
    taken = await take_statement(office.system, f"5000|credit|{bill['reference']}|{new_id('f')}")
    await reconcile(office.system)
    path = f"/statements/{taken['id']}/release"
    asked = await office.post(path, {"reason": "thật"}, by=who)
    if asked.status_code == 202:
        await office.post(f"/approvals/{asked.json()['id']}/approve", by=who)
        await office.post(f"/approvals/{asked.json()['id']}/reject", {"reason": "x"}, by=who)


async def swap_a_secret(office: Office, who: Key, bill: dict[str, Any]) -> None:
    """Make the feed's secret one's own and tell of money."""
    listed = await office.system.browser.get("/api/v1/gateway-accounts", headers=who)
    for one in listed.json().get("items", []):
        swapped = {"credentials": dict(PAYGOV.credentials), "base_url": "https://evil.example.vn"}
        await change_and_approve(office, who, f"/gateway-accounts/{one['id']}/change", swapped)


async def change_and_approve(office: Office, who: Key, path: str, body: dict[str, Any]) -> None:
    asked = await office.post(path, body, by=who)
    approval = asked.json().get("approval", asked.json())
    if asked.status_code == 202 and isinstance(approval, dict):
        await office.post(f"/approvals/{approval['id']}/approve", by=who)


async def make_a_second_person(office: Office, who: Key, bill: dict[str, Any]) -> None:
    """Make a chief whose password one knows."""
    await change_and_approve(office, who, "/users", person(office.system, "chief"))


async def make_an_account(office: Office, who: Key, bill: dict[str, Any]) -> None:
    """Have the money come to an account of one's own."""
    await change_and_approve(office, who, "/accounts", account(office.system))


ATTACKS = (forge_a_statement, swap_a_secret, make_a_second_person, make_an_account)
COUNTED = ("staff_user", "collection_account", "gateway_account")


async def attack(office: Office, who: Key) -> bool:
    """Try everything alone; whether it came to nothing."""
    bill = await office.system.create_bill()
    before = [await office.count(table) for table in COUNTED] + [await gateways(office)]
    for one in ATTACKS:
        await one(office, who, bill)
    after = [await office.count(table) for table in COUNTED] + [await gateways(office)]
    return before == after and await bill_is_safe(office, bill)


async def gateways(office: Office) -> Any:
    async with office.system.parts.database.transaction() as session:
        rows = await session.execute(
            text("SELECT id, base_url, credentials FROM gateway_account ORDER BY id")
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("who", ["admin", "chief", "finance", "portal"])
async def test_nobody_alone_gets_a_bill_paid(office: Office, who: str) -> None:
    keys = office.people | {"portal": dict(office.system.client.headers)}
    key = {"Authorization": keys[who].get("Authorization") or keys[who]["authorization"]}
    assert await attack(office, key)


async def test_one_person_who_needs_no_second_would_be_seen(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: where nothing waits for a second person, the same attack comes off."""
    system = office.system
    me = await key_of_person(system, "admin", "chief", "finance")
    assert await attack(office, me)
    alone = replace(system.app.state.administration, two_people=False)
    with monkeypatch.context() as patch:
        patch.setattr(system.app.state, "administration", alone)
        assert not await attack(office, me)


async def test_a_bill_that_a_forged_statement_pays_would_be_seen(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the reason to wait, a statement pays its bill by itself."""
    system = office.system
    bill = await system.create_bill()
    with monkeypatch.context() as patch:
        patch.setattr("payments.books.credits.STATEMENT", "nobody")
        await forge_a_statement(office, office.people["finance"], bill)
    assert not await bill_is_safe(office, bill)


async def test_money_that_a_feed_tells_of_settles_as_before(office: Office) -> None:
    bill = await office.system.create_bill()
    await credit(office.system, 5000, bill["reference"], bank_ref=new_id("f"))
    assert (await office.system.read(bill))["status"] == "paid"
