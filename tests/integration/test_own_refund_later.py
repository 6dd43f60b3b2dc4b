"""Our own transfer of a refund that names the bill too: the bank took nothing back."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core import clock
from core.clock import FrozenClock
from tests.api.test_refunds import approved, asked
from tests.integration.test_returned_after_closing import DAY, MONDAY, closed_monday
from tests.integration.test_returned_by_bank import alerts, bank_ref
from tests.support.callbacks import credit
from tests.support.staff import finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(MONDAY) as frozen:
        yield frozen


async def test_a_refund_s_debit_that_names_the_bill_too_is_the_refund_s(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    bill, _, _ = await closed_monday(system, office)
    (payment,) = (await system.read(bill))["payments"]
    refund = await approved(office, await asked(office, payment, 5_000))
    now.advance(DAY)
    words = f"HOAN TRA {refund['reference']} CHO {bill['reference']}"
    await take_statement(system, f"5000|debit|{words}|{bank_ref()}")
    run = await reconcile(system)
    assert await alerts(system) == []
    assert run["summary"]["reversed"]["count"] == 0
    answer = await system.browser.get(f"/api/v1/refunds/{refund['id']}", headers=office.clerk)
    assert answer.json()["status"] == "succeeded"


async def test_a_refund_of_the_same_day_is_no_reversal(system: System, now: FrozenClock) -> None:
    """Paid, refunded and the refund's debit on one statement: the payment is matched as ever."""
    office = await finance_office(system)
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    (payment,) = (await system.read(bill))["payments"]
    refund = await approved(office, await asked(office, payment, 5_000))
    now.advance(timedelta(hours=1))
    words = f"HOAN TRA {refund['reference']} CHO {bill['reference']}"
    await take_statement(
        system, f"5000|credit|{bill['reference']}|{ref}", f"5000|debit|{words}|{bank_ref()}"
    )
    summary = (await reconcile(system))["summary"]
    assert (summary["matched"]["count"], summary["reversed"]["count"]) == (1, 0)
    assert await alerts(system) == []


async def test_a_run_that_takes_our_transfer_for_the_bank_s_is_caught(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: what tells them apart is the refund that the debit has proved."""

    async def none_is(*_: object) -> set[str]:
        return set()

    monkeypatch.setattr("reconciliation.days.commands.list_own_transfers", none_is)
    with pytest.raises(AssertionError, match=r"assert \(0, 1\) == \(1, 0\)"):
        await test_a_refund_of_the_same_day_is_no_reversal(system, now)
