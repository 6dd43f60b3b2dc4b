"""What the demo makes up at its first start, and what it does with it at the next."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from adapters.registry import ADAPTERS
from app.demo_seed import DemoSeed, credentials_of, seed_demo
from app.invariants import broken
from app.wiring import parts_of
from core import clock
from core.errors import LephiError
from core.settings import Settings
from payments.agencies.access.models import StaffUser
from payments.agencies.access.rights import Role, Scope
from payments.agencies.access.staff import sign_in
from payments.agencies.access.totp import SECRET_BYTES
from payments.billing.reports.rates import list_rates, sum_credit_of


async def start(url: str, data_dir: Path) -> DemoSeed:
    """Seed as a start of the demo does; the key it tells of is known afterwards."""
    settings = Settings(mode="demo", database_url=url, data_dir=data_dir, log_level="error")
    async with parts_of(settings) as parts:
        told = await seed_demo(parts, data_dir / "demo.json", "http://127.0.0.1:1")
        await parts.keyring.principal(told.api_key)
    return told


async def test_a_later_start_tells_the_same_keys_and_people(
    database_url: str, tmp_path: Path
) -> None:
    first = await start(database_url, tmp_path)
    again = await start(database_url, tmp_path)
    assert again == first
    assert first.vendor_url is not None
    assert "/v/ubnd-ben-mau/LP" in first.vendor_url
    assert (tmp_path / "demo.json").stat().st_mode & 0o777 == 0o600


async def test_most_of_the_demos_vendors_have_paid_and_the_books_agree(
    database_url: str, tmp_path: Path
) -> None:
    await start(database_url, tmp_path)
    # Made once: a later start adds nothing.
    await start(database_url, tmp_path)
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    today = clock.business_date(clock.now())
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        market = str(await session.scalar(text("SELECT id FROM market")))
        this, last = await list_rates(session, [market], today - timedelta(days=70), today)
        assert 85 <= (last.percent or 0) <= 95
        assert 60 <= (this.percent or 0) <= 70
        assert (await sum_credit_of(session, [market]))[market] > 0
        ways = await session.execute(
            text(
                "SELECT p.gateway, r.kind, count(*) FROM payment p JOIN reference r"
                " ON r.reference = p.reference GROUP BY 1, 2"
            )
        )
        counted = {(row[0], row[1]): row[2] for row in ways}
        dated = "SELECT count(*), count(*) FILTER (WHERE created_at = paid_at) FROM payment"
        came = (await session.execute(text(f"{dated} WHERE gateway_ref LIKE 'FTDEMO%'"))).one()
        assert came[0] == came[1] >= 40
        # By the sticker's code, by a bill's, and in cash (of which two are tickets).
        assert counted["bank", "stall"] >= 30
        assert counted["bank", "bill"] >= 10
        assert counted["cash", "stall"] >= 1
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        assert await broken(session) == []


async def test_a_start_that_was_killed_before_its_commit_is_healed_by_the_next(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object, **__: object) -> str:
        raise LephiError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("app.demo_seed.configure_gateway", killed)
        with pytest.raises(LephiError, match="killed"):
            await start(database_url, tmp_path)
    written = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    told = await start(database_url, tmp_path)
    assert told.api_key != written["api_key"], "that one was never committed"
    kept = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    assert kept["api_key"] == told.api_key
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM api_key")) == 1 + len(told.staff)


async def test_everybody_of_the_demo_has_a_key_with_their_role(
    database_url: str, tmp_path: Path
) -> None:
    told = await start(database_url, tmp_path)
    roles = [person["role"] for person in told.staff]
    assert {role: roles.count(role) for role in Role} == dict.fromkeys(Role, 1) | {Role.FINANCE: 2}
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    async with parts_of(settings) as parts:
        portal = await parts.keyring.principal(told.api_key)
        assert portal.scopes == {Scope.BILLS, Scope.RECEIPTS_READ, Scope.WEBHOOKS}
        for person in told.staff:
            assert set(person) == {"email", "password", "role", "totp_secret", "api_key"}
            assert len(base64.b32decode(person["totp_secret"])) == SECRET_BYTES
            found = await parts.keyring.principal(person["api_key"])
            assert found.roles == {Role(person["role"])}
            assert not found.scopes
            async with parts.database.transaction() as session:
                signed_in = await sign_in(session, person["email"], person["password"])
            assert signed_in.actor == found.actor


async def test_a_demo_of_before_gets_its_keys_and_its_collector(
    database_url: str, tmp_path: Path
) -> None:
    await start(database_url, tmp_path)
    kept_at = tmp_path / "demo.json"
    before = json.loads(kept_at.read_text("utf-8"))
    before["staff"] = [
        {name: value for name, value in person.items() if name != "api_key"}
        for person in before["staff"]
        if person["role"] != "collector"
    ]
    kept_at.unlink()
    kept_at.write_text(json.dumps(before), "utf-8")
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    async with parts_of(settings) as parts, parts.database.transaction() as session:
        collector = select(StaffUser.id).where(StaffUser.email == "collector@ben-mau.example.vn")
        await session.execute(text("DELETE FROM api_key WHERE kind = 'person'"))
        await session.execute(text("DELETE FROM recovery_code"))
        await session.execute(text("DELETE FROM staff_factor"))
        # Who has walked stays for good, under another address.
        await session.execute(
            text("UPDATE staff_user SET email = 'another@example.vn' WHERE id = :id"),
            {"id": await session.first(collector)},
        )
    told = await start(database_url, tmp_path)
    assert [person["password"] for person in told.staff[:-1]] == [
        person["password"] for person in before["staff"]
    ]
    async with parts_of(settings) as parts:
        for person in told.staff:
            assert (await parts.keyring.principal(person["api_key"])).roles == {person["role"]}
    assert (await start(database_url, tmp_path)).staff == told.staff


async def test_an_account_is_made_up_at_every_gateway_and_feed_there_is(
    database_url: str, tmp_path: Path
) -> None:
    told = await start(database_url, tmp_path)
    assert set(told.gateways) == set(ADAPTERS)
    for name, values in told.gateways.items():
        assert values["callback_path"] == f"/callbacks/{name}/{values['account']}"
        assert ADAPTERS[name].info.check(credentials_of(values)) == []
    settings = Settings(mode="demo", database_url=database_url, data_dir=tmp_path)
    async with parts_of(settings) as parts:
        for name, values in told.gateways.items():
            account = await parts.payments.agencies.get_gateway(name, values["account"])
            assert account.access.credentials == credentials_of(values)
            assert parts.payments.gateways.reader(account.access).info.name == name


async def test_a_folder_of_an_older_version_gets_the_gateways_that_came_since(
    database_url: str, tmp_path: Path
) -> None:
    first = await start(database_url, tmp_path)
    kept_at = tmp_path / "demo.json"
    kept = json.loads(kept_at.read_text("utf-8"))
    newest = list(ADAPTERS)[-1]
    del kept["gateways"][newest]
    kept_at.write_text(json.dumps(kept), "utf-8")
    again = await start(database_url, tmp_path)
    assert set(again.gateways) == set(ADAPTERS)
    old = {n: v for n, v in first.gateways.items() if n != newest}
    assert {n: v for n, v in again.gateways.items() if n != newest} == old
    assert (await start(database_url, tmp_path)).gateways == again.gateways
