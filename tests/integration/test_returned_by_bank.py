"""The bank takes a credit back: an alert, and two people reverse what waits of it."""

from typing import Any

import pytest
from sqlalchemy import text

from core.ids import new_id
from reconciliation.cases import returned_money
from tests.support.callbacks import credit
from tests.support.closing import discrepancies, resolve
from tests.support.places import looking
from tests.support.problems import problem
from tests.support.rows import audited
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


async def paid_and_returned(system: System, *, receipt: bool) -> tuple[dict[str, Any], Any, Any]:
    """A bill whose credit the bank took back, the office, and the discrepancy that says so."""
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    if receipt:
        await system.work()
    await take_statement(system, *there_and_back(5000, bill["reference"], ref))
    office = await finance_office(system)
    (odd,) = await discrepancies(office, await reconcile(system))
    assert (odd["side"], odd["class"]) == ("payment", "reversed")
    return bill, office, odd


async def receipts_of(system: System, bill: dict[str, Any]) -> list[tuple[int, str]]:
    found = (await system.read(bill))["receipts"]
    return [(one["number"], one["status"]) for one in found]


async def test_a_bill_without_a_receipt_is_owed_again_when_two_people_say_so(
    system: System,
) -> None:
    bill, office, odd = await paid_and_returned(system, receipt=False)
    async with looking(system) as seen:
        approval = await resolve(office, odd, "returned")
    assert approval["figures"]["reopened"] == [bill["reference"]]
    assert approval["outcome"]["reversed"] == 5000
    assert seen[0].ledger == {"revenue": 5000, "reversed": -5000}
    assert (await system.read(bill))["status"] == "open"
    await system.work()
    assert await receipts_of(system, bill) == []
    # What the statement shows is explained now, and keeps no day open.
    run = await reconcile(system)
    (told,) = await discrepancies(office, run)
    assert (told["side"], told["class"], told["standing"]) == ("line", "reversed", "explained")
    assert await system.broken() == []


async def test_a_receipt_proves_nothing_any_more_and_the_next_one_replaces_it(
    system: System,
) -> None:
    bill, office, odd = await paid_and_returned(system, receipt=True)
    ((number, status),) = await receipts_of(system, bill)
    assert status == "issued"
    approval = await resolve(office, odd, "returned")
    assert approval["figures"]["receipts"] == 1
    assert len(approval["outcome"]["receipts"]) == 1
    assert (await system.read(bill))["status"] == "open"
    assert await receipts_of(system, bill) == [(number, "returned")]
    (old,) = (await system.read(bill))["receipts"]
    mine = (await system.read(bill))["pay_url"]
    assert "Ngân hàng đã thu lại 5.000" in (await system.browser.get(mine)).text
    page = (await system.browser.get(old["check_url"])).text
    assert "Ngân hàng đã thu lại tiền của biên lai này" in page
    assert "nộp lại" in page
    await system.work()
    assert await system.broken() == []
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref())
    await system.work()
    assert (await system.read(bill))["status"] == "paid"
    assert await receipts_of(system, bill) == [(number, "replaced"), (number + 1, "issued")]
    new = (await system.read(bill))["receipts"][1]
    xml = (await system.browser.get(new["xml_url"])).text
    assert f"<SBLai>{number}</SBLai>" in xml
    page = (await system.browser.get(old["check_url"])).text
    assert "Đã bị thay thế" in page
    assert "Ngân hàng đã thu lại 5.000" not in (await system.browser.get(mine)).text
    issued, withdrawn, replaced = await audited(system.parts.database, old["id"])
    assert issued[0] == "receipt.issued"
    assert (withdrawn[0], withdrawn[2]) == ("receipt.returned", {})
    assert withdrawn[1].startswith("staff:")
    assert replaced == ("receipt.replaced", "system:receipts", {"by": new["id"]})
    assert await system.broken() == []


