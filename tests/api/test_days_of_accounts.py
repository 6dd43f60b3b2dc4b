"""What a run finds of the account: missing days, balances, sweeps, and how long money waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import clock
from core.calendar import Calendar
from core.clock import FrozenClock
from core.ids import new_id
from reconciliation.days import account_days
from reconciliation.matching import ageing
from tests.support.callbacks import credit
from tests.support.closing import (
    ask_to_close,
    close,
    discrepancies,
    reconcile_on,
    resolve,
    today,
)
from tests.support.problems import problem
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="function")

#: A Monday, 10:00 in Vietnam.
MONDAY = datetime(2026, 11, 16, 3, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(MONDAY) as frozen:
        yield frozen


def counts(run: dict[str, Any], *classes: str) -> list[int]:
    return [run["summary"][name]["count"] for name in classes]


async def view(system: System) -> dict[str, Any]:
    answer = await system.office.get(f"/api/v1/days/{system.body.collection_code}/{today()}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rule(office: FinanceOffice, **said: Any) -> dict[str, Any]:
    """Two people put a rule into force."""
    account = office.system.body.collection_code
    wanted = {"account": account, "valid_from": today(), "reason": "thỏa thuận"} | said
    asked = await office.post("/day-rules", wanted)
    assert asked.status_code == 202, asked.text
    return await office.approve(asked.json())


def bank() -> str:
    """A bank reference that no other line has."""
    return f"FT26{int(new_id('f')[-10:], 16) % 10**9:09d}"


async def money(system: System, amount: int = 5000) -> str:
    """A bill that a feed's credit has paid: the bank's reference."""
    bill, ref = await system.create_bill(), bank()
    await credit(system, amount, bill["reference"], bank_ref=ref)
    return ref


async def monday_and_wednesday(system: System, now: FrozenClock, opening: str) -> dict[str, Any]:
    """Statements of Monday and Wednesday, and none of Tuesday; the run of Wednesday."""
    await take_statement(system, f"5000|credit|NOP|{await money(system)}", balances=("0", "5.000"))
    now.advance(2 * DAY)
    ref = await money(system)
    whole = f"{int(opening.replace('.', '')) + 5000}"
    await take_statement(system, f"5000|credit|NOP|{ref}", balances=(opening, whole))
    return await reconcile(system)


async def test_a_working_day_without_a_statement_is_told_and_keeps_the_day_open(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    run = await monday_and_wednesday(system, now, "9.000")
    (odd,) = await discrepancies(office, run)
    assert (odd["side"], odd["class"], odd["object"]) == ("account", "missing_day", "2026-11-17")
    assert odd["amount"] == 4000
    assert "17/11/2026" in odd["reason"]
    assert "chênh 4.000 đ" in odd["reason"]
    problem(await ask_to_close(office, run), 409, "open_discrepancies")
    assert (await view(system))["missing"] == {
        "after": "2026-11-16",
        "until": "2026-11-18",
        "days": ["2026-11-17"],
        "closing": 5000,
        "opening": 9000,
    }
    (told,) = (await view(system))["statements"]
    assert told | {"id": "", "file_name": ""} == {
        "id": "",
        "file_name": "",
        "version": 1,
        "supersedes": None,
        "credit_count": 1,
        "credits": 5000,
        "debit_count": 0,
        "debits": 0,
        "totals_stated": True,
        "opening": 9000,
        "closing": 14000,
    }


async def test_balances_that_go_together_say_that_nothing_moved(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    run = await monday_and_wednesday(system, now, "5.000")
    assert counts(run, "missing_day", "balance_conflict") == [0, 0]
    assert (await view(system))["missing"] is None
    assert await discrepancies(office, run) == []


async def test_without_the_rule_a_missing_day_could_be_closed(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: nobody looks for the gap."""
    office = await finance_office(system)

    async def nothing(*given: object) -> None:
        return None

    monkeypatch.setattr(account_days, "find_gap", nothing)
    run = await monday_and_wednesday(system, now, "9.000")
    assert (await ask_to_close(office, run)).status_code == 202


