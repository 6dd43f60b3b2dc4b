"""Money that gateways took, in runs and closed days: it waits, is carried over, and is settled."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.invariants import look
from core import clock
from core.clock import FrozenClock
from core.ids import new_id
from reconciliation.days import commands, control_totals, gateway_money
from tests.api.test_days_of_accounts import counts, money, rule, view
from tests.support.callbacks import call, credit, order_of, result_of
from tests.support.closing import ask_to_close, close, discrepancies, reconcile_on, today
from tests.support.problems import problem
from tests.support.settlements import (
    new_batch,
    paid_at_gateway,
    pay_over,
    settled,
    take_settlement,
    undo_payout,
)
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")

#: A Monday, 10:00 in Vietnam.
MONDAY = datetime(2026, 11, 16, 3, tzinfo=UTC)
DAY = timedelta(days=1)
#: 17:00 in Vietnam of the same day: after the cut-off.
EVENING = timedelta(hours=7)


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(MONDAY) as frozen:
        yield frozen


async def minutes_of(system: System, run: dict[str, Any]) -> dict[str, Any]:
    async with system.parts.database.transaction() as session:
        content = await session.scalar(
            text("SELECT content FROM day_minutes WHERE reconciliation_id = :run"),
            {"run": run["id"]},
        )
    found: dict[str, Any] = json.loads(bytes(content))
    return found


async def waiting_credit(office: FinanceOffice, amount: int) -> str:
    """A credit that a feed tells of and that nobody knows; its payment."""
    await credit(office.system, amount, "CK DEN", bank_ref=new_id("ft"))
    return str((await office.suspense(limit="100"))[-1]["payment"])


async def test_a_day_with_gateway_money_closes_and_the_next_days_clear_it_by_a_payout(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await rule(office, gateway="paygov", due_after=2, missing_after=2)
    numbers = await paid_at_gateway(system, 2)
    monday = await reconcile(system)
    assert counts(monday, "with_gateway", "missing_in_ledger", "no_statement") == [2, 0, 0]
    await close(office, monday)
    told = await minutes_of(system, monday)
    assert told["payments"] == {"count": 2, "sum": 10_000}
    assert told["carried_in"] == {"count": 0, "sum": 0}
    assert told["carried_out"]["sums"] == [{"kind": "with_gateway", "count": 2, "sum": 10_000}]
    assert {one["expected_on"] for one in told["carried_out"]["items"]} == {"2026-11-18"}

    now.advance(DAY)
    batch = new_batch()
    await take_settlement(system, *(settled(batch, number, 5000, 55) for number in numbers))
    tuesday = await reconcile(system)
    assert counts(tuesday, "on_the_way", "with_gateway") == [2, 0]
    await close(office, tuesday)
    told = await minutes_of(system, tuesday)
    assert told["payments"] == {"count": 0, "sum": 0}
    assert told["carried_in"] == {"count": 2, "sum": 10_000}
    assert told["carried_out"]["sums"] == [{"kind": "on_the_way", "count": 2, "sum": 10_000}]

    now.advance(DAY)
    credited = await waiting_credit(office, 9890)
    await take_statement(system, f"9890|credit|CK DEN|{new_id('f')}")
    await pay_over(office, credited, batch)
    wednesday = await reconcile(system)
    assert wednesday["summary"]["settled_in_batch"] == {"count": 2, "sum": 10_000}
    assert counts(wednesday, "on_the_way", "with_gateway", "missing_in_ledger") == [0, 0, 0]
    gateways = {"missing_in_settlement", "not_paid_over", "on_the_way", "with_gateway"}
    odd = await discrepancies(office, wednesday)
    assert not gateways & {one["class"] for one in odd}
    assert await system.broken() == []


async def test_a_file_that_was_cut_at_a_row_is_told_by_what_it_leaves_out_until_it_is_whole(
    system: System, now: FrozenClock
) -> None:
    """Without totals such a file is as good as any: only our own side says what it lacks."""
    batch, numbers = new_batch(), await paid_at_gateway(system, 3)
    rows = [settled(batch, number, 5000, 55) for number in numbers]
    assert (await take_settlement(system, *rows[:2])).status_code == 201
    cut = await reconcile(system)
    assert counts(cut, "on_the_way", "with_gateway") == [2, 1]
    office = await finance_office(system)
    (left_out,) = await discrepancies(office, cut, "with_gateway")
    assert left_out["amount"] == 5000
    assert "không có khoản này" in left_out["reason"]
    (told,) = (await view(system))["settlements"]
    assert told["classes"]["missing_in_settlement"] == {"count": 1, "sum": 5000}
    # The whole file adds what the other one left out, and nothing stands twice.
    whole = await take_settlement(system, *rows)
    assert (whole.status_code, whole.json()["new"]) == (201, 1)
    mended = await reconcile(system)
    assert counts(mended, "on_the_way", "with_gateway", "duplicate") == [3, 0, 0]
    (told,) = (await view(system))["settlements"]
    assert told["classes"] == {"matched": {"count": 3, "sum": 15_000}}
    assert await system.broken() == []


async def test_a_run_that_calls_cleared_money_missing_is_caught(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a run that does not look which batches were paid over."""
    office = await finance_office(system)
    batch, (number,) = new_batch(), await paid_at_gateway(system, 1)
    await take_settlement(system, settled(batch, number, 5000, 55))
    await pay_over(office, await waiting_credit(office, 4945), batch)
    now.advance(timedelta(minutes=2))
    assert counts(await reconcile(system), "settled_in_batch", "on_the_way") == [1, 0]
    assert await system.broken() == []

    async def none_paid(*_: Any) -> list[Any]:
        return []

    monkeypatch.setattr(gateway_money, "list_paid_names", none_paid)
    assert counts(await reconcile(system), "settled_in_batch", "on_the_way") == [0, 1]
    assert [line for line in await system.broken() if "not awaited any more" in line]


