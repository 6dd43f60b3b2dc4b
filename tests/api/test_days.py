"""A day of one account: all three comparisons, and where each đồng is."""

from typing import Any

import pytest
import pytest_asyncio

from core import clock
from core.ids import new_id
from tests.api.test_settlements import send
from tests.support.callbacks import call, order_of, result_of
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def day_of(system: System) -> dict[str, Any]:
    on = clock.business_date(clock.now())
    path = f"/api/v1/days/{system.body.collection_code}/{on}"
    answer = await system.office.get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def numbers(shared_system: System) -> list[str]:
    """The gateway's numbers of three payments of 5,000 đ that it has taken just now."""
    found = []
    for _ in range(3):
        bill = await shared_system.create_bill()
        order = order_of(shared_system, await shared_system.start(bill))
        found.append(new_id("t").partition("_")[2][-20:])
        await call(shared_system, result_of(shared_system, order, transaction_no=found[-1]))
    return found


def settled(batch: str, number: str, amount: int = 5000) -> str:
    now = clock.now().isoformat(timespec="seconds")
    on = clock.business_date(clock.now())
    return f"{batch},{on},payment,,{number},{amount},{amount // 100},{amount - amount // 100},{now}"


def paygov(day: dict[str, Any]) -> dict[str, int]:
    (found,) = [one for one in day["settlements"] if one["gateway"] == "paygov"]
    return {kind: tally["count"] for kind, tally in found["classes"].items()}


async def test_a_day_goes_from_the_gateway_to_the_account(
    shared_system: System, numbers: list[str]
) -> None:
    system, batch = shared_system, new_id("b").replace("_", "")
    before = await day_of(system)
    # Waiting is no exception: no file of the day is there yet.
    assert set(paygov(before)) == {"expected"}
    assert before["places"]["in_transit"] >= 15_000
    rows = (settled(batch, numbers[0]), settled(batch, numbers[1], 4000), settled(batch, "x9"))
    assert (await send(system, *rows)).status_code == 201
    day = await day_of(system)
    classes = paygov(day)
    assert (classes["matched"], classes["amount_mismatch"]) == (1, 1)
    assert classes["unknown_in_settlement"] == 1
    assert classes["missing_in_settlement"] == paygov(before)["expected"] - 2
    (own,) = [one for one in day["batches"] if one["batch_ref"] == batch]
    assert (own["kind"], own["amount"], own["fee"], own["net"]) == ("missing", 14_000, 140, 13_860)
    places = day["places"]
    assert places["on_the_way"] == before["places"]["on_the_way"] + 13_860
    assert places["with_gateways"] + places["on_the_way"] == places["in_transit"]
    (told,) = day["settlements"]
    assert {one["kind"] for one in told["differences"]} == {
        *("amount_mismatch", "unknown_in_settlement", "missing_in_settlement"),
    }

    await take_statement(system, f"13860|credit|QT {batch}|{new_id('f')}", "900|debit|quet|S1")
    await reconcile(system)
    day = await day_of(system)
    (own,) = [one for one in day["batches"] if one["batch_ref"] == batch]
    assert (own["kind"], len(own["credits"])) == ("matched", 1)
    assert day["places"]["on_the_way"] == before["places"]["on_the_way"]
    assert day["run"] is not None
    assert day["places"]["swept"] >= 900
    assert day["credits"]["debits"]["sum"] == day["places"]["swept"]


async def pages_of(system: System, what: str, **query: str) -> list[dict[str, Any]]:
    """All pages of a day's list, two at a time."""
    on = clock.business_date(clock.now())
    path = f"/api/v1/days/{system.body.collection_code}/{on}/{what}"
    found: list[dict[str, Any]] = []
    query |= {"limit": "2"}
    while True:
        answer = await system.office.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def test_a_day_is_read_page_by_page_and_says_by_which_rule(
    shared_system: System, numbers: list[str]
) -> None:
    system = shared_system
    for _ in range(3):
        await send(system, settled(new_id("b").replace("_", ""), new_id("n")))
    day = await day_of(system)
    places = await pages_of(system, "settlements", gateway="paygov")
    names = [one["payment"] or one["lines"][0] for one in places]
    assert names == sorted(set(names))
    assert sum(tally["count"] for tally in day["settlements"][0]["classes"].values()) == len(names)
    matched = await pages_of(system, "settlements", gateway="paygov", kind="matched")
    assert {one["rule"] for one in matched} <= {"gateway_ref", "order_ref"}
    assert len(matched) == paygov(day).get("matched", 0)
    batches = await pages_of(system, "batches")
    assert batches == day["batches"]
    assert sum(tally["count"] for tally in day["batch_classes"].values()) == len(batches)
    assert numbers


async def test_all_money_of_the_books_is_in_a_place(
    shared_system: System, numbers: list[str]
) -> None:
    places = (await day_of(shared_system))["places"]
    had = places["in_transit"] + places["on_account"] + places["gateway_fee"]
    kept = ("revenue", "suspense", "refundable", "paying_back", "paid_back", "reversed")
    assert had == sum(places[name] for name in kept)
    assert had >= 15_000
    assert numbers


async def test_two_batches_that_one_credit_fits_are_ambiguous_and_a_wrong_day_is_refused(
    shared_system: System,
) -> None:
    system, names = shared_system, [new_id("b").replace("_", "") for _ in range(2)]
    await send(system, *(settled(name, new_id("n")) for name in names))
    await take_statement(system, f"4950|credit|QT {' '.join(names)}|{new_id('f')}")
    found = {one["batch_ref"]: one["kind"] for one in (await day_of(system))["batches"]}
    assert [found[name] for name in names] == ["ambiguous", "ambiguous"]
    path = f"/api/v1/days/{system.body.collection_code}/2026-02-30"
    assert (await system.office.get(path)).status_code == 422
