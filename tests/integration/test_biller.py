"""A bank's counter takes money for us: asked, paid, taken back, told twice, and by a day's file."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.sandbox.dialects import thuho
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Charge, Merchant
from app.seed.agency import configure_gateway
from core import clock
from core.ids import new_id
from payments.attempts import pulled
from tests.support.markup import cells_of, tree_of, words_of
from tests.support.staff_browser import StaffBrowser, signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEYS = {"partner": "VCBTHUHO", "secret": "secret-of-a-counter"}
PATH = "/callbacks/thuho/counter"


async def open_counter(system: System) -> None:
    """Open an account at a bank that collects, here and in the sandbox."""
    async with system.parts.database.transaction() as session:
        await configure_gateway(
            session,
            system.parts.cipher,
            agency_id=system.body.agency_id,
            collection_account_id=system.body.collection_account_id,
            gateway="thuho",
            account="counter",
            base_url=f"{system.sandbox_url}/thuho",
            credentials=KEYS,
        )
    system.parts.payments.agencies.forget()
    system.sandbox.open("thuho", KEYS, f"{system.base_url}{PATH}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(shared_system: System) -> System:
    """The shared system with an account at a bank that collects."""
    await open_counter(shared_system)
    return shared_system


def bank(system: System) -> Merchant:
    return system.sandbox.store.merchants[KEYS["partner"]]


def charged(amount: int) -> Charge:
    now = clock.now()
    return Charge(f"FT{new_id('n')[-16:]}", amount, now, now)


async def call(system: System, body: bytes, path: str = PATH) -> httpx2.Response:
    """A call of the bank's, signed now."""
    headers = thuho.signature(bank(system), body, clock.now())
    return await system.browser.post(path, content=body, headers=headers)


async def ask(system: System, code: str) -> dict[str, Any]:
    answer = await call(system, thuho.inquiry(bank(system), code, "R1"), f"{PATH}/pull")
    assert answer.status_code == 200
    assert thuho.vouches(bank(system), answer.content)
    told: dict[str, Any] = answer.json()
    return told


async def pay(system: System, code: str, charge: Charge) -> str:
    answer = await call(system, thuho._pay(bank(system), code, charge))
    assert answer.status_code == 200
    assert thuho.vouches(bank(system), answer.content)
    told: str = answer.json()["code"]
    return told


async def take_back(system: System, charge: Charge, number: str) -> str:
    body = thuho.reversal(bank(system), charge, number, clock.now())
    answer = await call(system, body)
    assert answer.status_code == 200
    told: str = answer.json()["code"]
    return told


async def rows_of(system: System, number: str) -> list[Any]:
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT credited, gateway, bill_id FROM payment WHERE gateway_ref = :ref")
        return list((await session.execute(wanted, {"ref": number})).all())


async def waits_for(system: System, number: str) -> list[str]:
    """Why a person looks at what bears this number."""
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT s.reason FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
            " WHERE p.gateway_ref = :ref AND s.closed_at IS NULL"
        )
        return list((await session.execute(wanted, {"ref": number})).scalars())


async def conflicts_of(system: System, number: str) -> list[dict[str, Any]]:
    """What the alerts say of the money of this number."""
    async with system.parts.database.transaction() as session:
        wanted = text(
            "SELECT a.details FROM audit_entry a JOIN payment p ON p.id = a.object_id"
            " WHERE p.gateway_ref = :ref AND a.action = 'payment.conflicting_notice'"
            " ORDER BY a.id"
        )
        return list((await session.execute(wanted, {"ref": number})).scalars())


async def test_a_code_is_asked_about_paid_once_and_has_its_receipt(system: System) -> None:
    bill = await system.create_bill()
    code = bill["reference"]
    told = await ask(system, code)
    assert (told["code"], told["bill"]["amount"]) == ("00", bill["amount"])
    assert told["bill"]["lines"][0]["amount"] == bill["amount"]
    charge = charged(bill["amount"])
    answers = [await pay(system, code, charge) for _ in range(3)]
    assert answers == ["00", "00", "00"]
    found = await system.read(bill)
    assert found["status"] == "paid"
    (payment,) = found["payments"]
    assert (payment["gateway"], payment["allocated"]) == ("thuho", bill["amount"])
    assert (await ask(system, code))["code"] == "02"
    await system.work()
    found = await system.read(bill)
    assert len(found["receipts"]) == 1
    assert len(await rows_of(system, charge.transaction_no)) == 1
    assert await system.broken() == []