async def test_a_day_that_forgets_what_was_carried_into_it_is_not_closed(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a run that leaves the money of the day before out of its day."""
    office = await finance_office(system)
    await rule(office, gateway="paygov", due_after=2)
    await paid_at_gateway(system, 1)
    await close(office, await reconcile(system))
    now.advance(DAY)

    async def none_carried(*_: Any) -> list[str]:
        return []

    monkeypatch.setattr(commands, "list_carried", none_carried)
    run = await reconcile(system)
    problem(await ask_to_close(office, run), 409, "totals_differ")
    # And one that looks nowhere is caught by what must always hold.
    monkeypatch.setattr(control_totals, "list_carried", none_carried)
    await close(office, run)
    assert [line for line in await system.broken() if "place of the next closed day" in line]


async def test_minutes_show_what_is_on_the_way(system: System, now: FrozenClock) -> None:
    office = await finance_office(system)
    await rule(office, gateway="paygov", due_after=2)
    await paid_at_gateway(system, 1)
    run = await reconcile(system)
    await close(office, run)
    path = f"/api/v1/reconciliations/{run['id']}/minutes"
    book = await system.browser.get(f"{path}.xlsx", headers=office.clerk)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_name(
        "Tiền đang về"
    )
    assert [row[0] for row in rows.to_python()[1:]] == ["Đang ở cổng"]
    drawn = await system.browser.get(f"{path}.pdf", headers=office.clerk)
    assert drawn.status_code == 200, drawn.text


async def test_what_a_gateway_owes_past_its_day_keeps_the_day_open(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    numbers = await paid_at_gateway(system, 2)
    await close(office, await reconcile(system))
    now.advance(DAY)
    batch = new_batch()
    await take_settlement(system, settled(batch, numbers[0], 5000, 55))
    run = await reconcile(system)
    assert counts(run, "missing_in_settlement", "not_paid_over", "with_gateway") == [1, 1, 0]
    odd = {one["class"]: one for one in await discrepancies(office, run)}
    assert {one["stage"] for one in odd.values()} == {"late"}
    assert batch not in odd["missing_in_settlement"]["reason"]
    refused = problem(await ask_to_close(office, run), 409, "open_discrepancies")
    assert len(refused["errors"]) == 2


async def test_a_line_of_another_amount_is_a_discrepancy_at_once(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    numbers = await paid_at_gateway(system, 2)
    rows = [
        settled(new_batch(), numbers[0], 4000, 40),
        *(settled(new_batch(), numbers[1], 5000, 50) for _ in range(2)),
    ]
    for row in rows:
        assert (await take_settlement(system, row, separate="true")).status_code == 201
    run = await reconcile(system)
    assert counts(run, "amount_mismatch", "duplicate") == [1, 1]
    odd = {one["class"]: one["other_amount"] for one in await discrepancies(office, run)}
    assert odd == {"amount_mismatch": 4000, "duplicate": 10_000}
    problem(await ask_to_close(office, run), 409, "open_discrepancies")


async def test_a_credit_under_the_reference_of_gateway_money_is_nobodys(
    system: System, now: FrozenClock
) -> None:
    """It would hide that the payer has paid twice."""
    office = await finance_office(system)
    bill = await system.create_bill()
    await paid_at_gateway_for(system, bill)
    await take_statement(system, f"5000|credit|{bill['reference']}|FT26000041")
    run = await reconcile(system)
    assert counts(run, "matched", "with_gateway", "unknown_in_ledger") == [0, 1, 1]
    (odd,) = [
        one for one in await discrepancies(office, run) if one["class"] == "unknown_in_ledger"
    ]
    assert "nộp qua cổng" in odd["reason"]


async def paid_at_gateway_for(system: System, bill: dict[str, Any]) -> None:
    order = order_of(system, await system.start(bill))
    await call(system, result_of(system, order, transaction_no=new_id("t").partition("_")[2][-20:]))


async def test_a_transfer_of_after_the_cut_off_goes_on_to_the_next_day(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    early = await money(system)
    now.advance(EVENING)
    late = await money(system)
    await take_statement(system, f"5000|credit|NOP|{early}")
    monday = await reconcile(system)
    assert counts(monday, "matched", "expected") == [1, 1]
    await close(office, monday)
    told = await minutes_of(system, monday)
    assert told["carried_out"]["sums"] == [{"kind": "expected", "count": 1, "sum": 5000}]
    now.advance(DAY)
    await take_statement(system, f"5000|credit|NOP|{late}")
    tuesday = await reconcile(system)
    assert counts(tuesday, "matched", "expected", "unknown_in_ledger") == [1, 0, 0]
    await close(office, tuesday)
    told = await minutes_of(system, tuesday)
    assert told["carried_in"] == {"count": 1, "sum": 5000}
    assert told["carried_out"] == {"sums": [], "items": []}
    again = (await reconcile_on(system, "2026-11-16")).json()
    assert again["closed_at"] is not None
    assert again["differences"] == []
    assert (await reconcile_on(system, today())).json()["differences"] == []
    assert await system.broken() == []


async def test_a_transfer_that_never_comes_is_missing_on_the_next_day(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    early = await money(system)
    now.advance(EVENING)
    await money(system)
    await take_statement(system, f"5000|credit|NOP|{early}")
    monday = await reconcile(system)
    await close(office, monday)
    now.advance(2 * DAY)
    await take_statement(system, f"9000|credit|KHAC|{new_id('f')}")
    tuesday = (await reconcile_on(system, "2026-11-17")).json()
    assert counts(tuesday, "missing_in_ledger") == [1]
    problem(await ask_to_close(office, tuesday), 409, "open_discrepancies")


async def test_a_run_of_before_the_day_before_was_closed_is_made_again(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await rule(office, gateway="paygov", due_after=2)
    await paid_at_gateway(system, 1)
    monday = await reconcile(system)
    now.advance(DAY)
    tuesday = await reconcile(system)
    await close(office, monday)
    refused = problem(await ask_to_close(office, tuesday), 409, "totals_differ")
    assert [one["code"] for one in refused["errors"]] == ["no_place"]
    await close(office, await reconcile(system))
    assert await system.broken() == []


async def test_a_payout_that_is_undone_after_its_day_was_closed_waits_on_the_first_open_day(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await rule(office, gateway="paygov", due_after=5)
    numbers = await paid_at_gateway(system, 2)
    batch = new_batch()
    await take_settlement(system, *(settled(batch, number, 5000, 55) for number in numbers))
    credited = await waiting_credit(office, 9890)
    ref = await payment_ref(system, credited)
    await take_statement(system, f"9890|credit|CK DEN|{ref}")
    done = await pay_over(office, credited, batch)
    stale = await reconcile(system)
    assert counts(stale, "settled_in_batch", "batch") == [2, 1]
    await undo_payout(office, done["outcome"]["payout"])
    refused = problem(await ask_to_close(office, stale), 409, "totals_differ")
    assert {one["code"] for one in refused["errors"]} == {"undone"}
    done = await pay_over(office, credited, batch)
    await close(office, await reconcile(system))
    await undo_payout(office, done["outcome"]["payout"])
    now.advance(DAY)
    tuesday = await reconcile(system)
    assert counts(tuesday, "on_the_way", "settled_in_batch") == [2, 0]
    await close(office, tuesday)
    assert (await minutes_of(system, tuesday))["carried_in"] == {"count": 2, "sum": 10_000}
    assert await system.broken() == []


SPOILT = {
    "UPDATE settled_payment SET amount = amount + 10": "of the amount of its line in its batch",
    "DELETE FROM settled_payment": "each payment is in exactly one place",
    "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference, amount,"
    " reason) SELECT 'disc_x', reconciliation_id, 'payment', payment_id, 'not_paid_over', '',"
    " amount, '' FROM settled_payment": "each payment is in exactly one place",
}


async def test_what_a_closed_day_has_as_settled_stays_and_a_change_is_found(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    batch, (number,) = new_batch(), await paid_at_gateway(system, 1)
    await take_settlement(system, settled(batch, number, 5000, 55))
    credited = await waiting_credit(office, 4945)
    await take_statement(system, f"4945|credit|CK DEN|{await payment_ref(system, credited)}")
    await pay_over(office, credited, batch)
    await close(office, await reconcile(system))
    database = system.parts.database
    for change, found in SPOILT.items():
        with pytest.raises(DBAPIError, match="closed day"):
            await changed(system, change)
        async with database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(change))
            told = [line async for line in look(session, None)]
            await session.rollback()
        assert [line for line in told if found in line], change
    assert await system.broken() == []


async def changed(system: System, change: str) -> None:
    async with system.parts.database.transaction() as session:
        await session.execute(text(change))


async def payment_ref(system: System, payment: str) -> str:
    async with system.parts.database.transaction() as session:
        return str(
            await session.scalar(
                text("SELECT gateway_ref FROM payment WHERE id = :id"), {"id": payment}
            )
        )
