"""Two people's evenings around New Year: two accounts, three gateways, worked to zero and closed.

Thursday 31/12/2026 is a working day, 1/1/2027 a public holiday before a weekend; the treasury books
on Monday what came in between. Everything is done over HTTP with the clerk's and the chief's keys;
the database is only looked at.
"""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.engine.store import Order
from core import clock
from core.clock import FrozenClock
from tests.support.evening import (
    CHIEF,
    CLERK,
    UNIT,
    AccountBook,
    EveningOffice,
    at,
    evening_office,
    lephi_settlement,
    open_second_account,
    pay_at,
    treasury_book,
    vnpay_settlement,
    without,
)
from tests.support.machine import needs
from tests.support.pdf import image_of, text_of
from tests.support.problems import problem
from tests.support.system import System

THURSDAY, HOLIDAY, MONDAY, TUESDAY = (
    date(2026, 12, 31),
    date(2027, 1, 1),
    date(2027, 1, 4),
    date(2027, 1, 5),
)
WEDNESDAY = date(2027, 1, 6)
SWEEP = "KET CHUYEN NHNN CUOI NGAY"
#: Thirty-eight certified pages: 40,000 đ.
DEAR = [{"fee": "2.000815", "quantity": 38}]
TEN = [{"fee": "2.000884", "quantity": 1}]


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(at(THURSDAY, 8)) as frozen:
        yield frozen


@dataclass(slots=True)
class Evening:
    """The journey's world, and what its days have to remember."""

    system: System
    office: EveningOffice
    now: FrozenClock
    treasury: AccountBook
    bank: AccountBook
    orders: dict[str, Order] = field(default_factory=dict)
    bills: dict[str, dict[str, Any]] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)

    async def bill(self, name: str, **changes: Any) -> dict[str, Any]:
        """A bill under a name of the journey's."""
        self.bills[name] = await self.system.create_bill(**changes)
        return self.bills[name]

    async def transfer(self, name: str, book: AccountBook, **more: Any) -> str:
        """The bill of this name is paid by transfer; the bank's reference."""
        bill = self.bills[name]
        ref = await book.arrives(bill["amount"], f"MBVCB {bill['reference']} CT TU 0011", **more)
        assert (await self.system.read(bill))["status"] == "paid"
        return ref

    async def at_gateway(self, name: str, gateway: str) -> None:
        """The bill of this name is paid at a gateway."""
        self.orders[name] = await pay_at(self.system, self.bills[name], gateway)


async def set_up(system: System, now: FrozenClock) -> Evening:
    """A second account, and rules of days that two people put into force."""
    office = await evening_office(system)
    bank = await open_second_account(system)
    treasury = treasury_book(system)
    rules: tuple[dict[str, Any], ...] = (
        {"account": treasury.code, "sweep_words": ["ket chuyen nhnn"], "missing_after": 2},
        {"account": treasury.code, "gateway": "paygov", "due_after": 1},
        {"account": treasury.code, "gateway": "vnpay", "due_after": 1, "missing_after": 1},
        {"account": bank.code, "gateway": "paygov", "due_after": 1},
    )
    for rule in rules:
        said = {"valid_from": THURSDAY.isoformat(), "reason": "theo thỏa thuận phối hợp thu"}
        asked = await office.post("/day-rules", rule | said)
        alone = await office.post(f"/approvals/{asked.json()['id']}/approve")
        assert alone.status_code in (403, 409), alone.text
        await office.decided(asked)
    return Evening(system, office, now, treasury, bank)


async def gateways(evening: Evening, day: date) -> dict[str, dict[str, int]]:
    """The first comparison of the treasury account's day: how many of each class, by gateway."""
    shown = await evening.office.day(evening.treasury, day)
    return {
        one["gateway"]: {kind: tally["count"] for kind, tally in one["classes"].items()}
        for one in shown["settlements"]
    }