async def test_one_payment_told_by_twenty_at_once_is_one(system: System) -> None:
    bill = await system.create_bill()
    charge = charged(bill["amount"])
    told = await asyncio.gather(*(pay(system, bill["reference"], charge) for _ in range(20)))
    assert set(told) == {"00"}
    assert len(await rows_of(system, charge.transaction_no)) == 1
    # Another number is other money, though everything else is the same.
    assert await pay(system, bill["reference"], charged(bill["amount"])) == "00"
    refundable = sum(one["refundable"] for one in (await system.read(bill))["payments"])
    assert refundable == bill["amount"]
    assert await system.broken() == []


async def test_odd_money_goes_where_all_odd_money_goes(system: System) -> None:
    bill = await system.create_bill()
    code, amount = bill["reference"], bill["amount"]
    assert await pay(system, code, charged(amount - 1_000)) == "00"
    assert (await ask(system, code))["bill"]["amount"] == 1_000
    assert await pay(system, code, charged(1_000)) == "00"
    assert (await system.read(bill))["status"] == "paid"
    # Nobody's code, and one number with two amounts: kept, and a person looks.
    stray = charged(7_000)
    assert await pay(system, "LPAAAAAAAAAABF", stray) == "10"
    assert len(await rows_of(system, stray.transaction_no)) == 1
    other = await system.create_bill()
    twice = charged(other["amount"])
    assert await pay(system, other["reference"], twice) == "00"
    assert await pay(system, other["reference"], replace(twice, amount=1)) == "10"
    credited = [row.credited for row in await rows_of(system, twice.transaction_no)]
    assert sorted(credited) == [1, other["amount"]]
    assert await system.broken() == []


async def test_a_payment_that_is_taken_back_has_gone_back_once(system: System) -> None:
    bill = await system.create_bill()
    charge = charged(bill["amount"])
    assert await pay(system, bill["reference"], charge) == "00"
    number = new_id("rv")
    assert [await take_back(system, charge, number) for _ in range(2)] == ["00", "00"]
    (payment,) = (await system.read(bill))["payments"]
    assert (payment["paid_back"], payment["refundable"]) == (bill["amount"], 0)
    assert (await system.read(bill))["status"] == "paid"
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT status, amount FROM dispute WHERE payment_id = :id")
        lost = (await session.execute(wanted, {"id": payment["id"]})).all()
        alerted = text("SELECT count(*) FROM audit_entry WHERE object_id = :id AND action = :of")
        alert = {"id": payment["id"], "of": "payment.disputed"}
        assert await session.scalar(alerted, alert) == 1
    assert [tuple(one) for one in lost] == [("lost", bill["amount"])]
    assert await system.broken() == []


async def gone_back(browser: StaffBrowser) -> list[str]:
    """What the first page says of money that was taken back: how many, and where they are."""
    named = tree_of((await browser.get("/staff")).text).xpath(
        "//dl//div[dt[contains(., 'Bị lấy lại')]]//a"
    )
    return [text for one in named for text in (one.text_content().strip(), one.get("href"))]


async def test_who_looks_at_the_day_sees_what_was_taken_back_at_once(system: System) -> None:
    """Its bill stays paid and has its receipt: somebody has to look."""
    async with signed_in_as(system, "finance") as clerk, signed_in_as(system, "clerk") as other:
        before = await gone_back(clerk)
        charge = charged((bill := await system.create_bill())["amount"])
        assert await pay(system, bill["reference"], charge) == "00"
        assert await gone_back(clerk) == before
        assert await take_back(system, charge, new_id("rv")) == "00"
        count, path = await gone_back(clerk)
        assert int(count.split()[0]) == (int(before[0].split()[0]) if before else 0) + 1
        shown = tree_of((await clerk.get(path)).text).xpath("//table//tbody//a/@href")
        assert f"/staff/payments/{(await system.read(bill))['payments'][0]['id']}" in shown
        assert await gone_back(other) == []
    with clock.frozen(clock.now() + timedelta(days=15)):
        async with signed_in_as(system, "finance") as later:
            assert await gone_back(later) == []


