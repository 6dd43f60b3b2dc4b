"""A settlement file that is issued again supersedes by version: two people see what differs."""

from typing import Any

import httpx2
import pytest

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.problems import problem
from tests.support.settlements import (
    HEADER,
    new_batch,
    paid_at_gateway,
    pay_over,
    settled,
    take_settlement,
    undo_payout,
)
from tests.support.staff import FinanceOffice, finance_office
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def taken(system: System, *rows: str) -> dict[str, Any]:
    answer = await take_settlement(system, *rows)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def reissue(office: FinanceOffice, settlement: str, *rows: str) -> httpx2.Response:
    """The clerk gives the newer version of a file."""
    content = "\n".join((HEADER, *rows)).encode()
    return await office.system.browser.post(
        f"/api/v1/settlements/{settlement}/versions",
        files={"file": ("ban-moi.csv", content, "text/csv")},
        data={"mapping": "lephi-settlement", "reason": "cổng phát hành lại"},
        headers=office.clerk | {"Idempotency-Key": new_id("k")},
    )


async def lines_of(system: System, settlement: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        answer = await system.office.get(f"/api/v1/settlements/{settlement}/lines", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def batch(system: System, name: str) -> dict[str, Any] | None:
    answer = await system.office.get(
        "/api/v1/settlements/batches", params={"gateway": "paygov/test", "limit": 1000}
    )
    return next((one for one in answer.json()["items"] if one["batch_ref"] == name), None)


def rows_of(name: str, *amounts: int, numbers: list[str]) -> list[str]:
    return [
        settled(name, number, amount, 10) for number, amount in zip(numbers, amounts, strict=False)
    ]


async def test_a_file_issued_again_shows_what_differs_and_takes_its_place(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, numbers = new_batch(), [new_id("g") for _ in range(4)]
    first = await taken(system, *rows_of(name, 5000, 6000, 7000, numbers=numbers))
    # The second has changed, the third is gone, the fourth is new.
    newer = [*rows_of(name, 5000, 6500, numbers=numbers), settled(name, numbers[3], 8000, 10)]
    again = await take_settlement(system, *newer)
    told = problem(again, 409, "settlement_reissued")
    assert first["id"] in told["detail"]
    assert told["errors"][0]["field"] == "row 3"
    asked = await reissue(office, first["id"], *newer)
    assert asked.status_code == 202, asked.text
    assert asked.json()["settlement"] is None
    approval = asked.json()["approval"]
    figures = approval["figures"]
    assert figures["differing"] == {"added": 1, "gone": 1, "changed": 1}
    assert (figures["net_before"], figures["net"]) == (17_970, 19_470)
    changed = next(one for one in figures["differences"] if one["change"] == "changed")
    assert (changed["before"]["amount"], changed["after"]["amount"]) == (6000, 6500)
    before = await batch(system, name)
    assert before is not None
    assert before["net"] == 17_970
    done = await office.approve(approval)
    second = done["outcome"]["settlement"]
    assert done["outcome"]["version"] == 2
    now = await batch(system, name)
    assert now is not None
    assert (now["net"], now["lines"]) == (19_470, 3)
    assert sorted(one["amount"] for one in await lines_of(system, second)) == [5000, 6500, 8000]
    gone = [one for one in await lines_of(system, first["id"]) if not one["stands"]]
    assert sorted(one["amount"] for one in gone) == [6000, 7000]
    listed = await system.office.get("/api/v1/settlements", params={"gateway": "paygov/test"})
    by_id = {one["id"]: one for one in listed.json()["items"]}
    assert by_id[first["id"]]["superseded_at"] is not None
    assert (by_id[second]["version"], by_id[second]["replaces"]) == (2, first["id"])
    # What was superseded comes back neither by itself nor by its name.
    stale = await take_settlement(system, *rows_of(name, 5000, 6000, 7000, numbers=numbers))
    problem(stale, 409, "settlement_superseded")
    problem(await reissue(office, first["id"], *newer), 409, "settlement_superseded")
    assert await system.broken() == []


async def test_what_says_the_same_changes_nothing_and_needs_nobody(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, numbers = new_batch(), [new_id("g") for _ in range(2)]
    rows = rows_of(name, 5000, 5000, numbers=numbers)
    first = await taken(system, *rows)
    same = (await reissue(office, first["id"], *reversed(rows))).json()
    assert (same["settlement"]["id"], same["settlement"]["known"]) == (first["id"], True)
    assert same["approval"] is None
    # The time of a payment within its day counts for nothing.
    on = rows[0].split(",")[1]
    timed = [f"{rows[0]}{on}T09:00:00+07:00", rows[1]]
    told = (await reissue(office, first["id"], *timed)).json()
    assert (told["settlement"]["version"], told["settlement"]["known"]) == (2, False)
    now = await batch(system, name)
    assert now is not None
    assert (now["lines"], now["net"]) == (2, 9980)


async def test_equal_rows_are_counted_and_one_of_them_may_go(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, row = new_batch(), ""
    row = settled(name, new_id("g"), 5000, 10)
    first = await taken(system, row, row, row)
    asked = await reissue(office, first["id"], row, row)
    figures = asked.json()["approval"]["figures"]
    assert figures["differing"] == {"added": 0, "gone": 1, "changed": 0}
    await office.approve(asked.json()["approval"])
    now = await batch(system, name)
    assert now is not None
    assert now["lines"] == 2


async def test_the_order_of_files_does_not_matter_and_twice_changes_nothing(
    shared_system: System,
) -> None:
    system = shared_system
    found = []
    for turned in (False, True):
        name, numbers = new_batch(), [new_id("g") for _ in range(4)]
        rows = rows_of(name, 5000, 6000, 7000, 7000, numbers=numbers)
        twice = settled(name, new_id("g"), 900, 10)
        files = [[rows[0], rows[1], twice, twice], [rows[1], rows[2], twice], [rows[3], rows[0]]]
        for rows_told in (*(reversed(files) if turned else files), files[1]):
            await taken(system, *rows_told)
        own = await batch(system, name)
        assert own is not None
        found.append((own["lines"], own["gross"], own["fee"], own["net"]))
    assert found[0] == found[1] == (6, 26_800, 60, 26_740)


async def test_a_line_that_another_file_holds_stays(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, numbers = new_batch(), [new_id("g") for _ in range(3)]
    rows = rows_of(name, 5000, 6000, 7000, numbers=numbers)
    first = await taken(system, rows[0], rows[1])
    other = await taken(system, rows[1], rows[2])
    assert (first["new"], other["new"]) == (2, 1)
    asked = await reissue(office, first["id"], rows[0])
    await office.approve(asked.json()["approval"])
    now = await batch(system, name)
    assert now is not None
    assert now["lines"] == 3
    assert all(one["stands"] for one in await lines_of(system, other["id"]))


async def test_a_batch_that_was_paid_over_is_undone_first(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, (number,) = new_batch(), await paid_at_gateway(system)
    first = await taken(system, settled(name, number, 5000, 10))
    await credit(system, 4990, "CK DEN", bank_ref=new_id("ft"))
    waiting = await office.suspense(limit="100")
    payment = max(one["payment"] for one in waiting if one["amount"] == 4990)
    done = await pay_over(office, payment, name)
    newer = settled(name, number, 5000, 20)
    problem(await reissue(office, first["id"], newer), 409, "batch_paid")
    further = settled(name, new_id("g"), 5000, 10)
    problem(await take_settlement(system, further), 409, "batch_paid")
    await undo_payout(office, done["outcome"]["payout"])
    asked = await reissue(office, first["id"], newer)
    assert asked.status_code == 202, asked.text
    await office.approve(asked.json()["approval"])
    assert await system.broken() == []


async def test_a_rejected_version_is_forgotten(shared_system: System) -> None:
    system, office = shared_system, await finance_office(shared_system)
    name, number = new_batch(), new_id("g")
    first = await taken(system, settled(name, number, 5000, 10))
    asked = await reissue(office, first["id"], settled(name, number, 5000, 20))
    approval = asked.json()["approval"]["id"]
    done = await office.post(f"/approvals/{approval}/reject", {"reason": "sai"}, by=office.chief)
    assert done.status_code == 200, done.text
    now = await batch(system, name)
    assert now is not None
    assert now["fee"] == 10
    again = await reissue(office, first["id"], settled(name, number, 5000, 30))
    assert again.status_code == 202, again.text


async def test_a_payment_that_is_settled_in_parts_is_said_to_be(shared_system: System) -> None:
    system, name, number = shared_system, new_batch(), new_id("g")
    await taken(system, settled(name, number, 5000, 10))
    other = settled(new_batch(), number, 2000, 10)
    problem(await take_settlement(system, other), 409, "settlement_reissued")
    answer = await take_settlement(system, other, separate="true")
    assert answer.status_code == 201, answer.text