async def pay_on_thursday(evening: Evening) -> None:
    """Transfers, one bill twice, a credit that the bank takes back, three gateways."""
    treasury, bank, now = evening.treasury, evening.bank, evening.now
    now.move_to(at(THURSDAY, 9))
    for name in ("simple", "double"):
        await evening.bill(name)
        await evening.transfer(name, treasury)
        now.advance(timedelta(minutes=5))
    again = evening.bills["double"]
    evening.statements["again"] = await treasury.arrives(5000, f"nop lai {again['reference']}")
    now.advance(timedelta(minutes=5))
    ref = await treasury.arrives(30_000, "CHUYEN NHAM TAI KHOAN")
    now.move_to(at(THURSDAY, 15))
    treasury.book(-30_000, "HOAN TRA GD CHUYEN NHAM", ref=ref)
    now.move_to(at(THURSDAY, 10))
    await evening.bill("never booked", lines=TEN)
    await evening.transfer("never booked", treasury, booked=False)
    for name, gateway, more in (
        ("paygov 1", "paygov", {"lines": DEAR}),
        ("paygov 2", "paygov", {}),
        ("vnpay", "vnpay", {"lines": DEAR}),
        ("vnpay lost", "vnpay", {"lines": DEAR}),
        ("unit paygov", "paygov", {"agency": UNIT, "lines": DEAR}),
    ):
        now.advance(timedelta(minutes=5))
        await evening.bill(name, **more)
        await evening.at_gateway(name, gateway)
    await evening.bill("unit simple", agency=UNIT)
    await evening.transfer("unit simple", bank)
    assert "expected" in (await gateways(evening, THURSDAY))["paygov"]
    # After the cut-off: the treasury books it on its next working day.
    now.move_to(at(THURSDAY, 16, 20))
    await evening.bill("after cut-off")
    await evening.transfer("after cut-off", treasury, booked_at=at(MONDAY, 8, 5))


async def thursday_evening(evening: Evening) -> None:
    """The statement is issued again; the reversal is worked; what waits is no exception."""
    office, treasury, now = evening.office, evening.treasury, evening.now
    now.move_to(at(THURSDAY, 16, 45))
    treasury.book(-15_000, SWEEP, ref="SWEEP3112")
    right = treasury.lines_of(THURSDAY)
    wrong = without(right, evening.statements["again"])
    wrong = without(wrong, "SWEEP3112", amount=-10_000)
    now.move_to(at(THURSDAY, 17, 30))
    first = await office.take(treasury, treasury.statement(THURSDAY, wrong), "so-phu-3112.csv")
    run = await office.reconcile(treasury, THURSDAY)
    counts = {name: tally["count"] for name, tally in run["summary"].items()}
    assert (counts["matched"], counts["expected"], counts["swept"]) == (2, 3, 1)
    assert counts["with_gateway"] == 4

    asked = await office.send(
        f"/statements/{first['id']}/supersede",
        treasury.statement(THURSDAY),
        "so-phu-3112-phat-hanh-lai.csv",
        mapping="kbnn-so-phu",
        reason="kho bạc phát hành lại sổ phụ ngày 31/12",
    )
    approved = await office.decided(asked)
    shown = asked.json()["figures"]["difference"]
    assert (shown["kept"], shown["added"]["count"], shown["added"]["credit"]) == (4, 1, 5000)
    assert (shown["changed"]["count"], shown["gone"]["count"]) == (1, 0)
    assert (shown["changed"]["before"], shown["changed"]["after"]) == (-10_000, -15_000)
    evening.statements["thursday"] = approved["outcome"]["statement"]

    # The credit that the bank took back waits in suspense: two people say so, and it is reversed.
    (item,) = [one for one in await office.suspense() if one["amount"] == 30_000]
    await office.approve(await office.propose(item["id"], "returned"))
    run = await office.reconcile(treasury, THURSDAY)
    told = {name: (tally["count"], tally["sum"]) for name, tally in run["summary"].items()}
    assert told["matched"] == (3, 15_000)
    assert told["reversed"] == (1, 30_000)
    assert told["swept"] == (1, 15_000)
    assert told["expected"] == (2, 15_000)
    assert told["with_gateway"] == (4, 125_000)
    (odd,) = await office.odd(run)
    assert (odd["side"], odd["class"], odd["amount"]) == ("line", "reversed", 30_000)
    await office.resolve(odd, "accept", "ngân hàng đã trả lại người chuyển, không ghi thu")
    # Waiting is no exception, and keeps no day open.
    assert [one for one in await office.odd(run) if one["status"] == "open"] == []

    bank = evening.bank
    await office.take(bank, bank.mt940(THURSDAY), "bidv-3112.sta", "mt940")
    run = await office.reconcile(bank, THURSDAY)
    assert run["summary"]["matched"] == {"count": 1, "sum": 5000}
    assert run["summary"]["with_gateway"] == {"count": 1, "sum": 40_000}


