"""The discrepancies of a run: page by page, and as a file that is written while it is fetched."""

import csv
import io
from typing import Any

import pytest

from core.ids import new_id
from reconciliation import exports, queries
from tests.support.problems import problem
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

_FOUND = 7


async def run_of(system: System) -> str:
    """A run that leaves some lines to people, of one with words that a spreadsheet calculates."""
    name = new_id("d")
    lines = [f"{1000 + n}|credit|khong ro {name} {n}|{name}{n}" for n in range(_FOUND - 1)]
    await take_statement(system, *lines, f"999|credit|=1+1 {name}|{name}X")
    return str((await reconcile(system))["id"])


async def pages(system: System, run_id: str, limit: int) -> list[list[dict[str, Any]]]:
    """Every page, one after the other, but no more than there can be."""
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    for _ in range(100):
        answer = await system.office.get(
            f"/api/v1/reconciliations/{run_id}/discrepancies", params={"limit": str(limit)} | cursor
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.append(page["items"])
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
    raise AssertionError("the pages do not end")


async def check_pages(system: System, run_id: str) -> None:
    (whole,) = await pages(system, run_id, 1_000)
    assert len(whole) >= _FOUND
    assert [(odd["side"], odd["object"]) for odd in whole] == sorted(
        (odd["side"], odd["object"]) for odd in whole
    )
    some = await pages(system, run_id, 3)
    assert [len(page) for page in some[:-1]] == [3] * (len(some) - 1)
    assert [odd for page in some for odd in page] == whole


async def test_pages_make_up_the_list(shared_system: System) -> None:
    await check_pages(shared_system, await run_of(shared_system))


async def test_a_page_that_forgets_where_it_was_is_seen(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, paged = await run_of(shared_system), queries.page_of_discrepancies

    async def forgetful(session: Any, run_id: str, *, cursor: str | None, limit: int) -> Any:
        return await paged(session, run_id, limit=limit)

    monkeypatch.setattr("reconciliation.api.page_of_discrepancies", forgetful)
    with pytest.raises(AssertionError):
        await check_pages(shared_system, run_id)


async def test_a_page_has_an_end(shared_system: System) -> None:
    run_id = await run_of(shared_system)
    path = f"/api/v1/reconciliations/{run_id}/discrepancies"
    problem(await shared_system.office.get(path, params={"limit": 1_001}), 422)
    problem(await shared_system.office.get(path, params={"limit": 0}), 422)
    problem(await shared_system.office.get(path, params={"cursor": "'"}), 422)


async def test_the_file_holds_the_whole_list_over_several_pages(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_PAGE", 2)
    run_id = await run_of(shared_system)
    (whole,) = await pages(shared_system, run_id, 1_000)
    answer = await shared_system.office.get(f"/api/v1/reconciliations/{run_id}/discrepancies.csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert "content-length" not in answer.headers, "it is sent as it is written"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["id"] for row in rows] == [odd["id"] for odd in whole]
    assert [int(row["amount"]) for row in rows] == [odd["amount"] for odd in whole]
    assert list(rows[0]) == [
        "id",
        "side",
        "object",
        "class",
        "reference",
        "amount",
        "other_amount",
        "reason",
    ]
