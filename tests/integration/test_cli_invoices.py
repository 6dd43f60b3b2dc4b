"""`lephi invoices` as an operator uses it."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from core.crypto import Cipher
from core.db import Database
from tests.support.command_families import Lephi, commands_of
from tests.support.invoicing import invoicing, want_one

KIND = ("--form", "2", "--coding", "C", "--making", "M", "--series", "AA")


async def fill(url: str) -> None:
    """A body, and an invoice of its that was set aside."""
    database = Database(url, pool_size=1)
    await want_one(invoicing(database, Cipher(b"c" * 32)), "http://127.0.0.1:9")
    async with database.transaction() as session:
        await session.execute(text("UPDATE invoice SET state = 'set_aside', due_at = NULL"))
    await database.dispose()


async def change(url: str, values: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        await session.execute(text(f"UPDATE invoice SET {values}"))
    await database.dispose()


@pytest.fixture
def lephi(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    asyncio.run(fill(database_url))
    return commands_of("invoices", database_url, tmp_path, monkeypatch)


def test_an_account_is_set_up_and_taken_away(lephi: Lephi, tmp_path: Path) -> None:
    file = tmp_path / "invoices.json"
    file.write_text('{"url": "https://hoadon.example.vn", "token": "canary"}')
    lephi("account", "--agency", "phuong-a", "--access", str(file), *KIND)
    (listed,) = json.loads(lephi("accounts", "--json").stdout)
    assert (listed["agency"], listed["form"], listed["series"]) == ("phuong-a", "2", "AA")
    shown = lephi("accounts", "--agency", "phuong-a").output
    assert "C…MAA" in shown
    assert "canary" not in shown
    lephi("remove-account", "--agency", "phuong-a")
    assert "không hóa đơn nào được lập" in lephi("accounts").output
    lephi("remove-account", "--agency", "phuong-a", code=1)


def test_what_is_wrong_is_said_and_no_secret(lephi: Lephi, tmp_path: Path) -> None:
    file = tmp_path / "invoices.json"
    file.write_text('{"url": "http://hoadon.example.vn", "secret": "canary"}')
    words = ("account", "--agency", "phuong-a", "--access", str(file))
    refused = lephi(*words, *KIND, "--vat", "8", code=1).output
    for name in ("token", "secret", "url", "vat_percent"):
        assert name in refused
    assert "canary" not in refused
    assert "provider" in lephi(*words, *KIND, "--provider", "fax", code=1).output


def test_an_account_is_reached_by_another_address(lephi: Lephi, tmp_path: Path) -> None:
    (before,) = json.loads(lephi("accounts", "--json").stdout)
    file = tmp_path / "invoices.json"
    file.write_text('{"url": "https://hoadon.example.vn", "token": "canary"}')
    done = lephi("renew-account", before["id"], "--access", str(file)).output
    assert "canary" not in done
    assert json.loads(lephi("accounts", "--json").stdout) == [before]
    assert {one["account_id"] for one in json.loads(lephi("list", "--json").stdout)} == {
        before["id"]
    }
    file.write_text('{"url": "https://hoadon.example.vn"}')
    assert "token" in lephi("renew-account", before["id"], "--access", str(file), code=1).output
    lephi("renew-account", "invaccount_none", "--access", str(file), code=1)


def test_one_that_was_set_aside_is_asked_for_again(lephi: Lephi) -> None:
    (one,) = json.loads(lephi("list", "--state", "set_aside", "--json").stdout)
    assert (one["agency"], one["amount"]) == ("phuong-a", 5000)
    assert "set_aside" in lephi("list").stdout
    lephi("replay", one["id"])
    (again,) = json.loads(lephi("list", "--json").stdout)
    assert again["state"] == "waiting"
    lephi("replay", one["id"], code=1)
    lephi("replay", "invoice_none", code=1)
    lephi("list", "--state", "lost", code=1)


def test_what_is_to_be_adjusted_is_listed_until_it_is(lephi: Lephi, database_url: str) -> None:
    assert json.loads(lephi("list", "--wants-adjustment", "--json").stdout) == []
    issued = "state = 'issued', number = 7, issued_at = now(), money_back = 1500"
    asyncio.run(change(database_url, issued))
    (one,) = json.loads(lephi("list", "--wants-adjustment", "--json").stdout)
    words = ("adjusted", one["id"], "--document")
    lephi(*words, "2C26MAA-9", "--money-back", "1000", code=1)
    # What names no invoice is no document, and is written down nowhere.
    refused = lephi(*words, "Nguyễn Văn A", "--money-back", "1500", code=1).output
    assert "document" in refused
    lephi(*words, "2C26MAA-9", "--money-back", "1500")
    assert json.loads(lephi("list", "--wants-adjustment", "--json").stdout) == []
    lephi(*words, "2C26MAA-9", "--money-back", "1500", code=1)
