"""The discrepancies of a run: page by page, and as a file that is written while it is fetched."""

import csv
import io
from typing import Any

import pytest

from core.ids import new_id
from reconciliation.cases import discrepancies as working
from reconciliation.days import exports
from tests.api.test_approvals import bank_ref
from tests.support.callbacks import credit
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
    run_id, paged = await run_of(shared_system), working.page_of_worked

    async def forgetful(session: Any, run_id: str, **asked: Any) -> Any:
        return await paged(session, run_id, limit=asked["limit"])

    monkeypatch.setattr("reconciliation.cases.api.page_of_worked", forgetful)
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
        "expected_on",
        "stage",
    ]


async def test_an_unknown_line_comes_with_what_it_may_be(shared_system: System) -> None:
    system = shared_system
    bill = await system.create_bill()
    reference = bill["reference"]
    other = "A" if reference[5] != "A" else "B"
    damaged = f"{reference[:5]}{other}{reference[6:]}"
    await take_statement(system, f"{bill['amount']}|credit|nop phi {damaged}|{new_id('d')}")
    run = await reconcile(system)
    path = f"/api/v1/reconciliations/{run['id']}/suggestions"
    answer = await system.office.get(path)
    assert answer.status_code == 200, answer.text
    some = [one for line in answer.json()["items"] for one in line["suggestions"]]
    (found,) = [one for one in some if one["bills"] == [reference] and one["rule"] == "damaged"]
    assert found["confidence"] >= 95
    assert reference in found["reason"]
    # Nothing came of it by itself.
    assert (await system.read(bill))["status"] == "open"


async def test_a_line_of_several_bills_that_does_not_add_up_comes_with_what_it_may_be(
    shared_system: System,
) -> None:
    """Before anything of it is in the books; a bill counts with what it still takes."""
    system = shared_system
    bills = [await system.create_bill() for _ in range(3)]
    one, two, three = (bill["reference"] for bill in bills)
    amount = bills[0]["amount"]
    part = bank_ref()
    await credit(system, 1_000, one, bank_ref=part)
    damaged = f"{three[:5]}{'A' if three[5] != 'A' else 'B'}{three[6:]}"
    lines = {
        f"{2 * amount - 300}|credit|nop {one} va {two}|{new_id('s')}": (
            "several_other_amount", {one, two},
        ),
        f"{2 * amount}|credit|{two}, {three}, {one}|{new_id('s')}": (
            "several_part", {two, three},
        ),
        # With a reference of the bank's: else it would be given to the bill that it spells rightly.
        f"{2 * amount - 1_000}|credit|{damaged} {one[:8]} {one[8:]}|{new_id('s')}": (
            "several", {one, three},
        ),
    }  # fmt: skip
    await take_statement(system, f"1000|credit|{one}|{part}", *lines)
    run = await reconcile(system)
    answer = await system.office.get(f"/api/v1/reconciliations/{run['id']}/suggestions")
    found = [
        (first["rule"], set(first["bills"]))
        for line in answer.json()["items"]
        for first in line["suggestions"][:1]
        if set(first["bills"]) & {one, two, three}
    ]
    assert sorted(found, key=repr) == sorted(lines.values(), key=repr)
    assert [(await system.read(bill))["status"] for bill in bills] == ["open"] * 3
