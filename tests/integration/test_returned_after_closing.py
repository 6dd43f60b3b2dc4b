"""Money of a closed day that the bank takes back: told on the debit's day, with an alert."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.clock import FrozenClock
from reconciliation.days import carrying, commands
from tests.integration.test_returned_by_bank import alerts, bank_ref
from tests.support.callbacks import credit
from tests.support.closing import close, discrepancies, reconcile_on, resolve, today
from tests.support.rows import count
from tests.support.staff import FinanceOffice, finance_office
from tests.support.staff_browser import signed_in_as
from tests.support.staff_days import day_path_of
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

#: A Monday, 10:00 in Vietnam.
MONDAY = datetime(2026, 11, 16, 3, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(MONDAY) as frozen:
        yield frozen


async def closed_monday(
    system: System, office: FinanceOffice
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """A paid bill whose day is closed: the bill, its money's bank reference, the run."""
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(system, f"5000|credit|{bill['reference']}|{ref}")
    run = await reconcile(system)
    await close(office, run)
    return bill, ref, run


async def close_empty_days(office: FinanceOffice, now: FrozenClock, count: int) -> None:
    """Go on so many days, each of which is closed with nothing in it."""
    for _ in range(count):
        await take_statement(office.system)
        await close(office, (await reconcile_on(office.system, today())).json())
        now.advance(DAY)


@pytest.mark.parametrize("later", [1, 3, 9])
async def test_it_is_told_on_the_day_it_is_found_on_and_reversed_there(
    system: System, now: FrozenClock, later: int
) -> None:
    office = await finance_office(system)
    bill, ref, monday = await closed_monday(system, office)
    now.advance(DAY)
    await close_empty_days(office, now, later - 1)
    assert await alerts(system) == []
    await take_statement(system, f"5000|debit|HOAN TRA {bill['reference']}|{ref}")
    await reconcile(system)
    run = await reconcile(system)  # again: the same, and one alert
    assert run["summary"]["reversed"] == {"count": 1, "sum": 5000}
    found = await discrepancies(office, run)
    (odd,) = [one for one in found if one["side"] == "payment"]
    assert (odd["side"], odd["class"]) == ("payment", "reversed")
    assert "ngày của nó (16/11/2026) đã khóa sổ" in odd["reason"]
    (alert,) = await alerts(system)
    (payment,) = (await system.read(bill))["payments"]
    assert alert["object_id"] == payment["id"] == odd["object"]
    # The closed day is as it was.
    again = await system.office.get(f"/api/v1/reconciliations/{monday['id']}")
    assert again.json()["summary"]["matched"] == {"count": 1, "sum": 5000}
    async with signed_in_as(system, "chief") as chief:
        page = (await chief.get(day_path_of(system))).text
        assert "Ngân hàng đã thu lại tiền của ngày đã khóa sổ" in page
        assert f"/staff/payments/{payment['id']}" in page
    # Two people reverse it there; the day closes with it, and all sums agree.
    refused = await office.post(f"/reconciliations/{run['id']}/close")
    assert refused.json()["code"] == "open_discrepancies"
    for other in found:  # days without a statement, in between
        await resolve(office, other, "returned" if other is odd else "accept")
    assert (await system.read(bill))["status"] == "open"
    await close(office, await reconcile(system))
    assert await system.broken() == []


async def test_a_debit_that_is_withdrawn_has_taken_nothing(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    bill, ref, _ = await closed_monday(system, office)
    now.advance(DAY)
    wrong = await take_statement(system, f"5000|debit|HOAN TRA {bill['reference']}|{ref}")
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 1
    asked = await office.post(f"/statements/{wrong['id']}/withdraw", {"reason": "tệp sai"})
    await office.approve(asked.json())
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 0
    async with signed_in_as(system, "chief") as chief:
        page = (await chief.get(day_path_of(system))).text
        assert "thu lại tiền của ngày đã khóa sổ" not in page
    assert await system.broken() == []


@pytest.mark.parametrize(
    "line",
    [
        "5000|debit|CHI TIEN MAT {reference}|{ref}",  # no words of giving back
        "4000|debit|HOAN TRA {reference}|{ref}",  # another amount
        "5000|debit|HOAN TRA khoan khac|FT2600000001",  # another credit's
        "5000|credit|HOAN TRA {reference}|FT2600000002",  # no debit
    ],
)
async def test_what_takes_nothing_back_is_no_alert(
    system: System, now: FrozenClock, line: str
) -> None:
    office = await finance_office(system)
    bill, ref, _ = await closed_monday(system, office)
    now.advance(DAY)
    await take_statement(system, line.format(reference=bill["reference"], ref=ref))
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 0
    assert await alerts(system) == []
    assert await count(system.parts.database, "late_return") == 0


async def test_money_of_a_day_that_is_open_is_told_on_its_own_day(
    system: System, now: FrozenClock
) -> None:
    bill, ref = await system.create_bill(), bank_ref()
    await credit(system, 5000, bill["reference"], bank_ref=ref)
    await take_statement(system, f"5000|credit|{bill['reference']}|{ref}")
    monday = today()
    await reconcile(system)
    now.advance(DAY)
    await take_statement(system, f"5000|debit|HOAN TRA {bill['reference']}|{ref}")
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 0
    own = (await reconcile_on(system, monday)).json()
    assert own["summary"]["reversed"]["count"] == 1
    assert await count(system.parts.database, "late_return") == 0


async def test_a_run_that_looks_at_no_closed_day_tells_nothing_which_is_seen(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    office = await finance_office(system)
    bill, ref, _ = await closed_monday(system, office)
    now.advance(DAY)

    async def nothing(*_: Any, **__: Any) -> Any:
        return []

    monkeypatch.setattr(commands, "note_late_returns", nothing)
    monkeypatch.setattr(carrying, "list_late_returns", nothing)
    await take_statement(system, f"5000|debit|HOAN TRA {bill['reference']}|{ref}")
    assert (await reconcile(system))["summary"]["reversed"]["count"] == 0
    assert await alerts(system) == []
