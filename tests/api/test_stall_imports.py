"""A file of stalls over the API: an id to ask about, loaded by the worker, each row once."""

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from core import failpoints, outbox
from core.ids import new_id
from core.sessions import ReadSession
from payments.billing import importing
from payments.billing.imports import commands
from payments.billing.loading import MarketValue
from payments.billing.sheets import StallRow
from tests.support.every_route import Things, keys_of
from tests.support.rows import dump
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

MARKET = {"name": "Chợ Tệp", "name_en": "File Market", "market_class": 2}
LOADER = "billing.load_stall_files"
HEADING = "Mã sạp,Loại,Diện tích (m²),Mã tiểu thương,Họ tên,Điện thoại,Từ ngày"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def things(shared_system: System) -> Things:
    return Things(shared_system, await keys_of(shared_system, shared_system.body.agency_id))


def sheet(count: int, prefix: str, *more: str) -> bytes:
    rows = [
        f"{prefix}{one},covered,6,TT{prefix}{one},Nguyễn Thị {one},0912000{one:03},01/01/2026"
        for one in range(count)
    ]
    return "\n".join([HEADING, *rows, *more]).encode()


async def new_market(things: Things) -> str:
    body = {"agency": things.system.body.agency_code, "code": new_id("cho")[-12:]}
    answer = await send(things, "/markets", json=body | MARKET)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def send(things: Things, path: str, key: str = "", **body: Any) -> httpx2.Response:
    headers = things.client("finance") | {"Idempotency-Key": key or new_id("k")}
    return await things.system.browser.post(f"/api/v1{path}", headers=headers, **body)


async def give(things: Things, market: str, content: bytes, key: str = "") -> httpx2.Response:
    file = {"file": ("sap.csv", content, "text/csv")}
    return await send(things, f"/markets/{market}/import", key, files=file)