async def ask_for_the_refund(evening: Evening) -> str:
    """What was paid twice goes back: asked for, approved, ordered. Its reference."""
    office = evening.office
    bill = await evening.system.read(evening.bills["double"])
    (twice,) = [one for one in bill["payments"] if one["refundable"]]
    wanted = {"amount": 5000, "reason": "người nộp chuyển khoản hai lần"}
    asked = await office.post(f"/payments/{twice['id']}/refunds", wanted)
    assert asked.status_code == 202, asked.text
    refund = asked.json()
    await office.approve({"id": refund["approval"]})
    sent = await office.post(f"/refunds/{refund['id']}/sent", {})
    assert (sent.status_code, sent.json()["status"]) == (200, "unknown"), sent.text
    evening.statements["refund"] = refund["id"]
    return str(refund["reference"])


async def the_holiday(evening: Evening) -> None:
    """Payers do not know holidays: transfers of the day are booked on Monday."""
    evening.now.move_to(at(HOLIDAY, 10))
    await evening.bill("holiday")
    await evening.transfer("holiday", evening.treasury, booked_at=at(MONDAY, 8, 6))
    await evening.bill("unit holiday", agency=UNIT)
    await evening.transfer("unit holiday", evening.bank, booked_at=at(MONDAY, 8, 6))


async def monday(evening: Evening) -> None:
    """Three gateways' files, one of them issued again; each pays over net of its fee."""
    office, treasury, bank, now = evening.office, evening.treasury, evening.bank, evening.now
    orders = evening.orders
    now.move_to(at(MONDAY, 9))
    wrong = lephi_settlement(
        "PGQT3112", MONDAY, (orders["paygov 1"], 400), (orders["paygov 2"], 55)
    )
    right = lephi_settlement(
        "PGQT3112", MONDAY, (orders["paygov 1"], 440), (orders["paygov 2"], 55)
    )
    taken = await office.settle("paygov/test", "lephi-settlement", wrong)
    refused = await office.send(
        "/settlements", right, "moi.csv", gateway="paygov/test", mapping="lephi-settlement"
    )
    problem(refused, 409, "settlement_reissued")
    asked = await office.send(
        f"/settlements/{taken['id']}/versions",
        right,
        "quyet-toan-phat-hanh-lai.csv",
        mapping="lephi-settlement",
        reason="cổng sửa phí",
    )
    await office.decided(asked)
    shown = asked.json()["approval"]["figures"]
    assert shown["differing"] == {"added": 0, "gone": 0, "changed": 1}
    assert (shown["net_before"], shown["net"], shown["version"]) == (44_545, 44_505, 2)
    await office.settle(
        "vnpay/test", "vnpay", vnpay_settlement("VNQT3112", MONDAY, (orders["vnpay"], 400))
    )
    await office.settle(
        f"paygov/{UNIT}",
        "lephi-settlement",
        lephi_settlement("TOQT3112", MONDAY, (orders["unit paygov"], 440)),
    )
    now.move_to(at(MONDAY, 10))
    for book, gateway, batch, net in (
        (treasury, "paygov/test", "PGQT3112", 44_505),
        (treasury, "vnpay/test", "VNQT3112", 39_600),
        (bank, f"paygov/{UNIT}", "TOQT3112", 39_560),
    ):
        await book.arrives(net, f"QUYET TOAN LO {batch}")
        outcome = await office.pay_over(gateway, batch, net)
        assert outcome["cleared"] - outcome["fee"] == outcome["credited"] == net
    back = await ask_for_the_refund(evening)
    now.move_to(at(MONDAY, 14))
    treasury.book(-5000, f"HOAN TRA {back}")
    bank.book(40_000, "CHUYEN TIEN LE PHI CHO CON")
    now.move_to(at(MONDAY, 16, 45))
    treasury.book(-89_105, SWEEP)


