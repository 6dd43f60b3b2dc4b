"""A market of three hundred stalls over three months, from an empty sheet to closed days.

Bills run month by month; two people waive a storm; a stall changes hands; somebody pays ahead,
somebody part, somebody twice, somebody without a reference, somebody in cash, which the collector
pays in later; water is metered. What came stands on the treasury's statements; each day is
reconciled to zero and closed by two people. Then every đồng is counted, from the bank's side and
from the market's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from core import clock
from core.clock import FrozenClock
from payments.billing.reports.arrears import StallArrears, list_stall_arrears, sum_ages
from payments.billing.reports.rates import MarketRate, list_rates, sum_credit_of
from payments.billing.reports.standings import count_states, page_of_standings
from tests.support.callbacks import credit
from tests.support.evening import AccountBook, EveningOffice, at, evening_office, treasury_book
from tests.support.rates import charged_of, misfits
from tests.support.staff_browser import signed_in_as
from tests.support.system import System
from tests.support.walks import walker

#: It takes longer than most: three hundred stalls pay.
pytestmark = pytest.mark.timeout(400)

STALLS: Final = 300
#: Let on 1/11: all but the last two.
HELD: Final = 298
SETTING_UP, STORM_WAIVED, PAY_NOVEMBER = date(2026, 11, 2), date(2026, 11, 13), date(2026, 11, 30)
#: A holder leaves on 20/11, which is written down when December begins.
LEFT_ON, DECEMBER, PAY_DECEMBER = date(2026, 11, 20), date(2026, 12, 1), date(2026, 12, 15)
JANUARY, PAY_JANUARY = date(2027, 1, 4), date(2027, 1, 5)
#: Đồng for a square metre and day, for a cubic metre of water; square metres of a stall.
RENT, WATER, AREA = 2_000, 12_000, 6
DAY: Final = RENT * AREA
PAYS_AHEAD, WITHOUT_REFERENCE, PAYS_TWICE, HANDED_OVER = "S-001", "S-002", "S-003", "S-004"
HARDSHIP, PAYS_PART, NEVER_PAYS = "S-005", "S-006", "S-007"
#: Who pays December in cash, and all else as those do who pay each month.
IN_CASH = "S-008"
METERED: Final = [f"S-{number:03}" for number in range(281, 291)]
#: Who pays each month when it is due, who two months at once, and who all three at the end.
MONTHLY: Final = [f"S-{number:03}" for number in range(8, 71)]
EVERY_SECOND: Final = [f"S-{number:03}" for number in range(71, 151)]
AT_THE_END: Final = [f"S-{number:03}" for number in range(151, HELD + 1)]


@pytest.fixture
def now() -> Iterator[FrozenClock]:
    with clock.frozen(at(SETTING_UP, 8)) as frozen:
        yield frozen


@dataclass(slots=True)
class Quarter:
    """The journey's world: the market, the bank's book, and what the days have to remember."""

    system: System
    office: EveningOffice
    now: FrozenClock
    book: AccountBook
    market: str = ""
    references: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    #: all that the bank took for the market, in đồng, and what went back
    came: int = 0
    refunded: int = 0
    refund: dict[str, Any] = field(default_factory=dict)
    #: what a collector took in cash, in đồng, and the reference that it is paid in under
    cash: int = 0
    deposit: str = ""
    arrears: dict[date, list[StallArrears]] = field(default_factory=dict)

    async def say(self, path: str, body: object, status: int = 201) -> Any:
        """The clerk asks for something of the API."""
        answer = await self.office.post(path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def decided(self, path: str, body: object) -> dict[str, Any]:
        """The clerk asks and the chief approves; what became of it."""
        asked = await self.office.post(path, body)
        outcome: dict[str, Any] = (await self.office.decided(asked))["outcome"]
        return outcome

    async def pays(self, amount: int, words: str) -> None:
        """A transfer arrives: the feed tells of it, and the bank books it."""
        ref = self.book.ref()
        await credit(self.system, amount, words, bank_ref=ref)
        self.book.book(amount, words, ref=ref)
        self.came += amount

    async def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database holds; it is only looked at."""
        async with self.system.parts.database.transaction() as session:
            return [tuple(row) for row in await session.execute(text(statement), values)]

    async def owed(self) -> dict[str, int]:
        """What is owed at each stall, what has come in part taken off."""
        found = await self.rows(OWED, market=self.market)
        return {str(code): int(amount) for code, amount in found}

    async def bill_of(self, code: str, period: str) -> dict[str, Any]:
        """The bill of a stall for a period, as the API shows it."""
        ((bill_id,),) = await self.rows(BILL, market=self.market, code=code, period=period)
        return await self.system.read({"id": bill_id})

    async def pay_what_is_owed(self, codes: list[str]) -> None:
        """Each of these stalls pays all that it owes, by its own reference."""
        owed = await self.owed()
        for code in codes:
            await self.pays(owed[code], f"TT tien sap {self.references[code]}")
        await self.system.work()

    async def run(self, period: str) -> dict[str, Any]:
        """Bill a month; everything that can be billed is."""
        path = f"/markets/{self.market}/billing-runs"
        done: dict[str, Any] = await self.say(path, {"kind": "month", "period": period})
        assert (done["state"], done["problems"]) == ("done", []), done
        await self.system.work()
        return done

    async def note_arrears(self, on: date) -> None:
        """What the arrears of a day are while it is that day."""
        self.arrears[on] = await self.read_arrears(on)

    async def read_arrears(self, on: date) -> list[StallArrears]:
        async with self.system.parts.database.reading() as session:
            return await list_stall_arrears(session, self.market, on)

    async def rates(self) -> list[MarketRate]:
        async with self.system.parts.database.reading() as session:
            return await list_rates(session, [self.market], date(2026, 1, 1), date(2027, 12, 31))


