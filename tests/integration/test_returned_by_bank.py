"""The bank takes a credit back: an alert, and two people reverse what waits of it."""

from typing import Any

from sqlalchemy import text

from core.ids import new_id
from tests.support.callbacks import credit
from tests.support.places import looking
from tests.support.staff import finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


def bank_ref() -> str:
    return f"FT26{int(new_id('ft')[-10:], 16) % 10**10:010d}"


async def alerts(system: System) -> list[dict[str, Any]]:
    async with system.parts.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT object_id, details FROM audit_entry"
                " WHERE action = 'payment.returned_by_bank' ORDER BY id"
            )
        )
        return [dict(row) for row in rows.mappings()]


def there_and_back(amount: int, words: str, ref: str) -> tuple[str, str]:
    """The lines of a credit and of the debit that returns it."""
    return f"{amount}|credit|{words}|{ref}", f"{amount}|debit|HOAN TRA {words}|{ref}"


async def returned(system: System) -> dict[str, Any]:
    """Two people reverse the only money that waits, because the bank took it back."""
    office = await finance_office(system)
    (item,) = await office.suspense()
    return await office.approve(await office.propose(item["id"], "returned"))


async def test_what_waits_of_returned_money_is_reversed_by_two_people(system: System) -> None:
    ref = bank_ref()
    async with looking(system) as seen:
        await credit(system, 7000, "chuyen tien", bank_ref=ref)
        await take_statement(system, *there_and_back(7000, "chuyen tien", ref))
        for _ in range(2):
            summary = (await reconcile(system))["summary"]
            assert (summary["reversed"]["count"], summary["matched"]["count"]) == (1, 0)
        assert len(await alerts(system)) == 1
        assert (await returned(system))["outcome"] == {"reversed": 7000}
    assert seen[0].waiting == [("reversed", "returned_by_bank", 7000)]
    assert seen[0].ledger == {"receivable": 7000, "reversed": -7000}
    async with looking(system) as seen:
        again = (await reconcile(system))["summary"]
    assert (again["reversed"]["count"], again["missing_in_ledger"]["count"]) == (1, 0)
    assert seen[0].ledger == {}


async def test_no_statement_reverses_money_by_itself(system: System) -> None:
    """A file with a debit that nobody made changes nothing of what a feed has told."""
    ref = bank_ref()
    await credit(system, 7000, "chuyen tien", bank_ref=ref)
    wrong = await take_statement(system, *there_and_back(7000, "chuyen tien", ref))
    async with looking(system) as seen:
        await reconcile(system)
        office = await finance_office(system)
        path = f"/statements/{wrong['id']}/withdraw"
        asked = await office.post(path, {"reason": "tệp sai"})
        await office.approve(asked.json())
        await take_statement(system, f"7000|credit|chuyen tien|{ref}")
        summary = (await reconcile(system))["summary"]
    assert (summary["matched"]["count"], summary["reversed"]["count"]) == (1, 0)
    assert (seen[0].payments, seen[0].ledger) == ([], {})


async def test_money_that_settled_a_bill_stays_and_is_alerted_once(system: System) -> None:
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await system.work()
    await take_statement(system, *there_and_back(5000, bill["reference"], ref))
    for _ in range(2):
        summary = (await reconcile(system))["summary"]
        assert summary["reversed"] == {"count": 1, "sum": 5000}
    (alert,) = await alerts(system)
    (payment,) = (await system.read(bill))["payments"]
    assert alert["object_id"] == payment["id"]
    assert alert["details"]["line"].startswith("line_")
    assert (await system.read(bill))["status"] == "paid"
    metrics = (await system.metrics()).text
    assert 'lephi_alerts{kind="payment.returned_by_bank"} 1.0' in metrics


async def test_short_money_that_was_taken_back_counts_for_its_bill_no_more(system: System) -> None:
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 2000, bill["reference"], bank_ref=ref)
    await take_statement(system, *there_and_back(2000, bill["reference"], ref))
    await reconcile(system)
    await returned(system)
    page = (await system.browser.get(f"/b/{bill['reference']}")).text
    assert "5.000" in page
    await credit(system, 3000, bill["reference"], bank_ref=bank_ref())
    assert (await system.read(bill))["status"] == "open"
    await credit(system, 2000, bill["reference"], bank_ref=bank_ref())
    paid = await system.read(bill)
    assert paid["status"] == "paid"
    assert [one["reversed"] for one in paid["payments"]] == [2000, 0, 0]
    assert await system.broken() == []


async def test_reversed_money_that_is_lost_is_named(system: System) -> None:
    ref = bank_ref()
    await credit(system, 7000, "chuyen tien", bank_ref=ref)
    await take_statement(system, *there_and_back(7000, "chuyen tien", ref))
    await reconcile(system)
    await returned(system)
    assert await system.broken() == []
    async with system.parts.database.transaction() as session:
        await session.execute(
            text("UPDATE suspense_item SET closed_at = now() WHERE place = 'reversed'")
        )
    said = {line.partition(":")[0] for line in await system.broken()}
    assert said == {"money credited is in its places", "the ledger agrees with the places"}
