"""Money of a payment goes back once, by whichever ways: the gateway lies, people ask for all of it.

Hypothesis draws what people, the gateway, the bank and time do; afterwards what has really gone
back (the sandbox's own store and the statement's debits) is compared with what came.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome, Timing
from adapters.sandbox.engine.store import Order, RefundStatus
from core import clock
from core.ids import new_id
from payments.refunds import sending
from tests.api.test_approvals import bank_ref
from tests.api.test_refunds import approved, ask, asked, read
from tests.journeys.test_every_gateway import LINES, order_of, press, settled, start
from tests.support.every_gateway import PLACE, open_every_account
from tests.support.settlements import HEADER, new_batch
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

#: A gateway of the sandbox that gives back and can be asked about each refund.
GATEWAY = "momo"
CAME = 32_000
ANSWERS = (
    *(Fault.TIMEOUT, Fault.HTML, Fault.TRUNCATED, Fault.RATE_LIMITED, Fault.DECLINE),
    *(Fault.NOT_DECIDED, Fault.SERVER_ERROR),
)
STEPS = st.one_of(
    st.tuples(
        st.just("ask"), st.sampled_from(("bank", "gateway")), st.sampled_from((9_000, 20_000))
    ),
    st.tuples(st.just("lie"), st.sampled_from(ANSWERS), st.just(0)),
    st.tuples(st.just("decide"), st.sampled_from(RefundStatus), st.just(0)),
    st.tuples(st.just("work"), st.just(""), st.sampled_from((0, 2, 90))),
    st.tuples(st.sampled_from(("order", "give up", "settle", "debit")), st.just(""), st.just(0)),
)
Step = tuple[str, Any, int]
#: What every run of the machine goes through at least: an answer lost, then both ways at once.
LOST: list[Step] = [
    ("ask", "gateway", 20_000),
    ("lie", Fault.TIMEOUT, 0),
    ("work", "", 0),
    ("ask", "bank", 9_000),
    ("order", "", 0),
    ("give up", "", 0),
    ("debit", "", 0),
    ("work", "", 2),
    ("settle", "", 0),
]


@dataclass(slots=True)
class Returns:
    """One payment at a gateway, and what people want back of it."""

    system: System
    office: FinanceOffice
    payment: dict[str, Any]
    order: Order
    began: Any
    refunds: list[dict[str, Any]] = field(default_factory=list)
    debited: int = 0
    shown: set[str] = field(default_factory=set)
    passed: timedelta = timedelta()

    async def do(self, step: Step) -> None:
        name, what, figure = step
        match name:
            case "ask":
                answer = await ask(self.office, self.payment, figure, way=what)
                if answer.status_code == 202:
                    self.refunds.append(await approved(self.office, answer.json()))
            case "lie":
                self.system.sandbox.faults.script(
                    self.order.merchant_id, Operation.REFUND, what, retry_after="0"
                )
            case "decide":
                for one in self.given():
                    if one.status is RefundStatus.OPEN:
                        one.status = what
            case "work":
                self.passed += timedelta(minutes=figure)
                with clock.frozen(clock.now() + self.passed):
                    await self.system.work()
            case "order":
                for one in self.refunds:
                    answer = await self.office.post(f"/refunds/{one['id']}/sent", {})
                    assert answer.status_code == 409 or one["way"] == "bank", answer.text
            case "give up":
                for one in self.refunds:
                    body = {"reason": "chưa thấy gì"}
                    if one["way"] == "gateway":
                        answer = await self.office.post(f"/refunds/{one['id']}/failure", body)
                        if answer.status_code == 202:
                            await self.office.approve(answer.json())
            case "settle":
                await self._settle()
            case _:
                await self._debit()

    def given(self) -> list[Any]:
        """What the sandbox has of refunds of the order."""
        return self.system.sandbox.store.refunds_of(self.order)

    async def _settle(self) -> None:
        """The gateway's file shows what it has given back."""
        on, batch = clock.business_date(clock.now()), new_batch()
        rows = [
            f"{batch},{on},refund,{one.refund_id},{one.transaction_no},{one.amount},0,{one.amount},"
            for one in self.given()
            if one.status is RefundStatus.DONE and one.refund_id not in self.shown
        ]
        self.shown |= {one.refund_id for one in self.given() if one.status is RefundStatus.DONE}
        if rows:
            content = "\n".join((HEADER, *rows)).encode()
            answer = await self.system.office.post(
                "/api/v1/settlements",
                files={"file": ("qt.csv", content, "text/csv")},
                data={"gateway": f"{GATEWAY}/{PLACE}", "mapping": "lephi-settlement"},
                headers={"Idempotency-Key": new_id("k")},
            )
            assert answer.status_code == 201, answer.text

    async def _debit(self) -> None:
        """The bank carries out the transfers that the office may order."""
        due = []
        for one in self.refunds:
            found = await read(self.office, one)
            if found["transfer"] is not None and one["id"] not in self.shown:
                due.append(found)
        for found in due:
            self.shown.add(found["id"])
            self.debited += found["amount"]
            words = f"{found['amount']}|debit|HOAN TRA {found['reference']}|{bank_ref()}"
            await take_statement(self.system, words)
        if due:
            await reconcile(self.system)

    async def problems(self) -> list[str]:
        """What is wrong, with what has really gone back beside it."""
        out = [one for one in self.given() if one.status is not RefundStatus.REFUSED]
        back = sum(one.amount for one in out) + self.debited
        found = [] if back <= CAME else [f"{back} went back of {CAME}"]
        by_name = {one.refund_id: one for one in out}
        for one in self.refunds:
            now = await read(self.office, one)
            there = by_name.pop(now["reference"], None)
            if now["way"] == "gateway" and now["status"] == "succeeded" and there is None:
                found.append(f"{now['id']} is said to have gone back")
            if now["status"] == "failed" and there is not None:
                found.append(f"{now['id']} has failed and went back")
            if now["way"] == "bank" and there is not None:
                found.append(f"{now['id']} went back by both ways")
        found += [f"{name} went back and nobody asked for it" for name in by_name]
        return found + await self.system.broken()