async def read(things: Things, import_id: str) -> dict[str, Any]:
    path = f"/api/v1/stall-imports/{import_id}"
    answer = await things.system.browser.get(path, headers=things.client("auditor"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def stalls_of(system: System, market: str) -> list[str]:
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT s.code FROM stall s JOIN market m ON m.id = s.market_id"
            " WHERE m.code = :code ORDER BY s.code"
        )
        return [str(row[0]) for row in await session.execute(wanted, {"code": market})]


async def test_a_file_is_loaded_after_its_answer_and_tells_how_far_it_is(
    things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands.take_import, "__kwdefaults__", {"size": 2})
    market, content = await new_market(things), sheet(5, "P")
    taken = await give(things, market, content, key := new_id("k"))
    assert taken.status_code == 202, taken.text
    told = taken.json()
    assert (told["state"], told["rows"], told["rows_done"]) == ("loading", 5, 0)
    # A repeat has the same answer; the same file under another key is the same file.
    assert (await give(things, market, content, key)).json() == told
    assert (await give(things, market, content)).json()["id"] == told["id"]
    assert "import_under_way" in (await give(things, market, sheet(1, "Q"))).text
    # What is kept until then names nobody.
    kept = "\n".join((await dump(things.system.parts.database)).values())
    assert "Nguyễn Thị 4" not in kept
    await things.system.work()
    done = await read(things, told["id"])
    assert (done["state"], done["rows_done"], done["errors"]) == ("done", 5, [])
    assert (done["stalls"], done["vendors"], done["contracts"], done["known"]) == (5, 5, 5, 0)
    assert await stalls_of(things.system, market) == [f"P{one}" for one in range(5)]


async def test_the_same_file_again_adds_only_what_is_new(things: Things) -> None:
    market = await new_market(things)
    await give(things, market, sheet(2, "R"))
    await things.system.work()
    again = (await give(things, market, sheet(3, "R"))).json()
    assert (again["state"], again["known"]) == ("loading", 2)
    await things.system.work()
    done = await read(things, again["id"])
    assert (done["state"], done["stalls"], done["known"]) == ("done", 1, 2)
    whole = (await give(things, market, sheet(3, "R"))).json()
    assert (whole["state"], whole["rows_done"], whole["known"]) == ("done", 3, 3)


async def test_the_same_file_again_goes_on_where_nobody_else_does(things: Things) -> None:
    """The worker failed at it until it was given up: it goes on, and nothing is left aside."""
    system, market = things.system, await new_market(things)
    given = (await give(things, market, sheet(2, "T"))).json()
    failpoints.configure("stalls.before_commit=raise")
    try:
        for _ in range(outbox.MAX_ATTEMPTS):
            async with system.parts.database.transaction() as session:
                due = text("UPDATE outbox_delivery SET due_at = now() WHERE state = 'waiting'")
                await session.execute(due)
            await system.work()
    finally:
        failpoints.clear()
    assert await set_aside(system) == [LOADER]
    await system.work()
    assert (await read(things, given["id"]))["state"] == "loading"
    assert (await give(things, market, sheet(2, "T"))).json()["id"] == given["id"]
    await system.work()
    assert (await read(things, given["id"]))["state"] == "done"
    assert await set_aside(system) == []


async def set_aside(system: System) -> list[str]:
    async with system.parts.database.reading() as session:
        return [one.handler for one in await outbox.list_set_aside(session)]


async def test_a_fault_is_told_before_anything_is_taken(things: Things) -> None:
    market = await new_market(things)
    refused = await give(things, market, sheet(2, "S", "S9,covered,rộng,,,,"))
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "row 4, column Diện tích (m²)"
    await things.system.work()
    assert await stalls_of(things.system, market) == []


async def test_a_file_of_headings_alone_is_refused(things: Things) -> None:
    market = await new_market(things)
    refused = await give(things, market, HEADING.encode())
    assert refused.status_code == 422, refused.text
    assert [one["code"] for one in refused.json()["errors"]] == ["empty"]


async def test_what_somebody_else_writes_meanwhile_stops_it_and_says_where(things: Things) -> None:
    market = await new_market(things)
    taken = (await give(things, market, sheet(2, "U"))).json()
    other = {"code": "U1", "kind": "open", "area": 900}
    written = await send(things, f"/markets/{market}/stalls", json={"stalls": [other]})
    assert written.status_code == 201, written.text
    await things.system.work()
    done = await read(things, taken["id"])
    assert (done["state"], done["rows_done"]) == ("stopped", 0)
    assert [one["field"] for one in done["errors"]] == ["row 3, column Mã sạp"]
    async with things.system.parts.database.transaction() as session:
        kept = await session.scalar(text("SELECT count(*) FROM stall_batch"))
    assert kept == 0
    # The file is mended, and goes on from there.
    mended = sheet(1, "U", "U1,open,9,,,,")
    again = (await give(things, market, mended)).json()
    await things.system.work()
    assert (await read(things, again["id"]))["state"] == "done"


async def test_a_long_file_is_held_against_what_is_there_piece_by_piece(
    things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So whoever else asks waits for a piece; the faults are told in the file's order."""
    pieces, known = list[int](), importing._known

    async def noted(session: ReadSession, market: MarketValue, rows: Sequence[StallRow]) -> Any:
        pieces.append(len(rows))
        return await known(session, market, rows)

    market = await new_market(things)
    await give(things, market, sheet(12, "X"))
    await things.system.work()
    monkeypatch.setattr(importing, "_known", noted)
    monkeypatch.setattr(importing, "_PIECE", 5)
    refused = await give(things, market, sheet(12, "X").replace(b"covered", b"open"))
    assert refused.status_code == 422
    assert pieces == [5, 5, 2]
    told = [one["field"] for one in refused.json()["errors"]]
    assert told == [f"row {number}, column Mã sạp" for number in range(2, 14)]


async def test_a_contract_bears_the_number_that_stands_on_its_paper(things: Things) -> None:
    """Such numbers have Vietnamese letters: 01/HĐ-BQLC/2026."""
    market = await new_market(things)
    rows = f"{HEADING},Số hợp đồng\nY1,covered,6,TTY1,Bà Hai,0912000111,01/01/2026,01/HĐ-BQLC/2026"
    given = (await give(things, market, rows.encode())).json()
    await things.system.work()
    assert (await read(things, given["id"]))["state"] == "done"
    ended = {"stall": "Y1", "vendor": "TTY1", "first_on": "2025-01-01", "last_on": "2025-12-31"}
    path = f"/markets/{market}/contracts"
    written = await send(things, path, json=ended | {"number": "Phụ lục 2-HĐ", "services": {}})
    assert written.status_code == 201, written.text
    live = await send(things, path, json=ended | {"number": "=1+1", "services": {}})
    assert live.status_code == 422


async def test_phones_that_got_their_nought_back_are_told_by_row(
    things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By row alone: a telephone number stands nowhere but sealed."""
    monkeypatch.setattr(commands.take_import, "__kwdefaults__", {"size": 2})
    system, market = things.system, await new_market(things)
    await give(things, market, sheet(1, "Z"))
    await system.work()
    # Row 2 is there and stays; the phones of rows 3 and 5 lack their 0.
    content = (
        sheet(4, "Z").replace(b"0912000001", b"912000001").replace(b"0912000003", b"912000003")
    )
    content = content.replace(b"0912000000", b"912000000")
    given = (await give(things, market, content)).json()
    assert (given["mended_phones"], given["mended_rows"]) == (0, [])
    await system.work()
    done = await read(things, given["id"])
    assert (done["state"], done["mended_phones"], done["mended_rows"]) == ("done", 2, [3, 5])
    assert "912000003" not in "\n".join((await dump(system.parts.database)).values())
    vendors = await system.browser.get(
        "/api/v1/vendors", params={"limit": 100}, headers=things.client("finance")
    )
    phones = {one["code"]: one["phone"] for one in vendors.json()["items"]}
    assert [phones[f"TTZ{one}"] for one in range(4)] == [f"091200000{one}" for one in range(4)]
