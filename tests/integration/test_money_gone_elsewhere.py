"""Money of a statement that has gone on by now: withdrawing it says so, and the books keep it."""

import pytest
from sqlmodel import select

from core.ids import new_id
from reconciliation.models import StatementLine
from tests.integration.test_payouts import batch_of
from tests.support.places import Kept, looking
from tests.support.problems import problem
from tests.support.settlements import ask_payout, pay_over, undo_payout
from tests.support.staff import finance_office
from tests.support.statements import reconcile, take_statement
from tests.support.system import System

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def line_id_of(system: System, statement: str) -> str:
    async with system.parts.database.reading() as session:
        return str(
            await session.first(
                select(StatementLine.id).where(StatementLine.statement_id == statement)
            )
        )


async def test_a_payout_that_names_the_payment_holds_its_statement_too(
    shared_system: System,
) -> None:
    system, office = shared_system, await finance_office(shared_system)
    batch, net = await batch_of(system, fee=37)
    taken = await take_statement(system, f"{net}|credit|GD|{new_id('f')}")
    await reconcile(system)
    done = await pay_over(office, await line_id_of(system, taken["id"]), batch)
    await undo_payout(office, done["outcome"]["payout"])
    # The same money by its other name: the payment.
    again = await pay_over(office, done["outcome"]["payment"], batch)
    path = f"/statements/{taken['id']}/withdraw"
    problem(await office.post(path, {"reason": "sai tệp"}), 409, "batch_paid")
    await undo_payout(office, again["outcome"]["payout"])
    async with looking(system) as seen:
        asked = await office.post(path, {"reason": "sai tệp"})
        assert asked.json()["figures"]["reversed"] == net
        await office.approve(asked.json())
    assert seen[0].ledger == {"suspense": net, "reversed": -net}
    assert await system.broken() == []


async def withdrawn_and_told_anew(system: System, deed: str) -> tuple[Kept, object]:
    """What the books have more after money of a statement is `settlement` or a `refund`'s.

    Its statement is withdrawn then, and the right one tells of the same money.
    """
    office = await finance_office(system)
    batch, net = await batch_of(system, fee=29)
    ref = new_id("f")
    taken = await take_statement(system, f"{net}|credit|GD|{ref}")
    await reconcile(system)
    done = await pay_over(office, await line_id_of(system, taken["id"]), batch)
    await undo_payout(office, done["outcome"]["payout"])
    payment = done["outcome"]["payment"]
    async with looking(system) as seen:
        items = await office.suspense(limit="100")
        (item,) = [one for one in items if one["payment"] == payment]
        await office.approve(await office.propose(item["id"], deed))
        if deed == "refund":
            wanted = {"amount": net, "reason": "khách đòi lại", "payee": None}
            asked = await office.post(f"/payments/{payment}/refunds", wanted)
            assert asked.status_code == 202, asked.text
            await office.approve({"id": asked.json()["approval"]})
        asked = await office.post(f"/statements/{taken['id']}/withdraw", {"reason": "sai tệp"})
        outcome = (await office.approve(asked.json()))["outcome"]
        again = await take_statement(system, f"{net}|credit|GD|{ref}")
        await reconcile(system)
        new = await ask_payout(office, await line_id_of(system, again["id"]), batch)
        if new.status_code == 202:
            await office.post(f"/approvals/{new.json()['id']}/approve", by=office.chief)
    listed = [one["spent"] for one in outcome["settled_money"]]
    return seen[0], (listed == [net], outcome["spent"] == net, outcome["reversed"])


@pytest.mark.parametrize(
    ("deed", "place"), [("settlement", "in_transit"), ("refund", "paying_back")]
)
async def test_money_that_has_gone_on_is_told_of_once(
    shared_system: System, deed: str, place: str
) -> None:
    kept, told = await withdrawn_and_told_anew(shared_system, deed)
    assert kept.payments == []
    assert {name for name, amount in kept.ledger.items() if amount} == {"suspense", place}
    assert told == (True, True, 0)
    assert await shared_system.broken() == []