@pytest.fixture(scope="module")
def world(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[asyncio.Runner, System]]:
    """A system for all runs, and the loop that its connections belong to."""
    timing = Timing(schedule=(0.05,), never=0.05)
    with asyncio.Runner() as runner:
        opened = system_at(system_template, tmp_path_factory.mktemp("system"), timing)
        system = runner.run(opened.__aenter__())
        runner.run(open_every_account(system))
        try:
            yield runner, system
        finally:
            runner.run(opened.__aexit__(None, None, None))


async def live(system: System, steps: list[Step]) -> list[str]:
    """A payment, these steps, and time enough for every answer; what is wrong then."""
    system.sandbox.faults.clear()
    office = await finance_office(system)
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, GATEWAY)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    returns = Returns(system, office, payment, order_of(system, payment), clock.now())
    for step in steps:
        await returns.do(step)
    system.sandbox.faults.clear()
    for minutes in (5, 60):
        await returns.do(("work", "", minutes))
    return await returns.problems()


@given(steps=st.lists(STEPS, min_size=3, max_size=10))
@example(steps=LOST)
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_money_goes_back_once(world: tuple[asyncio.Runner, System], steps: list[Step]) -> None:
    runner, system = world
    assert runner.run(live(system, steps)) == []


def test_a_service_that_calls_again_gives_back_twice(
    world: tuple[asyncio.Runner, System], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: an unclear answer is taken for none, and called for anew."""
    runner, system = world
    take, order = sending._take, sending._order

    async def again(session: Any, refund_id: str) -> Any:
        errand = await take(session, refund_id)
        return None if errand is None else replace(errand, call=True)

    async def renamed(*given: Any) -> Any:
        made = await order(*given)
        return replace(made, refund_ref=f"{made.refund_ref}-{new_id('r')[-6:]}")

    with monkeypatch.context() as patch:
        patch.setattr(sending, "_take", again)
        patch.setattr(sending, "_order", renamed)
        small: list[Step] = [("ask", "gateway", 9_000), *LOST[1:3], ("work", "", 2)]
        found = runner.run(live(system, small))
    assert [line for line in found if "nobody asked for it" in line], found


def test_the_database_keeps_a_refund_to_its_way(world: tuple[asyncio.Runner, System]) -> None:
    """Whatever a service forgets: what one way has done, the other cannot be said to have."""
    runner, system = world

    async def live_once() -> dict[str, dict[str, Any]]:
        office = await finance_office(system)
        bill = await system.create_bill(lines=LINES)
        payment = await start(system, bill, GATEWAY)
        await press(system, payment, PayerOutcome.SUCCESS)
        await settled(system, bill)
        return {
            way: await approved(office, await asked(office, payment, 9_000, way=way))
            for way in ("bank", "gateway")
        }

    async def write(refund: dict[str, Any], words: str) -> None:
        async with system.parts.database.transaction() as session:
            statement = text(f"UPDATE refund SET {words} WHERE id = :id")
            await session.execute(statement, {"id": refund["id"]})

    made = runner.run(live_once())
    for way, words in (
        ("gateway", "bank_ref = 'FT1'"),
        ("gateway", "status = 'succeeded', line_id = 'line_1'"),
        ("bank", "gateway_ref = '1'"),
        ("bank", "status = 'submitted'"),
        ("bank", "status = 'succeeded', gateway_paid_at = now()"),
    ):
        with pytest.raises(IntegrityError, match="one_way"):
            runner.run(write(made[way], words))
    for way, words in (("gateway", "way = 'bank', gateway_account_id = NULL"),):
        with pytest.raises(DBAPIError, match="the way of refund"):
            runner.run(write(made[way], words))
    runner.run(system.work())