async def monday_evening(evening: Evening) -> None:
    """The bank's account is worked to zero and closed, day by day; the treasury's is looked at."""
    office, treasury, bank, now = evening.office, evening.treasury, evening.bank, evening.now
    now.move_to(at(MONDAY, 17, 30))
    await office.take(bank, bank.mt940(MONDAY), "bidv-0401.sta", "mt940")
    await office.take(treasury, treasury.statement(MONDAY), "so-phu-0401.csv")

    run = await office.reconcile(bank, MONDAY)
    (odd,) = await office.odd(run)
    assert (odd["class"], odd["amount"]) == ("unknown_in_ledger", 40_000)
    await office.resolve(odd, "suspense", "chưa rõ người nộp, chờ hỏi ngân hàng")
    (item,) = [one for one in await office.suspense() if one["amount"] == 40_000]
    payer = await evening.bill("unit unknown", agency=UNIT, lines=DEAR)
    await office.approve(await office.propose(item["id"], "assign", payer["reference"]))
    assert (await evening.system.read(payer))["status"] == "paid"
    await close_days(evening, bank, THURSDAY, MONDAY)

    run = await office.reconcile(treasury, THURSDAY)
    late = {one["amount"]: one["stage"] for one in await office.odd(run) if one["stage"]}
    assert late == {10_000: "late"}
    (odd,) = [one for one in await office.odd(run) if one["stage"] == "late"]
    asked = await office.post(
        f"/discrepancies/{odd['id']}/resolutions", {"kind": "trace", "reason": "tra soát kho bạc"}
    )
    letter = await evening.system.browser.get(asked.json()["trace_url"], headers=office.clerk)
    assert "THƯ TRA SOÁT" in letter.text
    refund = await office.read(f"/refunds/{evening.statements['refund']}")
    assert (refund["status"], refund["amount"]) == ("succeeded", 5000)


async def close_days(evening: Evening, book: AccountBook, first: date, last: date) -> None:
    """Run each day of an account again, see that nothing is left, and close it by two people."""
    day = first
    while day <= last:
        run = await evening.office.reconcile(book, day)
        assert [one for one in await evening.office.odd(run) if one["status"] == "open"] == [], day
        await evening.office.close(run)
        day += timedelta(days=1)


async def tuesday(evening: Evening) -> None:
    """What never came is missing by now: the gateway is asked, and two people accept it."""
    office, treasury, now = evening.office, evening.treasury, evening.now
    now.move_to(at(TUESDAY, 9))
    await evening.bill("tuesday")
    await evening.transfer("tuesday", treasury)
    now.move_to(at(TUESDAY, 16, 45))
    treasury.book(-5000, SWEEP)
    now.move_to(at(TUESDAY, 17, 30))
    await office.take(treasury, treasury.statement(TUESDAY), "so-phu-0501.csv")
    assert await gateways(evening, THURSDAY) == {
        "paygov": {"matched": 2},
        "vnpay": {"matched": 1, "missing_in_settlement": 1},
    }
    run = await office.reconcile(treasury, THURSDAY)
    odd = {one["amount"]: one for one in await office.odd(run) if one["stage"]}
    assert {amount: one["stage"] for amount, one in odd.items()} == {
        10_000: "missing",
        40_000: "missing",
    }
    assert odd[40_000]["class"] == "missing_in_settlement"
    answer = await office.post(
        f"/discrepancies/{odd[40_000]['id']}/resolutions",
        {"kind": "ask", "reason": "không có trong tệp quyết toán"},
    )
    assert (answer.status_code, answer.json()["outcome"]) == (200, "succeeded"), answer.text
    await office.resolve(odd[40_000], "accept", "cổng xác nhận đã thu, chờ lô sau")
    await office.resolve(odd[10_000], "accept", "đã gửi thư tra soát, theo dõi tiếp")
    await close_days(evening, treasury, THURSDAY, TUESDAY)