OWED: Final = """
SELECT s.code, sum(b.amount - coalesce(w.amount, 0))::bigint FROM stall s
JOIN (SELECT DISTINCT stall_id, bill_id FROM charge WHERE voided_at IS NULL) c ON c.stall_id = s.id
JOIN bill b ON b.id = c.bill_id
LEFT JOIN (SELECT bill_id, sum(amount) AS amount FROM suspense_item WHERE closed_at IS NULL
  AND place = 'suspense' AND reason = 'short' GROUP BY bill_id) w ON w.bill_id = b.id
WHERE s.market_id = :market AND b.status = 'open' GROUP BY s.code
"""
BILL: Final = """
SELECT DISTINCT c.bill_id FROM charge c JOIN stall s ON s.id = c.stall_id
WHERE s.market_id = :market AND s.code = :code AND c.period = :period AND c.voided_at IS NULL
"""


def stall_sheet() -> bytes:
    """The board's file: 300 stalls in six lanes, 298 of them let since 1/11/2026."""
    rows = ["Mã sạp,Loại,Diện tích (m²),Dãy,Thứ tự,Mã tiểu thương,Họ tên,Điện thoại,Từ ngày"]
    for number in range(1, STALLS + 1):
        lane, place = "ABCDEF"[(number - 1) // 50], f"S-{number:03},covered,{AREA}"
        holder = f"TT-{number:03},Nguyễn Thị Sạp,0912{number:06},01/11/2026"
        rows.append(f"{place},{lane},{number},{holder if number <= HELD else ',,,'}")
    return "\n".join(rows).encode()


async def set_up(system: System, now: FrozenClock) -> Quarter:
    """The market, its stalls from a file, its prices by two people, water read before it begins."""
    office = await evening_office(system)
    quarter = Quarter(system, office, now, treasury_book(system))
    market = {"agency": system.body.agency_code, "code": "cho-quy", "name": "Chợ Quý"}
    made = await quarter.say("/markets", {**market, "name_en": "Quarter", "market_class": 2})
    quarter.market = made["id"]
    taken = await office.send(f"/markets/{quarter.market}/import", stall_sheet(), "sap.csv")
    assert taken.status_code == 202, taken.text
    await system.work()
    ((state, added),) = await quarter.rows("SELECT state, added FROM stall_import")
    assert (state, added["stalls"], added["contracts"]) == ("done", STALLS, HELD)
    price = {"valid_from": "2026-11-01", "basis": "QĐ 480/QĐ-UBND", "reason": "giá năm 2026"}
    places = {"kind": "covered", "per": "day", "rate": RENT}
    await quarter.decided(f"/markets/{quarter.market}/stall-tariffs", places | price)
    water = {"kind": "water", "code": "water", "name": "Nước", "name_en": "Water", "per": "unit"}
    await quarter.decided(
        f"/markets/{quarter.market}/charge-tariffs", {**water, "rate": WATER, **price}
    )
    found = await quarter.rows(
        "SELECT code, id, reference FROM stall WHERE market_id = :market", market=quarter.market
    )
    quarter.ids = {code: stall_id for code, stall_id, _ in found}
    quarter.references = {code: reference for code, _, reference in found}
    await read_water(quarter, date(2026, 10, 31), 100)
    return quarter


async def read_water(quarter: Quarter, on: date, shows: int) -> None:
    """Each meter is read; stall by stall ten cubic metres more."""
    for place, code in enumerate(METERED):
        reading = {"meter": "water", "read_on": on.isoformat(), "shows": shows + place}
        await quarter.say(f"/stalls/{quarter.ids[code]}/readings", reading)


async def november(quarter: Quarter) -> None:
    """Billed; a storm is waived by two; who pays pays, ahead, in part, twice, without reference."""
    now, market = quarter.now, quarter.market
    done = await quarter.run("2026-11")
    assert [(one["count"], one["amount"]) for one in done["charged"]] == [(HELD, HELD * 30 * DAY)]
    now.move_to(at(STORM_WAIVED, 9))
    storm = {"first_on": "2026-11-10", "last_on": "2026-11-12", "percent": 100, "kind": "storm"}
    outcome = await quarter.decided(
        f"/markets/{market}/waivers", storm | {"basis": "Thông báo bão số 13", "reason": "bão"}
    )
    assert (outcome["billed_anew"], outcome["paid_already"]) == (HELD, 0)
    month = 27 * DAY
    now.move_to(at(PAY_NOVEMBER, 9))
    await quarter.pays(month + 62 * DAY, f"TRA TRUOC {quarter.references[PAYS_AHEAD]}")
    await quarter.pays(month, "TIEN SAP THANG 11 CHI TU")
    twice = await quarter.bill_of(PAYS_TWICE, "2026-11")
    for words in ("nop", "nop lai"):
        await quarter.pays(month, f"{words} {twice['reference']}")
    await quarter.pays(100_000, f"gop {quarter.references[PAYS_PART]}")
    await quarter.pay_what_is_owed(MONTHLY)
    # Nobody knows whose the transfer without a reference is, until a person has looked.
    (item,) = await quarter.office.suspense(reason="no_reference")
    assert item["amount"] == month
    bill = await quarter.bill_of(WITHOUT_REFERENCE, "2026-11")
    asked = await quarter.office.propose(item["id"], "assign", bill["reference"])
    await quarter.office.approve(asked)
    assert (await quarter.bill_of(WITHOUT_REFERENCE, "2026-11"))["status"] == "paid"
    await ask_for_the_refund(quarter, twice, month)
    await take_the_day(quarter, PAY_NOVEMBER)
    await quarter.note_arrears(PAY_NOVEMBER)


async def ask_for_the_refund(quarter: Quarter, bill: dict[str, Any], amount: int) -> None:
    """What was paid twice goes back: asked for, approved, ordered."""
    office = quarter.office
    (twice,) = [one for one in (await quarter.system.read(bill))["payments"] if one["refundable"]]
    wanted = {"amount": amount, "reason": "tiểu thương chuyển khoản hai lần"}
    asked = await quarter.say(f"/payments/{twice['id']}/refunds", wanted, 202)
    await office.approve({"id": asked["approval"]})
    sent = await office.post(f"/refunds/{asked['id']}/sent", {})
    assert sent.status_code == 200, sent.text
    quarter.refund = asked
    quarter.refunded = amount


async def hand_the_stall_over(quarter: Quarter) -> None:
    """Its holder has left on 20/11 and owes for those days; another one has it from the 21st."""
    quarter.now.move_to(at(DECEMBER, 8))
    (contract_id,), *_ = await quarter.rows(
        "SELECT id FROM stall_contract WHERE stall_id = :stall", stall=quarter.ids[HANDED_OVER]
    )
    ended = await quarter.say(f"/contracts/{contract_id}/end", {"last_on": LEFT_ON.isoformat()})
    assert ended["billed_anew"] == 1
    newcomer = {"agency": quarter.system.body.agency_code, "code": "TT-MOI", "name": "Lê Thị Mới"}
    await quarter.say("/vendors", newcomer)
    contract = {"stall": HANDED_OVER, "vendor": "TT-MOI", "first_on": "2026-11-21"}
    await quarter.say(f"/markets/{quarter.market}/contracts", contract)
    done = await quarter.run("2026-11")
    assert sum(one["count"] for one in done["charged"]) == HELD + 1
    amounts = await quarter.rows(
        "SELECT amount FROM charge WHERE stall_id = :stall AND period = '2026-11'"
        " AND voided_at IS NULL ORDER BY first_on",
        stall=quarter.ids[HANDED_OVER],
    )
    # However a month is cut, its parts cost what the month costs; the storm was let off once.
    assert amounts == [(17 * DAY,), (10 * DAY,)]


async def december(quarter: Quarter) -> None:
    """Water is on the bill; one stall is let off whole; what was paid ahead pays; the debit."""
    quarter.now.move_to(at(DECEMBER, 9))
    hardship = {"first_on": "2026-12-01", "last_on": "2026-12-31", "percent": 100}
    hardship |= {"stall": quarter.ids[HARDSHIP], "kind": "hardship", "basis": "Đơn ngày 25/11"}
    await quarter.decided(f"/markets/{quarter.market}/waivers", hardship | {"reason": "ốm nặng"})
    await read_water(quarter, date(2026, 11, 30), 110)
    done = await quarter.run("2026-12")
    sums = {(one["kind"], one["status"]): one["amount"] for one in done["charged"]}
    assert sum(sum_ for (kind, _), sum_ in sums.items() if kind == "water") == 10 * 10 * WATER
    ahead = await quarter.bill_of(PAYS_AHEAD, "2026-12")
    assert ahead["status"] == "paid"
    quarter.now.move_to(at(PAY_DECEMBER, 9))
    await pay_in_cash(quarter)
    by_transfer = [code for code in MONTHLY if code != IN_CASH]
    await quarter.pay_what_is_owed(
        [*by_transfer, *EVERY_SECOND, WITHOUT_REFERENCE, PAYS_TWICE, HARDSHIP]
    )
    quarter.book.book(-quarter.refunded, f"HOAN TRA {quarter.refund['reference']}")
    await take_the_day(quarter, PAY_DECEMBER)
    await quarter.note_arrears(PAY_DECEMBER)


async def pay_in_cash(quarter: Quarter) -> None:
    """Somebody without a phone pays the collector, who hands it over; another person counts it."""
    system, owed = quarter.system, (await quarter.owed())[IN_CASH]
    async with walker(system) as who, signed_in_as(system, "finance") as counting:
        cash = who.act("cash", stall=quarter.ids[IN_CASH], amount=owed, owed=owed)
        (answer,) = await who.send(cash)
        assert answer["outcome"] == "taken", answer
        await system.work()
        assert (await quarter.bill_of(IN_CASH, "2026-12"))["status"] == "paid"
        declared = await who.browser.post("/collect/book", {"declared": str(owed)})
        assert declared.status_code == 303, declared.text
        ((handover, quarter.deposit),) = await quarter.rows(
            "SELECT id, reference FROM cash_handover"
        )
        counted = {"handover": handover, "counted": str(owed), "difference": ""}
        assert (await counting.post("/staff/cash", counted)).status_code == 303
    quarter.cash = owed


async def january(quarter: Quarter) -> None:
    """The last month; who had not paid pays all at once, but one who never does."""
    quarter.now.move_to(at(JANUARY, 9))
    await read_water(quarter, date(2026, 12, 31), 125)
    await quarter.run("2027-01")
    assert (await quarter.bill_of(PAYS_AHEAD, "2027-01"))["status"] == "paid"
    quarter.now.move_to(at(PAY_JANUARY, 9))
    others = [WITHOUT_REFERENCE, PAYS_TWICE, HARDSHIP]
    await quarter.pay_what_is_owed([*MONTHLY, *AT_THE_END, *others])
    # What the collector took is paid in: no new money, it clears what is with them.
    await quarter.pays(quarter.cash, f"NOP TIEN {quarter.deposit}")
    await quarter.system.work()
    (held,) = await quarter.rows(
        "SELECT coalesce(sum(amount), 0)::bigint FROM posting WHERE ledger = 'collector_cash'"
    )
    assert held == (0,)
    # The new holder pays the own days alone: what the former one owes stays that one's.
    await quarter.pays((10 + 31 + 31) * DAY, f"TT {quarter.references[HANDED_OVER]}")
    await quarter.system.work()
    await take_the_day(quarter, PAY_JANUARY)


async def take_the_day(quarter: Quarter, day: date) -> None:
    """In the evening the treasury's statement of the day is taken in."""
    quarter.now.move_to(at(day, 17, 30))
    name = f"so-phu-{day:%d%m}.csv"
    await quarter.office.take(quarter.book, quarter.book.statement(day), name)


async def close_every_day(quarter: Quarter) -> None:
    """From the first day with money to the last: reconciled to zero, closed by two people."""
    day = PAY_NOVEMBER
    while day <= PAY_JANUARY:
        run = await quarter.office.reconcile(quarter.book, day)
        assert [one for one in await quarter.office.odd(run) if one["status"] == "open"] == [], day
        await quarter.office.close(run)
        day += timedelta(days=1)
    places = (await quarter.office.day(quarter.book, PAY_JANUARY))["places"]
    assert places["on_account"] == quarter.came
    assert places["paid_back"] == quarter.refunded
    refund = await quarter.office.read(f"/refunds/{quarter.refund['id']}")
    assert (refund["status"], refund["amount"]) == ("succeeded", quarter.refunded)


async def count_every_dong(quarter: Quarter) -> None:
    """What the tariffs cost is waived, paid, there in part or owed; what came is there or back."""
    rates = await quarter.rates()
    assert [one.period for one in rates] == ["2027-01", "2026-12", "2026-11"]
    async with quarter.system.parts.database.transaction() as session:
        assert misfits(rates, await charged_of(session, quarter.market)) == []
        ahead = (await sum_credit_of(session, [quarter.market])).get(quarter.market, 0)
        page = await page_of_standings(session, quarter.market, PAY_JANUARY, limit=STALLS)
    collected = sum(one.collected for one in rates)
    assert quarter.came == collected + ahead + quarter.refunded
    by_month = {one.period: one for one in rates}
    water = {"2026-11": 0, "2026-12": 10 * 10 * WATER, "2027-01": 10 * 15 * WATER}
    days = {"2026-11": 30, "2026-12": 31, "2027-01": 31}
    for period, one in by_month.items():
        assert one.billed == HELD * days[period] * DAY + water[period]
    waived = {period: one.waived for period, one in by_month.items()}
    assert waived == {"2026-11": HELD * 3 * DAY, "2026-12": 31 * DAY, "2027-01": 0}
    # Who never paid owes three months; who paid in part the rest; the former holder 17 days; who
    # pays two months at once the last one.
    part, every = 89 * DAY - 100_000, 31 * DAY * len(EVERY_SECOND)
    owed = 89 * DAY + part + 17 * DAY + every
    assert sum(one.owed for one in rates) == owed
    assert by_month["2026-11"].percent == 99
    states = count_states(page.items)
    assert states == {
        "paid": HELD - 2 - len(EVERY_SECOND),
        "overdue": 2,
        "owed": len(EVERY_SECOND),
        "empty": STALLS - HELD,
        **dict.fromkeys(("part", "waived"), 0),
    }


async def look_back(quarter: Quarter) -> None:
    """The arrears of a day that is over are what they were that evening."""
    for day, found in quarter.arrears.items():
        assert await quarter.read_arrears(day) == found
    first, second = (sum_ages(quarter.arrears[day]) for day in (PAY_NOVEMBER, PAY_DECEMBER))
    assert (first.not_due, first.total) == (0, first.to_30)
    # Due on 15/11, which is thirty days ago; December's own bills are due that very day.
    assert (second.to_30 > 0, second.to_60, second.not_due > 0) == (True, 0, True)
    last = sum_ages(await quarter.read_arrears(PAY_JANUARY))
    assert last.total == sum(one.owed for one in await quarter.rates())
    # Of November: who never pays, who paid in part, who left.
    assert (last.to_60, last.to_90) == (27 * DAY + 27 * DAY - 100_000 + 17 * DAY, 0)


async def test_a_market_of_three_hundred_stalls_over_a_quarter(
    system: System, now: FrozenClock
) -> None:
    quarter = await set_up(system, now)
    await november(quarter)
    await hand_the_stall_over(quarter)
    await december(quarter)
    await january(quarter)
    await close_every_day(quarter)
    await count_every_dong(quarter)
    await look_back(quarter)
    assert await system.broken() == []
