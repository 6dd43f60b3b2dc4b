"""A payer's bank disputes a card payment: its money is set aside, goes back or stays, once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from adapters.sandbox.engine.disputes import DisputeStep
from adapters.sandbox.engine.state import PayerOutcome, Timing
from adapters.sandbox.engine.store import Order
from core.ids import new_id
from payments.disputes import commands
from payments.refunds.settled import SettledRefund, forget_settled_lines, note_settled_refunds
from tests.api.test_refunds import approved, asked
from tests.journeys.test_every_gateway import LINES, order_of, press, settled, start
from tests.support.every_gateway import open_every_account
from tests.support.problems import problem
from tests.support.rows import count
from tests.support.staff import FinanceOffice, finance_office
from tests.support.system import System, system_at
from tests.support.system_builder import SystemTemplate

pytestmark = pytest.mark.asyncio(loop_scope="module")

GATEWAY = "stripe"
STEP = DisputeStep


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(
    system_template: SystemTemplate, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("system")
    async with system_at(system_template, folder, Timing(schedule=(0.05,))) as built:
        await open_every_account(built)
        yield built


@dataclass(slots=True)
class Disputed:
    """A bill of 32,000 đ that was paid by card, with its receipt, and whoever looks at it."""

    system: System
    office: FinanceOffice
    bill: dict[str, Any]
    payment: dict[str, Any]
    order: Order

    async def told(self, step: DisputeStep, amount: int | None = None) -> None:
        """The gateway tells of a step, and is told that it was taken."""
        asked_for = {"merchant": self.order.merchant_id, "order_id": self.order.order_id}
        body: dict[str, Any] = asked_for | {"step": str(step), "amount": amount}
        url = f"{self.system.sandbox_url}/sandbox/disputes"
        answer = await self.system.browser.post(url, json=body)
        assert (answer.status_code, answer.json()["state"]) == (201, "acknowledged"), answer.text

    async def found(self) -> list[dict[str, Any]]:
        answer = await self.system.browser.get(
            f"/api/v1/disputes?payment={self.payment['id']}", headers=self.office.clerk
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def refunds(self) -> list[tuple[str, str, int]]:
        answer = await self.system.browser.get(
            f"/api/v1/refunds?payment={self.payment['id']}", headers=self.office.clerk
        )
        return [(one["way"], one["status"], one["amount"]) for one in answer.json()["items"]]

    async def ledgers(self) -> dict[str, int]:
        """What each ledger has of the payment, in đồng."""
        async with self.system.parts.database.transaction() as session:
            rows = await session.execute(
                text(
                    "SELECT ledger, CAST(sum(p.amount) AS bigint) AS sum FROM posting p"
                    " JOIN ledger_transaction t ON t.id = p.transaction_id"
                    " WHERE t.payment_id = :id GROUP BY 1 HAVING sum(p.amount) <> 0"
                ),
                {"id": self.payment["id"]},
            )
            return {row.ledger: row.sum for row in rows}

    async def alerts(self, action: str) -> int:
        return await count(
            self.system.parts.database,
            "audit_entry",
            "action = :action AND object_id = :id",
            action=action,
            id=self.payment["id"],
        )


async def paid_by_card(system: System) -> Disputed:
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, GATEWAY)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    await system.work()
    office = await finance_office(system)
    return Disputed(system, office, bill, payment, order_of(system, payment))


async def test_a_lost_dispute_is_money_that_went_back(system: System) -> None:
    it = await paid_by_card(system)
    await it.told(STEP.INQUIRY)
    (inquiry,) = await it.found()
    assert (inquiry["status"], inquiry["refund"], inquiry["amount"]) == ("inquiry", None, 32_000)
    assert inquiry["respond_by"] is not None
    assert await it.ledgers() == {"in_transit": 32_000, "revenue": -32_000}
    await it.told(STEP.OPENED)
    assert await it.refunds() == [("dispute", "submitted", 32_000)]
    assert await it.ledgers() == {"in_transit": 32_000, "paying_back": -32_000}
    await it.told(STEP.LOST)
    await it.system.work()
    (lost,) = await it.found()
    assert (lost["status"], lost["dispute_ref"]) == ("lost", inquiry["dispute_ref"])
    assert lost["decided_at"] is not None
    assert await it.refunds() == [("dispute", "succeeded", 32_000)]
    assert await it.ledgers() == {"gateway_back": 32_000, "paid_back": -32_000}
    # The receipt proves nothing any more, and the bill's own rows are as they were.
    shown = await system.read(it.bill)
    assert (shown["status"], shown["receipts"][0]["status"]) == ("paid", "refunded")
    assert await it.alerts(commands.DISPUTED) == 1
    assert await system.broken() == []


async def test_a_dispute_that_is_won_leaves_everything_as_it_was(system: System) -> None:
    it = await paid_by_card(system)
    before = await it.ledgers()
    await it.told(STEP.OPENED)
    await it.told(STEP.WON)
    await it.system.work()
    assert (await it.found())[0]["status"] == "won"
    assert await it.refunds() == [("dispute", "failed", 32_000)]
    assert await it.ledgers() == before
    assert (await system.read(it.bill))["receipts"][0]["status"] == "issued"
    assert await system.broken() == []


@pytest.mark.parametrize(
    ("steps", "status", "left"),
    [
        ((STEP.LOST, STEP.OPENED, STEP.INQUIRY, STEP.LOST), "lost", {"gateway_back", "paid_back"}),
        ((STEP.WON, STEP.OPENED), "won", {"in_transit", "revenue"}),
        ((STEP.OPENED, STEP.INQUIRY, STEP.OPENED), "open", {"in_transit", "paying_back"}),
    ],
)
async def test_in_whatever_order_it_is_told_it_counts_once(
    system: System, steps: tuple[DisputeStep, ...], status: str, left: set[str]
) -> None:
    it = await paid_by_card(system)
    for step in steps:
        await it.told(step)
    assert [one["status"] for one in await it.found()] == [status]
    assert set(await it.ledgers()) == left
    assert await it.alerts(commands.DISPUTED) == 1
    assert await system.broken() == []


async def test_disputed_money_does_not_go_back_by_another_way(system: System) -> None:
    it = await paid_by_card(system)
    await it.told(STEP.OPENED, 20_000)
    path = f"/payments/{it.payment['id']}/refunds"
    wanted = {"amount": 12_001, "reason": "trả lại", "way": "gateway"}
    problem(await it.office.post(path, wanted), 409, "not_refundable")
    await asked(it.office, it.payment, 12_000, way="gateway")
    # Nor do people decide it in the place of the payer's bank.
    (held,) = [one for one in await it.found() if one["refund"]]
    answer = await it.office.post(f"/refunds/{held['refund']}/failure", {"reason": "x"})
    problem(answer, 409, "refund_decided")


async def test_a_dispute_that_sets_nothing_aside_is_noticed(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: the money would go back twice."""

    async def nothing(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(commands, "hold_disputed", nothing)
    with pytest.raises(AssertionError):
        await test_disputed_money_does_not_go_back_by_another_way(system)


async def test_what_has_gone_back_already_is_told_to_people(system: System) -> None:
    it = await paid_by_card(system)
    refund = await asked(it.office, it.payment, 32_000, way="gateway")
    await approved(it.office, refund)
    await system.work()
    assert await it.refunds() == [("gateway", "succeeded", 32_000)]
    await it.told(STEP.OPENED)
    (found,) = await it.found()
    assert (found["status"], found["refund"]) == ("open", None)
    assert await it.alerts(commands.NOT_SET_ASIDE) == 1
    assert await system.broken() == []


async def test_what_is_left_of_a_payment_is_set_aside_for_a_dispute_of_all(system: System) -> None:
    it = await paid_by_card(system)
    refund = await asked(it.office, it.payment, 12_000, way="gateway")
    await approved(it.office, refund)
    await system.work()
    before = await it.ledgers()
    await it.told(STEP.OPENED)
    assert ("dispute", "submitted", 20_000) in await it.refunds()
    assert await it.alerts(commands.NOT_SET_ASIDE) == 1
    wanted = {"amount": 1, "reason": "trả lại", "way": "gateway"}
    path = f"/payments/{it.payment['id']}/refunds"
    problem(await it.office.post(path, wanted), 409, "not_refundable")
    await it.told(STEP.WON)
    assert await it.ledgers() == before
    assert await system.broken() == []


@pytest.mark.parametrize("end", [None, STEP.LOST])
async def test_what_is_there_again_is_set_aside_for_a_dispute_that_lacked_it(
    system: System, end: DisputeStep | None
) -> None:
    """A refund was under way when the bank asked, and came to nothing."""
    it = await paid_by_card(system)
    refund = await asked(it.office, it.payment, 32_000)
    await approved(it.office, refund)
    await it.told(STEP.OPENED)
    if end is not None:
        await it.told(end)
    assert (await it.found())[0]["refund"] is None
    failure = await it.office.post(f"/refunds/{refund['id']}/failure", {"reason": "bị từ chối"})
    await it.office.approve(failure.json())
    await system.work()
    wanted = {"amount": 1, "reason": "trả lại", "way": "gateway"}
    path = f"/payments/{it.payment['id']}/refunds"
    problem(await it.office.post(path, wanted), 409, "not_refundable")
    assert (await it.found())[0]["refund"] is not None
    state = "submitted" if end is None else "succeeded"
    assert ("dispute", state, 32_000) in await it.refunds()
    assert await system.broken() == []


async def test_a_line_of_a_file_decides_no_dispute(system: System) -> None:
    """A file may show as a refund what a gateway holds back; it may be won all the same."""
    it = await paid_by_card(system)
    before = await it.ledgers()
    await it.told(STEP.OPENED)
    (dispute,) = await it.found()
    number = dispute["dispute_ref"]
    line = SettledRefund(new_id("sline"), it.order.order_id, number, 32_000)
    async with system.parts.database.transaction() as session:
        wanted = text("SELECT gateway_account_id FROM dispute WHERE id = :id")
        account = (await session.execute(wanted, {"id": dispute["id"]})).scalar_one()
        assert await note_settled_refunds(session, account, [line], actor="staff:x") == []
    assert await it.refunds() == [("dispute", "submitted", 32_000)]
    async with system.parts.database.transaction() as session:
        await forget_settled_lines(session, [line.line_id], actor="staff:x")
    await it.told(STEP.WON)
    await system.work()
    assert await it.refunds() == [("dispute", "failed", 32_000)]
    assert await it.ledgers() == before
    assert (await system.read(it.bill))["receipts"][0]["status"] == "issued"
    assert await system.broken() == []


async def test_what_contradicts_itself_changes_nothing(system: System) -> None:
    it = await paid_by_card(system)
    await it.told(STEP.LOST)
    before = await it.ledgers()
    await it.told(STEP.WON)
    await it.told(STEP.OPENED, 5_000)
    assert (await it.found())[0]["status"] == "lost"
    assert await it.ledgers() == before
    assert await it.alerts("payment.conflicting_notice") == 2


async def test_of_a_payment_that_nobody_knows_people_are_told(system: System) -> None:
    it = await paid_by_card(system)
    number = it.order.charges[-1].transaction_no
    it.order.charges[-1].transaction_no = f"{number}x"
    try:
        await it.told(STEP.OPENED)
    finally:
        it.order.charges[-1].transaction_no = number
    assert await it.found() == []
    unknown = f"action = '{commands.UNKNOWN_PAYMENT}'"
    assert await count(system.parts.database, "audit_entry", unknown) == 1