async def test_without_withdrawing_its_receipt_a_bill_would_owe_and_be_proved(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the receipt goes on saying that the bill is paid."""
    _, office, odd = await paid_and_returned(system, receipt=True)

    async def nothing(*given: object, **more: object) -> list[str]:
        return []

    monkeypatch.setattr(returned_money, "withdraw_receipts", nothing)
    await resolve(office, odd, "returned")
    said = {line.partition(":")[0] for line in await system.broken()}
    assert "only a settled bill has a receipt that stands, of its charges and fees" in said


async def test_what_the_bank_did_not_take_back_is_not_reversed(system: System) -> None:
    bill, office, odd = await paid_and_returned(system, receipt=True)
    (payment,) = (await system.read(bill))["payments"]
    wanted = {"kind": "returned", "reason": "thử"}
    path = f"/discrepancies/{odd['id']}/resolutions"
    asked = await office.post(path, wanted)
    assert asked.status_code == 202, asked.text
    # The statement that showed it is withdrawn before the second person looks.
    statement = (await take_statement(system, f"7000|credit|tien khac|{bank_ref()}"))["id"]
    run = await reconcile(system)
    other = next(
        one for one in await discrepancies(office, run) if one["class"] == "unknown_in_ledger"
    )
    refused = await office.post(f"/discrepancies/{other['id']}/resolutions", wanted)
    problem(refused, 409, "resolution_does_not_fit")
    async with system.parts.database.transaction() as session:
        shown = await session.scalar(
            text("SELECT id FROM statement WHERE id <> :other"), {"other": statement}
        )
    gone = await office.post(f"/statements/{shown}/withdraw", {"reason": "tệp sai"})
    await office.approve(gone.json())
    approved = await office.post(f"/approvals/{asked.json()['id']}/approve", by=office.chief)
    problem(approved, 409, "stale")
    assert (await system.read(bill))["status"] == "paid"
    assert (await system.read(bill))["payments"] == [payment]
    assert await system.broken() == []


async def test_one_debit_takes_back_one_payment(system: System) -> None:
    """Where the bank's references tell nothing, the next payment looks like the one returned."""
    bill, office = await system.create_bill(), await finance_office(system)
    words = bill["reference"]
    await credit(system, 5000, words, bank_ref="")
    await take_statement(system, *there_and_back(5000, words, bank_ref()))
    (odd,) = await discrepancies(office, await reconcile(system))
    await resolve(office, odd, "returned")
    assert (await system.read(bill))["status"] == "open"
    await credit(system, 5000, words, bank_ref="")
    assert (await system.read(bill))["status"] == "paid"
    told = await alerts(system)
    found = await discrepancies(office, await reconcile(system))
    assert await alerts(system) == told
    for odd in found:
        wanted = {"kind": "returned", "reason": "đã trả lại"}
        asked = await office.post(f"/discrepancies/{odd['id']}/resolutions", wanted)
        assert asked.status_code == 409, asked.text
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_money_that_went_to_another_bill_leaves_its_own_to_be_paid(system: System) -> None:
    bill, office, odd = await paid_and_returned(system, receipt=True)
    other = await system.create_bill()
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref())
    (item,) = await office.suspense()
    await office.approve(await office.propose(item["id"], "assign", other["reference"]))
    assert (await system.read(other))["status"] == "paid"
    await resolve(office, odd, "returned")
    found = await system.read(bill)
    assert found["status"] == "open"
    assert found["qr"] is not None
    assert "54045000" in found["qr"]["payload"]
    await credit(system, 5000, bill["reference"], bank_ref=bank_ref())
    assert (await system.read(bill))["status"] == "paid"
    assert await system.broken() == []


async def test_what_a_statement_alone_told_and_took_back_pays_nothing_afterwards(
    system: System,
) -> None:
    """Neither a feed that tells of it late nor whoever releases the statement sends it on."""
    bill, ref = await system.create_bill(), bank_ref()
    there, back = there_and_back(5000, bill["reference"], ref)
    statement = await take_statement(system, there, f"7000|credit|chuyen tien|{bank_ref()}")
    assert (await reconcile(system))["summary"]["matched"]["count"] == 1
    await take_statement(system, back)
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 1
    office = await finance_office(system)
    path = f"/statements/{statement['id']}/release"
    problem(await office.post(path, {"reason": "chỉ có trên sao kê"}), 409, "nothing_to_release")
    async with looking(system) as seen:
        await credit(system, 5000, bill["reference"], bank_ref=ref)
    assert (seen[0].payments, seen[0].ledger) == ([], {})
    assert (await system.read(bill))["status"] == "open"
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 1
    assert (await returned(system))["outcome"] == {"reversed": 5000}
    assert await system.broken() == []