async def test_the_list_behind_that_figure_has_what_it_counts(system: System) -> None:
    """Two weeks, as the figure: what went back before stands in the list of all."""
    now = clock.now()
    for days in (0, 10):
        with clock.frozen(now + timedelta(days=days)):
            charge = charged((bill := await system.create_bill())["amount"])
            assert await pay(system, bill["reference"], charge) == "00"
            assert await take_back(system, charge, new_id("rv")) == "00"
    with clock.frozen(now + timedelta(days=15)):
        async with signed_in_as(system, "finance") as later:
            count, path = await gone_back(later)
            assert (count.split()[0], len(cells_of((await later.get(path)).text))) == ("1", 1)
            page = (await later.get(path)).text
            assert "Đã bị lấy lại từ ngày" in words_of(page)
            assert tree_of(page).xpath("//a[@href='/staff/disputes?which=lost']")
            assert len(cells_of((await later.get("/staff/disputes?which=lost")).text)) > 1
            # Nobody's day, and a day of what is no list of those that were lost.
            for odd in ("which=lost&since=2026-13-01", "since=2026-01-01"):
                assert (await later.get(f"/staff/disputes?{odd}")).status_code == 200


async def test_one_number_told_of_for_two_codes_is_one_money_and_a_person_looks(
    system: System,
) -> None:
    bill, other = await system.create_bill(), await system.create_bill()
    charge = charged(bill["amount"])
    assert await pay(system, bill["reference"], charge) == "00"
    for code in (other["reference"], "LPAAAAAAAAAABF"):
        assert await pay(system, code, charge) == "10", "a second payer's word was passed over"
    assert len(await rows_of(system, charge.transaction_no)) == 1
    assert (await system.read(other))["status"] == "open"
    said = await conflicts_of(system, charge.transaction_no)
    assert [one["order_ref"] for one in said] == [other["reference"], "LPAAAAAAAAAABF"]
    # So it is where the first code was nobody's: who pays by it is not told that all is well.
    stray = charged(bill["amount"])
    assert await pay(system, "LPAAAAAAAAAABF", stray) == "10"
    assert await pay(system, other["reference"], stray) == "10"
    assert await system.broken() == []


async def test_one_that_was_taken_back_before_it_was_told_of_settles_nothing(
    system: System,
) -> None:
    bill = await system.create_bill()
    charge = charged(bill["amount"])
    assert await take_back(system, charge, new_id("rv")) == "10"
    assert await pay(system, bill["reference"], charge) == "10"
    assert (await system.read(bill))["status"] == "open"
    assert len(await rows_of(system, charge.transaction_no)) == 1, "it was dropped"
    # Whoever looks is told that it may be gone: its amount is right.
    assert await waits_for(system, charge.transaction_no) == ["held_by_gateway"]
    (said,) = await conflicts_of(system, charge.transaction_no)
    assert said["disputed_before"]
    assert await system.broken() == []


