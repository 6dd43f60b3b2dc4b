"""The preview of planned changes over HTTP, and what the commands say of the seed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from core import clock, problems
from core.db import Database
from payments.agencies.access.principals import Principal, RequiredRight
from payments.agencies.access.rights import PORTAL_SCOPES, Action
from payments.catalogue.prices import PriceBook
from payments.catalogue.upkeep.changes.api import router
from tests.support.system_builder import SystemTemplate

#: Noon in Vietnam on 22/11/2026.
NOON = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@pytest.fixture
async def client(system_template: SystemTemplate) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the key of a ward of Hà Nội, over the seed."""
    ward = system_template.seeded.body
    own = ward.agency_id
    caller = Principal("key:1", "1", own, frozenset({own}), frozenset(), frozenset(PORTAL_SCOPES))
    app = FastAPI()
    problems.install(app)
    app.include_router(router)
    app.dependency_overrides[RequiredRight(Action.READ_PRICES)] = lambda: caller
    transport = httpx2.ASGITransport(app=app)
    with system_template.copy() as url:
        app.state.database = Database(url, pool_size=2)
        app.state.price_book = PriceBook(check_every=0)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        await app.state.database.dispose()


async def read(client: httpx2.AsyncClient, **query: str) -> dict[str, Any]:
    answer = await client.get("/catalogue/changes", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_reliefs_of_2026_are_seen_to_end(client: httpx2.AsyncClient) -> None:
    found = await read(client, **{"from": "2027-03-01", "to": "2027-03-01"})
    assert (found["from"], found["to"]) == ("2027-03-01", "2027-03-01")
    (day,) = found["days"]
    assert day["day"] == "2027-03-01"
    assert day["count"] == len(day["changes"]) >= 14
    by_fee = {change["fee"]: change for change in day["changes"]}
    residence = by_fee["thuong-tru"]
    assert (residence["kind"], residence["procedure"]) == ("relief", "1.004222")
    assert "TT 117/2026/TT-BTC" in residence["before_vi"]
    assert residence["after_vi"].endswith("không còn miễn, giảm này")
    assert residence["after_en"].endswith("no longer that relief")
    # A fee of Hà Nội's own schedule, which the ward collects by.
    assert by_fee["khai-sinh-qua-han"]["kind"] == "relief"


async def test_left_out_the_days_are_a_year_from_today(client: httpx2.AsyncClient) -> None:
    with clock.frozen(NOON):
        found = await read(client)
    assert (found["from"], found["to"]) == ("2026-11-22", "2027-11-22")
    days = [day["day"] for day in found["days"]]
    assert days == sorted(days)
    assert {"2027-01-01", "2027-03-01"} <= set(days)
    assert await read(client, **{"from": "2027-11-01", "to": "2027-11-02"}) == {
        "from": "2027-11-01",
        "to": "2027-11-02",
        "days": [],
    }


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2027-03-01", "to": "2027-02-28"},
        {"from": "2026-11-22", "to": "2031-12-01"},
        {"from": "tomorrow"},
        {"to": "2027-02-30"},
    ],
)
async def test_days_out_of_order_too_many_or_none_are_refused(
    client: httpx2.AsyncClient, query: dict[str, str]
) -> None:
    answer = await client.get("/catalogue/changes", params=query)
    assert answer.status_code == 422
    fields = [error["field"] for error in answer.json()["errors"]]
    assert fields in (["to"], ["from"])


async def test_the_last_days_there_are_can_be_asked_for(client: httpx2.AsyncClient) -> None:
    assert (await read(client, **{"from": "9999-12-31"}))["days"] == []
    assert (await read(client, **{"from": "0001-01-01", "to": "0001-01-02"}))["days"] == []
