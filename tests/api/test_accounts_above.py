"""An administrator below says nothing of the money on an account of a body above."""

from typing import Any

import httpx2
from sqlalchemy import text

from core.ids import new_id
from tests.support.staff import key_of_person
from tests.support.system import System

SECRET = "chi-quan-tri-cua-to-biet-khoa-nay"
UNIT = {
    "code": "to-1",
    "name": "Tổ",
    "name_en": "Desk",
    "tax_code": "0100109106",
    "address": "1 đường Thử",
    "phone": "024 3333 4444",
}


async def post(
    system: System, headers: dict[str, str], path: str, body: dict[str, Any]
) -> httpx2.Response:
    keyed = headers | {"Idempotency-Key": new_id("test")}
    return await system.browser.post(f"/api/v1/{path}", json=body, headers=keyed)


async def feed_of(system: System) -> dict[str, Any]:
    """A feed of the unit's for the account of the body above it."""
    async with system.parts.database.transaction() as session:
        found = await session.execute(text("SELECT code, account_number FROM collection_account"))
        account = found.one()
    return {
        "agency": "to-1",
        "gateway": "sepay",
        "account": "to-1",
        "collection_account": account.code,
        "base_url": "https://x.example",
        "credentials": {"account_number": account.account_number, "secret": SECRET},
    }


async def test_a_unit_adds_no_feed_to_the_account_of_the_body_above(system: System) -> None:
    chief = await key_of_person(system, "admin")
    made = await post(system, chief, "agencies", UNIT | {"parent": system.body.agency_code})
    async with system.parts.database.transaction() as session:
        unit = await session.scalar(text("SELECT id FROM agency WHERE code = 'to-1'"))
    below = await key_of_person(system, "admin", agency_id=unit)
    feed = await feed_of(system)
    refused = await post(system, below, "gateway-accounts", feed)
    assert (made.status_code, refused.status_code) == (201, 422), refused.text
    assert refused.json()["errors"][0]["code"] == "not_yours"
    # The body itself may, and what it has set up its unit does not get the key of.
    allowed = await post(system, chief, "gateway-accounts", feed)
    assert allowed.status_code == 201, allowed.text
    change = f"gateway-accounts/{allowed.json()['id']}/change"
    for what in ({"credentials": feed["credentials"] | {"secret": "khac"}}, {"enabled": False}):
        taken = await post(system, below, change, what)
        assert (taken.status_code, taken.json()["code"]) == (422, "invalid"), taken.text
    assert (await post(system, chief, change, {"enabled": False})).status_code == 200
