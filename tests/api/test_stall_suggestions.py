"""Money that names no reference: which stall it may be for is suggested, and nothing is done."""

from typing import Any

import pytest
from sqlalchemy import text

from core import clock
from payments.billing.suggesting import suggestions
from payments.bills.names import hash_of_name
from payments.books.destination import MOST_AT_ONCE
from tests.support.callbacks import credit
from tests.support.every_route import Things, keys_of
from tests.support.markup import tree_of, words_of
from tests.support.staff_browser import form_of, new_person, staff_browser
from tests.support.stalls import StallAtHand, stall
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def waiting_of(system: System, amount: int) -> str:
    """The item of the money of that sum that waits."""
    async with system.parts.database.transaction() as session:
        found = await session.scalar(
            text("SELECT id FROM suspense_item WHERE amount = :a AND closed_at IS NULL"),
            {"a": amount},
        )
        return str(found)


async def suggested(system: System, item: str, who: str = "auditor") -> list[dict[str, Any]]:
    things = Things(system, await keys_of(system, system.body.agency_id))
    path = f"/api/v1/suspense/{item}/suggestions"
    answer = await system.browser.get(path, headers=things.client(who))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def named(at: StallAtHand, name: str) -> None:
    """Whoever holds the stall is called so."""
    context, agency_id = at.system.parts.payments, at.system.body.agency_id
    hashed = hash_of_name(context.request_key, agency_id, name)
    async with at.system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE payer_data SET name_hash = :hash WHERE subject_id = :vendor"),
            {"hash": hashed, "vendor": at.vendor_id},
        )


async def test_a_slip_in_the_reference_comes_before_code_name_and_sum(
    shared_system: System,
) -> None:
    system = shared_system
    by_slip = await stall(system, "X-11")
    by_code, by_name = await stall(system, "X-12"), await stall(system, "X-13")
    by_sum, nothing = await stall(system, "X-14"), await stall(system, "X-15")
    for at in (by_slip, by_code, by_name, nothing):
        await at.owe(200_000)
    await by_sum.owe(311_017)
    await named(by_name, "Lê Thị Hạnh Phúc")
    said = by_slip.reference[:-1] + ("A" if by_slip.reference[-1] != "A" else "B")
    words = f"{said} le thi hanh phuc nop tien sap x12"
    await credit(system, 311_017, words)
    await system.work()
    item = await waiting_of(system, 311_017)
    found = await suggested(system, item)
    assert [(one["stall"], one["clues"]) for one in found] == [
        *((("X-11", ["reference"])), ("X-12", ["code"]), ("X-13", ["name"]), ("X-14", ["amount"]))
    ]
    assert found[0]["bills"] == [by_slip.bills[0]["reference"]]
    assert (found[0]["owed"], found[3]["owed"]) == (200_000, 311_017)
    # Nothing was done by itself: the money waits whole, and nobody's bill is paid.
    assert await waiting_of(system, 311_017) == item
    for at in (by_slip, by_code, by_name, by_sum):
        assert await at.statuses() == ["open"]
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        page = (await clerk.get(f"/staff/suspense?at={item}")).text
        assert "Chỉ là gợi ý" in words_of(page)
        assert "mã gần đúng mã của sạp" in words_of(page)
        filled = (
            await clerk.get(f"/staff/suspense?at={item}&bill={by_slip.bills[0]['reference']}")
        ).text
        form = form_of(filled, "/staff/suspense")
        assert form["bill"] == by_slip.bills[0]["reference"]
        assert 'value="assign" checked' in filled


async def test_what_is_owed_in_all_counts_as_the_sum_and_bills_come_in_order(
    shared_system: System,
) -> None:
    system, at = shared_system, await stall(shared_system, "Y-21")
    later = await at.owe(90_000, due_in=40)
    sooner = await at.owe(80_000, due_in=1)
    await credit(system, 170_000, "sap Y 21 nop")
    await system.work()
    (one,) = await suggested(system, await waiting_of(system, 170_000))
    assert (one["stall"], one["clues"]) == ("Y-21", ["code", "amount"])
    assert one["bills"] == [sooner["reference"], later["reference"]]


async def test_a_bill_that_is_paid_in_part_is_no_longer_owed_whole(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "Y-22")
    await at.owe(84_000)
    await credit(system, 20_000, at.reference)
    await credit(system, 84_000, "sap Y22")
    await system.work()
    (one,) = await suggested(system, await waiting_of(system, 84_000))
    assert (one["clues"], one["owed"]) == (["code"], 64_000)


async def test_a_name_of_who_held_it_before_is_no_clue(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "Z-31")
    await at.owe(75_000)
    await named(at, "Đinh Văn Cũ Kỹ")
    await at.hand_over(clock.business_date(clock.now()))
    await credit(system, 64_123, "dinh van cu ky nop")
    await system.work()
    assert await suggested(system, await waiting_of(system, 64_123)) == []


async def test_no_more_bills_are_suggested_than_money_is_assigned_to_at_once(
    shared_system: System,
) -> None:
    """A vendor who pays by the day is soon owing for thirty of them."""
    system, at = shared_system, await stall(shared_system, "V-51")
    for day in range(30):
        await at.owe(1_000, due_in=day)
    await credit(system, 30_000, "sap V51 nop het")
    await system.work()
    item = await waiting_of(system, 30_000)
    (one,) = await suggested(system, item)
    assert (one["owed"], one["bills"]) == (
        30_000,
        [bill["reference"] for bill in at.bills[:MOST_AT_ONCE]],
    )
    async with staff_browser(system, await new_person(system, "finance")) as clerk:
        await clerk.sign_in()
        page = (await clerk.get(f"/staff/suspense?at={item}")).text
        (link,) = tree_of(page).xpath("//a[contains(., 'Điền các khoản của sạp này')]/@href")
        filled = await clerk.get(link)
        assert filled.status_code == 200
        form = form_of(filled.text, "/staff/suspense")
        asked = await clerk.post("/staff/suspense", form | {"kind": "assign", "reason": "xem rồi"})
        assert asked.status_code == 303, words_of(asked.text)


async def test_names_are_looked_for_at_bodies_with_a_market_alone(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends a transfer chooses its words; a province has hundreds of bodies."""
    system, hashed = shared_system, set[str]()

    def counted(key: bytes, agency_id: str, name: str) -> str | None:
        hashed.add(agency_id)
        return hash_of_name(key, agency_id, name)

    monkeypatch.setattr(suggestions, "hash_of_name", counted)
    await stall(system, "V-52")
    await credit(system, 41_003, " ".join(["nguyen", "van", "an", "nop"] * 10))
    await system.work()
    item, own = await waiting_of(system, 41_003), system.body.agency_id
    within = {own, *(f"agency_{number}" for number in range(300))}
    context = system.parts.payments
    async with system.parts.database.reading() as session:
        await suggestions.suggest_stalls(session, context.cipher, context.request_key, item, within)
    assert hashed == {own}


async def test_money_for_a_stall_or_of_no_stall_has_none(shared_system: System) -> None:
    system, at = shared_system, await stall(shared_system, "W-41")
    await credit(system, 55_321, f"{at.reference} sap W-41")
    await credit(system, 55_322, "chuyen tien")
    await system.work()
    for amount in (55_321, 55_322):
        assert await suggested(system, await waiting_of(system, amount)) == []
