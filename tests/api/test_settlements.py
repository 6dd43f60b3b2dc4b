"""Gateways' settlement files over the API: taken whole, once, or refused by row and reason."""

from typing import Any

import httpx2
import pytest

from core import clock
from core.ids import new_id
from tests.support.problems import problem
from tests.support.rows import count
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "batch_ref,settled_on,kind,order_ref,gateway_ref,amount,fee,net,paid_at"


def row(ref: str, amounts: str = "5000,55,4945") -> str:
    return f"B1,{clock.business_date(clock.now())},payment,,{ref},{amounts},"


async def send(
    system: System, *rows: str, key: str = "", name: str = "quyet-toan.csv", **form: str
) -> httpx2.Response:
    content = "\n".join((HEADER, *rows)).encode()
    return await system.office.post(
        "/api/v1/settlements",
        files={"file": (name, content, "text/csv")},
        data={"gateway": "paygov/test", "mapping": "lephi-settlement"} | form,
        headers={"Idempotency-Key": key or new_id("k")},
    )


async def taken(system: System, *rows: str, **sent: str) -> dict[str, Any]:
    answer = await send(system, *rows, **sent)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def lines(system: System) -> int:
    return await count(system.parts.database, "settlement_line")


async def test_a_file_is_taken_once_under_whatever_name(shared_system: System) -> None:
    system, before = shared_system, await lines(shared_system)
    rows = (row(new_id("g")), row(new_id("g"), "7000,0,7000"))
    first = await taken(system, *rows)
    told = {name: first[name] for name in ("rows", "new", "amount", "fee", "net", "known")}
    assert told == {
        "rows": 2, "new": 2, "amount": 12_000, "fee": 55, "net": 11_945, "known": False,
    }  # fmt: skip
    again = await taken(system, *rows, name="ten-khac.csv")
    assert (again["id"], again["known"]) == (first["id"], True)
    assert await lines(system) == before + 2
    listed = await system.office.get("/api/v1/settlements", params={"gateway": "paygov/test"})
    assert first["id"] in [one["id"] for one in listed.json()["items"]]


async def test_a_repeated_request_is_done_once(shared_system: System) -> None:
    system, key, one = shared_system, new_id("k"), row(new_id("g"))
    assert await taken(system, one, key=key) == await taken(system, one, key=key)
    other = await send(system, row(new_id("g")), key=key)
    assert other.status_code in (409, 422), other.text


async def test_overlapping_files_give_a_row_once_and_equal_rows_stay_two(
    shared_system: System,
) -> None:
    system, twice, new = shared_system, row(new_id("g")), row(new_id("g"))
    assert (await taken(system, twice, twice))["new"] == 2
    assert (await taken(system, twice, twice, new))["new"] == 1


async def test_a_bad_row_refuses_the_file_and_nothing_is_taken(shared_system: System) -> None:
    system, before = shared_system, await lines(shared_system)
    answer = await send(system, row(new_id("g")), row(new_id("g"), "5000,55,4946"))
    (fault,) = problem(answer, 422, "statement_refused")["errors"]
    assert (fault["field"], fault["code"]) == ("row 3, column net", "net")
    assert "4945" in fault["detail"]
    assert await lines(system) == before


async def test_what_is_no_file_account_or_layout_is_refused(shared_system: System) -> None:
    system, one = shared_system, row(new_id("g"))
    problem(await send(system, one, mapping="napas"), 422, "unknown_mapping")
    problem(await send(system, one, gateway="paygov/other"), 404, "not_found")
    assert (await send(system, one, gateway="paygov")).status_code == 422
    assert (await send(system, one, name="../a.csv")).status_code == 422
    assert (await send(system, one, encoding="utf-7")).status_code == 422
    big = await send(system, "x" * (8 * 2**20))
    assert big.status_code == 413, big.text
