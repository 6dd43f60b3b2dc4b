"""`lephi webhook` as an operator uses it."""

import asyncio
import json
from pathlib import Path

import pytest

from core.db import Database
from payments.agencies.queries import find_agency
from payments.events import BillPaid
from payments.webhooks.handlers import tell_of_bills
from tests.support.command_families import Lephi, commands_of
from tests.support.proposing import add_body

URL = "https://1.1.1.1/hooks"


async def fill(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        await add_body(session, "phuong-a")
    await database.dispose()


async def tell(url: str) -> None:
    database = Database(url, pool_size=1)
    async with database.transaction() as session:
        agency = await find_agency(session, "phuong-a")
        assert agency is not None
        await tell_of_bills(session, [BillPaid("bill_1", agency.id, 1)])
    await database.dispose()


@pytest.fixture
def lephi(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lephi:
    asyncio.run(fill(database_url))
    return commands_of("webhook", database_url, tmp_path, monkeypatch)


def test_a_receiver_from_its_making_to_a_replay(lephi: Lephi, database_url: str) -> None:
    words = ("--agency", "phuong-a", "--url", URL, "--types", "bill.paid", "--json")
    made = json.loads(lephi("create", *words).stdout)
    assert made["secret"].startswith("whsec_")
    (listed,) = json.loads(lephi("list", "--json").stdout)
    assert "secret" not in listed
    assert (listed["url"], listed["types"]) == (URL, ["bill.paid"])
    assert "phuong-a" in lephi("list").stdout
    asyncio.run(tell(database_url))
    (told,) = json.loads(lephi("messages", made["id"], "--unacknowledged", "--json").stdout)
    assert (told["object_id"], told["state"], told["attempts"]) == ("bill_1", "waiting", 0)
    assert "waiting" in lephi("messages", made["id"]).stdout
    # Nothing was set aside yet.
    assert json.loads(lephi("replay", made["id"], "1", "--json").stdout) == {"messages": 0}


def test_what_is_wrong_is_one_line(lephi: Lephi) -> None:
    refused = lephi("create", "--agency", "phuong-a", "--url", "https://10.0.0.1/", code=1)
    assert "url" in refused.output
    assert "bill.lost" in lephi(
        "create", "--agency", "phuong-a", "--url", URL, "--types", "bill.lost", code=1
    ).output  # fmt: skip
    lephi("messages", "we_none", code=1)
