"""The catalogue over HTTP: what a key sees, in words."""

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
from payments.catalogue.api import router
from payments.catalogue.prices import PriceBook
from payments.catalogue.rules.certainty import Certainty
from tests.support.system_builder import SystemTemplate

#: 01/01/2027 has begun in Vietnam, while it is still 2026 in UTC.
NEW_YEAR = datetime(2026, 12, 31, 17, 0, tzinfo=UTC)


@pytest.fixture
async def client(system_template: SystemTemplate) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the key of a ward of Hà Nội."""
    ward = system_template.seeded.body
    own = ward.agency_id
    caller = Principal("key:1", "1", own, frozenset({own}), frozenset(), frozenset(PORTAL_SCOPES))
    app = FastAPI()
    app.include_router(router)
    problems.install(app)
    app.dependency_overrides[RequiredRight(Action.READ_PRICES)] = lambda: caller
    transport = httpx2.ASGITransport(app=app)
    with system_template.copy() as url:
        app.state.database = Database(url, pool_size=2)
        app.state.price_book = PriceBook(check_every=0)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client
        await app.state.database.dispose()


async def read(client: httpx2.AsyncClient, path: str, **query: str | int) -> dict[str, Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_procedure_shows_its_fee_priced_and_explained(client: httpx2.AsyncClient) -> None:
    found = await read(client, "/procedures/2.000815", quantity=3, copies=2)
    assert found["name_vi"] == "Chứng thực bản sao từ bản chính giấy tờ, văn bản"
    assert found["code_certainty"] == "confirmed"
    (fee,) = found["fees"]
    basis = "TT 226/2016/TT-BTC, Điều 4"
    assert fee["price"] == {
        "quantity": 3,
        "copies": 2,
        "value": None,
        "full_amount": 10_000,
        "amount": 10_000,
        "explanation_vi": f"3 trang: 2 × 2.000 đ + 1 × 1.000 đ; nhân 2 bản; {basis}",
        "explanation_en": f"3 pages: 2 × 2,000 VND + 1 × 1,000 VND; times 2 copies; {basis}",
        "relief": None,
    }
    assert fee["tariff_vi"].startswith("2.000 đ mỗi trang; từ trang thứ 3: 1.000 đ")
    assert (fee["basis"], fee["sub_item"]) == ("TT 226/2016/TT-BTC, Điều 4", "2716")
    assert (fee["certainty"], fee["scope"]) == ("confirmed", "national")
    assert (fee["valid_from"], fee["valid_to"]) == ("2017-01-01", None)


async def test_a_key_sees_the_fees_of_its_own_agency(client: httpx2.AsyncClient) -> None:
    found = await read(client, "/procedures/1.001193")
    assert {(fee["code"], fee["scope"], fee["price"]["amount"]) for fee in found["fees"]} == {
        ("khai-sinh-dung-han", "national", 0),
        ("khai-sinh-qua-han", "agency", 5000),
    }


async def test_the_price_shown_is_that_of_the_day_in_vietnam(client: httpx2.AsyncClient) -> None:
    with clock.frozen(NEW_YEAR) as now:
        found = await read(client, "/procedures/2.001195")
        assert [fee["price"]["amount"] for fee in found["fees"]] == [50_000]
        now.move_to(datetime(2026, 12, 31, 16, 59, 59, tzinfo=UTC))
        found = await read(client, "/procedures/2.001195")
        assert [fee["price"]["amount"] for fee in found["fees"]] == [25_000]


async def test_another_agencys_prices_are_not_told(client: httpx2.AsyncClient) -> None:
    own = await read(client, "/procedures/1.001193", agency="ubnd-ben-mau")
    assert own == await read(client, "/procedures/1.001193")
    for path in ("/procedures/1.001193", "/procedures"):
        assert (await client.get(path, params={"agency": "phuong-b"})).status_code == 404


async def test_what_is_not_confirmed_is_marked_so(client: httpx2.AsyncClient) -> None:
    found = await read(client, "/procedures/2.001195")
    assert found["code_certainty"] == "secondary"
    found = await read(client, "/procedures/1.004194")
    (fee,) = [fee for fee in found["fees"] if fee["code"] == "tam-tru"]
    assert fee["certainty"] == "secondary"
    (online,) = [relief for relief in fee["reliefs"] if relief["code"] == "truc-tuyen-tam-tru"]
    assert online["certainty"] == "secondary"
    found = await read(client, "/procedures/1.004222")
    marks = {relief["certainty"] for fee in found["fees"] for relief in fee["reliefs"]}
    assert marks == set(Certainty)


async def test_a_procedure_is_read_under_the_code_of_a_level(client: httpx2.AsyncClient) -> None:
    found = await read(client, "/procedures/1.115970")
    assert found == await read(client, "/procedures/1.013067")
    assert (found["code"], found["commune_code"]) == ("1.013067", "1.115970")
    found = await read(client, "/procedures/1.011437")
    assert "1.011437" in found["other_codes"]
    assert (found["ministry_code"], found["province_code"]) == (None, None)


async def test_a_code_that_stands_for_several_procedures_names_them(
    client: httpx2.AsyncClient,
) -> None:
    answer = await client.get("/procedures/1.116410")
    assert (answer.status_code, answer.json()["code"]) == (404, "ambiguous")
    for code in ("2.000200", "2.001194", "2.001195"):
        assert code in answer.json()["detail"]
    found = await read(client, "/procedures", query="1.116410")
    assert [item["code"] for item in found["items"]] == ["2.000200", "2.001194", "2.001195"]


async def test_procedures_are_found_by_words_and_followed_by_cursor(
    client: httpx2.AsyncClient,
) -> None:
    found = await read(client, "/procedures", query="chung thuc hop dong")
    codes = [item["code"] for item in found["items"]]
    assert {"2.000913", "2.000927", "2.001035"} <= set(codes)
    assert codes == sorted(codes)
    assert found["next_cursor"] is None
    after = await read(client, "/procedures", query="chung thuc hop dong", cursor=codes[0])
    assert after["items"] == found["items"][1:]


@pytest.mark.parametrize(
    "path",
    [
        "/procedures?cursor=%00",
        "/procedures?cursor=a%20b",
        f"/procedures?query={'a' * 201}",
        "/procedures/2.000815?quantity=0",
        "/procedures/2.000815?quantity=10001",
        "/procedures/2.000815?copies=1001",
        "/procedures/2.000815?quantity=1e3",
        "/procedures/2.000815?relief=ho-ngheo",
        "/procedures/2.000815?born_on=9999-12-31",
    ],
)
async def test_a_malformed_question_is_refused(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 422