async def test_one_who_forgets_that_it_was_taken_back_is_seen_to_settle_it(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the test above."""

    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(pulled, "was_disputed_before", never)
    bill = await system.create_bill()
    charge = charged(bill["amount"])
    assert await take_back(system, charge, new_id("rv")) == "10"
    assert await pay(system, bill["reference"], charge) == "00"
    assert (await system.read(bill))["status"] == "paid"


async def test_payment_and_reversal_at_one_instant_leave_no_settled_bill_without_money(
    system: System,
) -> None:
    for _ in range(8):
        bill = await system.create_bill()
        charge = charged(bill["amount"])
        await asyncio.gather(
            pay(system, bill["reference"], charge), take_back(system, charge, new_id("rv"))
        )
        found = await system.read(bill)
        if found["status"] == "paid":
            (payment,) = found["payments"]
            assert payment["paid_back"] == bill["amount"]
        assert len(await rows_of(system, charge.transaction_no)) == 1
    assert await system.broken() == []


async def test_a_bill_that_has_expired_is_told_as_that_and_not_as_settled(system: System) -> None:
    ends = clock.now() + timedelta(minutes=30)
    bill = await system.create_bill(expires_at=ends.isoformat())
    with clock.frozen(ends + timedelta(minutes=1)):
        # As soon as its term is over, whether or not the worker has looked.
        assert (await ask(system, bill["reference"]))["code"] == "04"
        await system.work()
        assert (await system.read(bill))["status"] == "expired"
        assert (await ask(system, bill["reference"]))["code"] == "04"
        # Told of all the same, it settles: the fee is owed still.
        assert await pay(system, bill["reference"], charged(bill["amount"])) == "00"
        assert (await ask(system, bill["reference"]))["code"] == "02"
    cancelled = await system.create_bill()
    await system.post(f"/api/v1/bills/{cancelled['id']}/cancel", {"reason": "nhầm"})
    assert (await ask(system, cancelled["reference"]))["code"] == "02"


async def test_money_that_a_person_looks_at_stands_in_the_way_of_a_second_payment(
    system: System,
) -> None:
    bill = await system.create_bill()
    charge = charged(bill["amount"])
    assert await take_back(system, charge, new_id("rv")) == "10"
    assert await pay(system, bill["reference"], charge) == "10"
    assert (await ask(system, bill["reference"]))["code"] == "03"
    path = f"/api/v1/bills/{bill['id']}/payments"
    answer = await system.post(path, {"gateway": "paygov"})
    assert (answer.status_code, answer.json()["code"]) == (409, "payment_outcome_pending")
    # Another bill's is no hindrance, nor is what waits for the rest of this one's amount.
    other = await system.create_bill()
    assert await pay(system, other["reference"], charged(1_000)) == "00"
    assert (await ask(system, other["reference"]))["code"] == "00"


async def test_a_code_that_is_being_paid_elsewhere_or_is_nobody_s_is_not_told_as_owed(
    system: System,
) -> None:
    bill = await system.create_bill()
    await system.start(bill)
    assert (await ask(system, bill["reference"]))["code"] == "03"
    assert (await ask(system, "LPAAAAAAAAAABF"))["code"] == "01"
    # Typed in otherwise than codes are: nobody's, and no doubt about who asks.
    assert (await ask(system, bill["reference"].lower()))["code"] == "01"
    body = thuho.inquiry(bank(system), bill["reference"], "R1")
    stranger = replace(bank(system), credentials=KEYS | {"secret": "secret-of-a-stranger"})
    headers = thuho.signature(stranger, body, clock.now())
    answer = await system.browser.post(f"{PATH}/pull", content=body, headers=headers)
    assert answer.status_code == 401
    assert "amount" not in answer.text


@pytest.mark.parametrize(
    "outcome",
    [PayerOutcome.SUCCESS, PayerOutcome.DUPLICATE_CALLBACK, PayerOutcome.DECLINE],
)
async def test_a_customer_at_the_sandbox_s_counter(system: System, outcome: PayerOutcome) -> None:
    """Over real HTTP, both ways."""
    bill = await system.create_bill()
    asked = {"partner": KEYS["partner"], "code": bill["reference"], "amount": bill["amount"]}
    counter = await system.browser.post(
        f"{system.sandbox_url}/thuho/counter", content=json.dumps(asked)
    )
    page = counter.json()["page"]
    answer = await system.browser.post(page, data={"outcome": str(outcome)})
    assert answer.status_code == 303
    await system.told()
    found = await system.read(bill)
    if outcome is PayerOutcome.DECLINE:
        assert (found["status"], found["payments"]) == ("open", [])
        return
    assert found["status"] == "paid"
    assert len(found["payments"]) == 1