async def see_every_dong(evening: Evening) -> None:
    """Where each đồng is, is what the journey has put in."""
    transfers = 5000 * 3 + 30_000 + 10_000 + 5000 * 3  # as the feed told of them
    treasury = (await evening.office.day(evening.treasury, TUESDAY))["places"]
    assert treasury == {
        "on_account": transfers + 44_505 + 39_600,
        "in_transit": 40_000,
        "with_gateways": 40_000,
        "on_the_way": 0,
        "gateway_fee": 495 + 400,
        "gateway_back": 0,
        "collector_cash": 0,
        "swept": 5000,
        "revenue": 5000 * 2 + 10_000 + 40_000 + 5000 + 40_000 * 2 + 5000 * 3,
        "suspense": 0,
        "refundable": 0,
        "paying_back": 0,
        "paid_back": 5000,
        "reversed": 30_000,
    }
    bank = (await evening.office.day(evening.bank, MONDAY))["places"]
    assert bank == dict.fromkeys(treasury, 0) | {
        "on_account": 5000 * 2 + 39_560 + 40_000,
        "gateway_fee": 440,
        "revenue": 5000 * 2 + 40_000 * 2,
    }
    for places in (treasury, bank):
        whose = ("revenue", "suspense", "refundable", "paying_back", "paid_back", "reversed")
        there = places["in_transit"] + places["gateway_fee"] + places["on_account"]
        assert there == sum(places[name] for name in whose)


async def try_to_change_what_is_closed(evening: Evening) -> None:
    """A closed day refuses every change; what comes now counts for the first open day."""
    office, treasury = evening.office, evening.treasury
    again = await office.reconcile(treasury, THURSDAY)
    assert again["closed_at"] is not None
    assert (again["difference_count"], again["differences"]) == (0, [])
    problem(await office.post(f"/reconciliations/{again['id']}/close"), 409, "day_closed")
    refused = await office.post(
        f"/statements/{evening.statements['thursday']}/withdraw", {"reason": "thử"}
    )
    problem(refused, 409, "day_closed")
    for odd in await office.odd(again):
        assert odd["status"] == "resolved"
        wanted = {"kind": "accept", "reason": "thử"}
        refused = await office.post(f"/discrepancies/{odd['id']}/resolutions", wanted)
        problem(refused, 409, "day_closed")
    evening.now.move_to(at(TUESDAY, 18))
    await evening.bill("after closing")
    await evening.transfer("after closing", treasury)
    assert (await office.reconcile(treasury, TUESDAY))["id"] == (
        await office.day(treasury, TUESDAY)
    )["run"]
    evening.now.move_to(at(WEDNESDAY, 9))
    run = await office.reconcile(treasury, WEDNESDAY)
    assert run["summary"]["no_statement"] == {"count": 1, "sum": 5000}


