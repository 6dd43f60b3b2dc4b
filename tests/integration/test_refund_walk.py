"""Refunds in any order over money of every kind, beside a model that knows only sums and states.

Each walk takes payments whose money paid a bill, was over, or waits in suspense, and does whatever
people may do with refunds of them. After each step the books must hold, and what is refused must be
what the model refuses.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from app.invariants import broken
from core.ids import new_id
from payments.refunds import commands
from tests.api.test_approvals import bank_ref
from tests.support.callbacks import credit
from tests.support.staff import FinanceOffice, finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")

_STEPS = 40


@dataclass
class Wanted:
    """A refund as the model has it."""

    id: str
    approval: str
    reference: str
    amount: int
    status: str = "requested"
    #: whether a statement shows its debit, which may come before it is approved
    debited: bool = False


@dataclass
class Money:
    """A payment as the model has it."""

    payment_id: str
    credited: int
    refunds: list[Wanted] = field(default_factory=list)

    @property
    def left(self) -> int:
        """What may still be asked for."""
        standing = (one for one in self.refunds if one.status not in ("rejected", "failed"))
        return self.credited - sum(one.amount for one in standing)


class Walk:
    """One walk: what there is, and what people do with it."""

    def __init__(self, system: System, office: FinanceOffice, noise: random.Random) -> None:
        self.system, self.office, self.noise = system, office, noise
        self.money: list[Money] = []

    async def begin(self) -> None:
        """Money that paid a bill, that was over, and that waits."""
        for more, named in ((0, True), (3000, True), (0, False)):
            bill = await self.system.create_bill()
            words = bill["reference"] if named else "chuyen tien"
            await credit(self.system, bill["amount"] + more, words, bank_ref=bank_ref())
            async with self.system.parts.database.transaction() as session:
                payment = str(await session.scalar(text("SELECT max(id) FROM payment")))
            self.money.append(Money(payment, bill["amount"] + more))

    async def step(self) -> None:
        """Something that somebody may try."""
        doing = self.noise.choice(
            (self.ask, self.ask, self.decide, self.decide, self.send, self.fail, self.prove)
        )
        await doing()

    async def ask(self) -> None:
        money = self.noise.choice(self.money)
        amount = self.noise.choice((1000, 2000, money.credited, max(money.left, 1000)))
        body = {"amount": amount, "reason": "thử"}
        answer = await self.office.post(f"/payments/{money.payment_id}/refunds", body)
        assert (answer.status_code == 202) is (amount <= money.left), answer.text
        if answer.status_code == 202:
            made = answer.json()
            money.refunds.append(Wanted(made["id"], made["approval"], made["reference"], amount))

    def some(self, *statuses: str) -> Wanted | None:
        found = [one for money in self.money for one in money.refunds if one.status in statuses]
        return self.noise.choice(found) if found else None

    async def decide(self) -> None:
        if (one := self.some("requested")) is None:
            return
        if self.noise.random() < 0.7:
            await self.office.approve({"id": one.approval})
            one.status = "approved"
        else:
            path = f"/approvals/{one.approval}/reject"
            await self.office.post(path, {"reason": "không"}, by=self.office.chief)
            one.status = "rejected"

    async def send(self) -> None:
        one = self.some("requested", "approved", "unknown", "succeeded", "failed", "rejected")
        if one is not None:
            answer = await self.office.post(f"/refunds/{one.id}/sent", {})
            may = one.status in ("approved", "unknown", "succeeded")
            assert (answer.status_code == 200) is may, (one.status, answer.text)
            if one.status == "approved":
                one.status = "unknown"

    async def fail(self) -> None:
        one = self.some("requested", "approved", "unknown", "succeeded", "failed", "rejected")
        if one is None or one.status == "requested":  # its own approval waits
            return
        answer = await self.office.post(f"/refunds/{one.id}/failure", {"reason": "trả lại"})
        may = one.status in ("approved", "unknown")
        assert (answer.status_code == 202) is may, (one.status, answer.text)
        if may:
            await self.office.approve(answer.json())
            one.status = "failed"

    async def prove(self) -> None:
        one = self.some("requested", "approved", "unknown", "succeeded", "failed", "rejected")
        if one is None:
            return
        amount = one.amount + self.noise.choice((0, 0, 0, 1))
        await take_statement(self.system, f"{amount}|debit|hoan tra {one.reference}|{bank_ref()}")
        await reconcile(self.system)
        one.debited |= amount == one.amount
        for each in (each for money in self.money for each in money.refunds):
            if each.debited and each.status in ("approved", "unknown"):
                each.status = "succeeded"

    async def compare(self) -> None:
        """The books hold, and are where the model has them."""
        async with self.system.parts.database.transaction() as session:
            assert await broken(session) == []
            places = await self.system.parts.payments.money.of_payments(
                session, [money.payment_id for money in self.money]
            )
            rows = await session.execute(text("SELECT id, status FROM refund"))
            states = dict(tuple(row) for row in rows)
        for money in self.money:
            place = places[money.payment_id]
            whole = place.allocated + place.suspense + place.refundable + place.reversed
            assert whole + place.paying_back + place.paid_back == money.credited
            assert place.paying_back == _sum(money, "approved", "unknown")
            assert place.paid_back == _sum(money, "succeeded")
            for one in money.refunds:
                assert states[one.id] == one.status


def _sum(money: Money, *statuses: str) -> int:
    return sum(one.amount for one in money.refunds if one.status in statuses)


async def walk(system: System, seed: int) -> None:
    office = await finance_office(system)
    walk = Walk(system, office, random.Random(seed))
    await walk.begin()
    for _ in range(_STEPS):
        await walk.step()
        await walk.compare()
    assert await system.broken() == []


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_done_with_refunds_the_books_hold(
    shared_system: System, seed: int
) -> None:
    await walk(shared_system, seed)


async def test_a_service_that_pays_back_what_it_does_not_note_is_seen(
    shared_system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a debit is seen, and the money is not moved."""

    async def forgetful(*_: Any) -> None:
        return None

    monkeypatch.setattr(commands, "pay_back", forgetful)
    office = await finance_office(shared_system)
    one = Walk(shared_system, office, random.Random(0))
    await one.begin()
    money = one.money[0]
    answer = await office.post(
        f"/payments/{money.payment_id}/refunds", {"amount": 1000, "reason": new_id("r")}
    )
    made = answer.json()
    await office.approve({"id": made["approval"]})
    await take_statement(shared_system, f"1000|debit|tra {made['reference']}|{bank_ref()}")
    await reconcile(shared_system)
    lines = await shared_system.broken()
    assert any("succeeded has paid it back" in line for line in lines), lines
    # Mend it, for the system is shared.
    async with shared_system.parts.database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE refund SET status = 'unknown', line_id = NULL WHERE id = :id"),
            {"id": made["id"]},
        )