async def test_a_balance_that_does_not_follow_the_day_before_is_told(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await take_statement(system, f"5000|credit|NOP|{await money(system)}", balances=("0", "5.000"))
    now.advance(DAY)
    ref = await money(system)
    await take_statement(system, f"5000|credit|NOP|{ref}", balances=("6.000", "11.000"))
    (odd,) = await discrepancies(office, await reconcile(system))
    assert (odd["class"], odd["amount"]) == ("balance_conflict", 1000)


async def test_a_file_in_the_middle_that_contradicts_the_others_keeps_the_day_open(
    system: System, now: FrozenClock
) -> None:
    """First opening and last closing agree with the sums; the file in the middle does not."""
    office = await finance_office(system)
    files = [("0", "5.000"), ("70.000", "75.000"), ("10.000", "15.000")]
    wrong = ""
    for number, balances in enumerate(files):
        ref = await money(system)
        taken = await take_statement(system, f"5000|credit|NOP|{ref}", balances=balances)
        wrong = taken["id"] if number == 1 else wrong
        now.advance(timedelta(minutes=1))
    run = await reconcile(system)
    (odd,) = await discrepancies(office, run)
    assert (odd["class"], odd["object"]) == ("balance_conflict", wrong)
    await resolve(office, odd, "accept")
    refused = problem(await ask_to_close(office, run), 409, "totals_differ")
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [
        (wrong, "balance_conflict")
    ]


async def test_without_the_comparison_a_contradicting_file_would_be_called_khop(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""
    monkeypatch.setattr("reconciliation.days.control_totals.conflicts_of", lambda *given: [])
    office = await finance_office(system)
    for balances in [("0", "5.000"), ("70.000", "75.000"), ("10.000", "15.000")]:
        ref = await money(system)
        await take_statement(system, f"5000|credit|NOP|{ref}", balances=balances)
        now.advance(timedelta(minutes=1))
    told = await close(office, await reconcile(system))
    assert told["approval"]["outcome"]["agrees"] is True


async def test_files_of_one_day_that_overlap_agree(system: System, now: FrozenClock) -> None:
    office = await finance_office(system)
    first = f"5000|credit|NOP|{await money(system)}"
    await take_statement(system, first, balances=("0", "5.000"))
    now.advance(timedelta(minutes=1))
    await take_statement(
        system, f"5000|credit|NOP|{await money(system)}", balances=("5.000", "10.000")
    )
    assert await discrepancies(office, await reconcile(system)) == []


async def test_a_right_sweep_is_a_class_of_its_own(system: System, now: FrozenClock) -> None:
    office = await finance_office(system)
    await rule(office, sweep_words=["ket chuyen nhnn"])
    lines = [f"5000|credit|NOP|{await money(system)}" for _ in range(2)]
    await take_statement(
        system,
        *lines,
        "3000|debit|PHI QUAN LY|FT26900001",
        "7000|debit|Kết chuyển NHNN cuối ngày|FT26900002",
        balances=("0", "0"),
    )
    run = await reconcile(system)
    assert run["summary"]["swept"] == {"count": 1, "sum": 7000}
    assert run["summary"]["debits"] == {"count": 1, "sum": 3000}
    assert counts(run, "wrong_sweep") == [0]
    assert (await view(system))["places"]["swept"] == 7000
    told = await close(office, run)
    assert told["approval"]["outcome"]["agrees"] is True


async def test_a_sweep_of_another_sum_than_there_was_is_a_discrepancy(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await rule(office, sweep_accounts=["9704000001"])
    await take_statement(
        system,
        f"5000|credit|NOP|{await money(system)}",
        "4000|debit|CHUYEN DEN TK 9704000001 SBV|FT26900002",
    )
    (odd,) = await discrepancies(office, await reconcile(system))
    assert (odd["class"], odd["amount"], odd["other_amount"]) == ("wrong_sweep", 4000, 5000)
    now.advance(DAY)
    # What the first one left is part of what the second has to take.
    await take_statement(
        system,
        f"5000|credit|NOP|{await money(system)}",
        "6000|debit|CHUYEN DEN TK 9704000001 SBV|FT26900003",
    )
    again = await discrepancies(office, await reconcile(system))
    sweeps = [(one["amount"], one["other_amount"]) for one in again if one["side"] == "line"]
    assert sweeps == [(6000, 5000)]


async def unswept(system: System, day: str) -> list[tuple[int, str]]:
    """What a run of a day tells of sweeps that are missing."""
    run = (await reconcile_on(system, day)).json()
    path = f"/api/v1/reconciliations/{run['id']}/discrepancies"
    found = (await system.office.get(path)).json()["items"]
    return [(one["amount"], one["object"]) for one in found if one["class"] == "missing_sweep"]


async def test_a_working_day_without_a_sweep_is_told_once_it_is_over(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, sweep = await finance_office(system), "debit|KET CHUYEN NHNN|FT2690000"
    told = await rule(office, sweep_words=["ket chuyen nhnn"])
    assert told["figures"]["swept_daily"] is True
    monday, tuesday, friday, saturday = (f"{(MONDAY + n * DAY).date()}" for n in (0, 1, 4, 5))
    await take_statement(system, f"5000|credit|NOP|{await money(system)}")
    assert await unswept(system, monday) == []  # it may be swept yet
    now.advance(timedelta(hours=8))
    # After the cut-off: of the next working day.
    await take_statement(system, f"5000|credit|NOP|{await money(system)}")
    now.advance(timedelta(hours=16))
    # No statement tells of Tuesday: its file may tell of a sweep.
    assert await unswept(system, monday) == [(5000, monday)]
    assert await unswept(system, tuesday) == []
    await take_statement(system, f"1000|credit|NOP|{bank()}", f"11000|{sweep}1")
    now.advance(3 * DAY)
    await take_statement(system, f"2000|credit|NOP|{bank()}", f"2000|{sweep}2")
    now.advance(DAY)
    await take_statement(system, f"7000|credit|NOP|{bank()}")
    now.advance(2 * DAY)
    swept = {day: await unswept(system, day) for day in (monday, tuesday, friday, saturday)}
    assert swept == {monday: [(5000, monday)], tuesday: [], friday: [], saturday: []}
    # The negative control: what the calendar does not know is told of a Saturday too.
    monkeypatch.setattr(Calendar, "is_working_day", lambda self, day: True)
    assert await unswept(system, saturday) == [(7000, saturday)]


async def test_an_account_that_is_not_swept_daily_is_not_told_of(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    wanted = {"account": system.body.collection_code, "valid_from": today(), "reason": "thử"}
    problem(await office.post("/day-rules", wanted | {"swept_daily": True}), 422)
    await rule(office, sweep_words=["ket chuyen nhnn"], swept_daily=False)
    await take_statement(system, f"5000|credit|NOP|{await money(system)}")
    monday = today()
    now.advance(DAY)
    assert await unswept(system, monday) == []


async def test_money_is_expected_then_late_then_missing(system: System, now: FrozenClock) -> None:
    """Paid on Monday after the cut-off: due on Tuesday."""
    office = await finance_office(system)
    await rule(office, missing_after=2)
    now.advance(timedelta(hours=7))
    await money(system)
    now.advance(timedelta(minutes=1))
    await take_statement(system, "7000|debit|PHI QUAN LY|FT26900001")
    run = await reconcile(system)
    assert counts(run, "expected", "missing_in_ledger") == [1, 0]
    assert await discrepancies(office, run) == []
    path = f"/api/v1/reconciliations/{run['id']}/discrepancies"
    for days, stage in ((0, "expected"), (1, "expected"), (2, "late"), (3, "missing")):
        now.move_to(MONDAY + days * DAY)
        shown = await system.browser.get(path, params={"class": "expected"}, headers=office.clerk)
        (odd,) = shown.json()["items"]
        assert (odd["stage"], odd["expected_on"]) == (stage, "2026-11-17"), days
        listed = await discrepancies(office, run)
        assert [one["stage"] for one in listed] == ([] if stage == "expected" else [stage])


async def test_without_the_calendar_waiting_would_be_called_missing(
    system: System, now: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: every day counts as begun."""
    monkeypatch.setattr(ageing, "working_days_since", lambda *given: 99)
    office = await finance_office(system)
    await money(system)
    now.advance(timedelta(minutes=1))
    await take_statement(system, "7000|debit|PHI QUAN LY|FT26900001")
    (odd,) = await discrepancies(office, await reconcile(system))
    assert (odd["class"], odd["stage"]) == ("missing_in_ledger", "missing")


async def test_a_day_view_counts_what_waits_by_stage(system: System, now: FrozenClock) -> None:
    await money(system)
    await reconcile(system)
    assert (await view(system))["waiting"] == {
        "expected": {"count": 1, "sum": 5000},
        "late": {"count": 0, "sum": 0},
        "missing": {"count": 0, "sum": 0},
    }


async def test_a_rule_takes_two_people_and_begins_on_an_open_day(
    system: System, now: FrozenClock
) -> None:
    office = await finance_office(system)
    await rule(office, missing_after=5)
    account = system.body.collection_code
    shown = await system.browser.get(
        "/api/v1/day-rules", params={"account": account}, headers=office.clerk
    )
    assert [one["missing_after"] for one in shown.json()["items"]] == [5]
    body = {"account": account, "valid_from": today(), "reason": "đổi"}
    problem(await office.post("/day-rules", body), 409, "rule_stands")
    other = body | {"gateway": "khongco"}
    problem(await office.post("/day-rules", other), 422, field="gateway")
    tomorrow = (clock.business_date(clock.now()) + DAY).isoformat()
    asked = await office.post("/day-rules", body | {"valid_from": tomorrow})
    same = await office.post(f"/approvals/{asked.json()['id']}/approve", by=office.clerk)
    assert same.status_code in (403, 409), same.text