async def read_the_minutes(evening: Evening, folder: Path) -> None:
    """Every closed day has its minutes: signed, chained to the day before, a page to look at."""
    pdfsig = needs("poppler-utils")
    for book, last in ((evening.treasury, TUESDAY), (evening.bank, MONDAY)):
        before, day = "0" * 64, THURSDAY
        while day <= last:
            run = (await evening.office.day(book, day))["run"]
            answer = await evening.system.browser.get(
                f"/api/v1/reconciliations/{run}/minutes.pdf", headers=evening.office.clerk
            )
            assert answer.status_code == 200, answer.text
            path = folder / f"{book.code}-{day}.pdf"
            path.write_bytes(answer.content)
            said = await asyncio.to_thread(_said_by, pdfsig, path)
            assert "Signature is Valid" in said
            assert "Total document signed" in said
            words = text_of(answer.content)
            for told in ("KHỚP", CLERK, CHIEF, f"{day:%d/%m/%Y}", before):
                assert told in words, (book.code, day, told)
            (before,) = re.findall("Biên bản này: ([0-9a-f]{64})", words)
            dark = image_of(answer.content, dpi=72).convert("L").histogram()[:96]
            assert sum(dark) > 1_000, "the page is blank"
            day += timedelta(days=1)
    thursday = text_of((folder / f"{evening.treasury.code}-{THURSDAY}.pdf").read_bytes())
    for row in (
        "Số dư đầu ngày 0",
        "Ghi có trong ngày 4 45.000",
        "Thu qua cổng, cổng đã chuyển trả theo lô 3 85.000",
        "Cổng đã thu, quá hạn chưa quyết toán 1 40.000",
        "Đã thu, chưa có trên sao kê 1 10.000",
        "Đã áp vào khoản phải nộp 8 150.000",
    ):
        assert row in thursday, thursday


def _said_by(pdfsig: str, path: Path) -> str:
    done = subprocess.run(
        [pdfsig, "-nocert", str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout


async def count_the_receipts(evening: Evening) -> None:
    """Every paid bill has one, of the year in which it was issued, numbered from 1."""
    seen: dict[str, list[int]] = {}
    for bill in evening.bills.values():
        for receipt in (await evening.system.read(bill))["receipts"]:
            series = f"{receipt['symbol']} {bill['agency']}"
            seen.setdefault(series, []).append(receipt["number"])
    seen = {series: sorted(numbers) for series, numbers in seen.items()}
    assert seen == {
        f"26TAA {evening.treasury.agency}": list(range(1, 9)),
        f"27TAA {evening.treasury.agency}": [1, 2],
        f"26TAA {UNIT}": [1, 2],
        f"27TAA {UNIT}": [1, 2],
    }


async def read_the_reports(evening: Evening) -> None:
    """December and January add up to what was collected, and to what moved on both accounts."""
    asked = {"from": f"{THURSDAY}", "to": f"{TUESDAY}", "by": "month"}
    asked["agency"] = evening.treasury.agency
    revenue = await evening.office.read("/reports/revenue", **asked)
    months: dict[str, int] = {}
    for row in revenue["rows"]:
        months[row["period"]] = months.get(row["period"], 0) + row["amount"]
    assert months == {"12/2026": 195_000, "01/2027": 55_000}
    accounts = await evening.office.read("/reports/accounts", **asked)
    told = {
        (row["period"], row["account"]): (row["in_transit"], row["gateway_fee"], row["revenue"])
        for row in accounts["rows"]
    }
    assert told == {
        ("12/2026", evening.treasury.code): (125_000, 0, 150_000),
        ("12/2026", evening.bank.code): (40_000, 0, 45_000),
        ("01/2027", evening.treasury.code): (-85_000, 895, 10_000),
        ("01/2027", evening.bank.code): (-40_000, 440, 45_000),
    }


@pytest.mark.timeout(600)
async def test_two_people_work_two_accounts_to_zero_over_a_holiday(
    system: System, now: FrozenClock, tmp_path: Path
) -> None:
    evening = await set_up(system, now)
    await pay_on_thursday(evening)
    await thursday_evening(evening)
    await system.work()
    await the_holiday(evening)
    await monday(evening)
    await monday_evening(evening)
    await system.work()
    await tuesday(evening)
    await system.work()
    await see_every_dong(evening)
    await read_the_minutes(evening, tmp_path)
    await count_the_receipts(evening)
    await read_the_reports(evening)
    await try_to_change_what_is_closed(evening)
    assert await system.broken() == []
