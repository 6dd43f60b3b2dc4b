"""A market's stickers over HTTP and on the command line: those that were asked for, in order."""

import re

import httpx2
import pytest

from app.stickers.reading import read_stickers
from core.errors import Invalid
from payments.billing.markets import get_market
from tests.support.pdf import text_of
from tests.support.staff import key_of_person
from tests.support.stalls import CODE, MARKET, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_markets_stickers_lead_to_its_stalls(shared_system: System) -> None:
    system = shared_system
    made = [await stall(system, code) for code in ("S-02", "S-01")]
    clerk = await key_of_person(system, "clerk")

    async def get(address: str) -> httpx2.Response:
        return await system.browser.get(address, headers=clerk)

    answer = await get(f"/api/v1/markets/{MARKET}/stickers.pdf?stall=S-01&stall=S-02")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    said = text_of(answer.content)
    assert re.findall(r"Sạp (S-\d+)", said) == ["S-01", "S-02"]
    for at in made:
        assert f"{system.base_url}/v/{system.body.agency_code}/{at.reference}" in said
    assert CODE not in said
    sheets = await get(f"/api/v1/markets/{MARKET}/stickers.pdf?sheets=true")
    assert sheets.status_code == 200
    unknown = await get(f"/api/v1/markets/{MARKET}/stickers.pdf?stall=S-99")
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["detail"] == "Chợ này không có sạp S-99."


async def test_too_many_at_once_are_refused(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code in ("T-01", "T-02"):
        await stall(shared_system, code)
    monkeypatch.setattr("app.stickers.reading.MOST", 1)
    async with shared_system.parts.database.reading() as session:
        market = await get_market(session, MARKET)
        with pytest.raises(Invalid) as refused:
            await read_stickers(session, shared_system.parts, market)
    assert [fault.code for fault in refused.value.errors] == ["too_many"]
