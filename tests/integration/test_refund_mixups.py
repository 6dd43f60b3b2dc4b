"""What a refund is not: another of its payment, a transfer, one that a withdrawn file showed."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Order, RefundStatus
from adapters.vnpay.gateway import VNPay
from app.web.staff.refund_views import stage_of_refund
from core import clock
from payments.gateway_refunds import RefundOrder
from payments.ports import OutcomeUnknown
from payments.refunds.queries import get_refund
from payments.refunds.settled import forget_settled_lines
from tests.api.test_refunds import approved, asked, read
from tests.integration.test_settled_refunds import GATEWAY, take
from tests.journeys.test_every_gateway import LINES, order_of, press, settled, start
from tests.support.every_gateway import open_every_account
from tests.support.staff import FinanceOffice, finance_office
from tests.support.staff_browser import signed_in_as
from tests.support.system import System

pytestmark = pytest.mark.asyncio

#: A gateway that tells of the newest refund of an order, and of no other.
NEWEST_ONLY = "vnpay"


async def paid_at(system: System, gateway: str) -> tuple[FinanceOffice, dict[str, Any], Order]:
    await open_every_account(system)
    office = await finance_office(system)
    bill = await system.create_bill(lines=LINES)
    payment = await start(system, bill, gateway)
    await press(system, payment, PayerOutcome.SUCCESS)
    await settled(system, bill)
    return office, payment, order_of(system, payment)


async def by_gateway(
    system: System, office: FinanceOffice, payment: dict[str, Any]
) -> dict[str, Any]:
    """9,000 đồng of it, approved, and its gateway called."""
    made = await approved(office, await asked(office, payment, 9_000, way="gateway"))
    await system.work()
    return await read(office, made)


async def test_the_newest_refund_of_an_order_is_not_taken_for_one_before_it(
    system: System,
) -> None:
    """Two parts of one sum: the second is refused, and the first has gone back all the same."""
    office, payment, order = await paid_at(system, NEWEST_ONLY)
    first = await by_gateway(system, office, payment)
    second = await by_gateway(system, office, payment)
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    system.sandbox.store.refunds_of(order)[-1].status = RefundStatus.REFUSED
    with clock.frozen(clock.now() + timedelta(hours=7)):
        await system.work()
    assert (await read(office, first))["status"] == "succeeded"
    assert (await read(office, second))["status"] == "failed"
    assert await system.broken() == []


async def test_a_refund_before_it_is_not_taken_for_one_that_never_came_there(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, payment, order = await paid_at(system, NEWEST_ONLY)
    first = await by_gateway(system, office, payment)
    assert first["status"] == "succeeded"

    async def lost(self: VNPay, order: RefundOrder) -> Any:
        raise OutcomeUnknown("no answer, and nothing came there")

    monkeypatch.setattr(VNPay, "refund", lost)
    second = await by_gateway(system, office, payment)
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        await system.work()
    assert (await read(office, second))["status"] == "unknown"
    assert len(system.sandbox.store.refunds_of(order)) == 1


async def test_one_that_only_a_withdrawn_file_showed_is_unclear_again(system: System) -> None:
    office, payment, order = await paid_at(system, GATEWAY)
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, Fault.NOT_DECIDED)
    refund = await by_gateway(system, office, payment)
    assert refund["status"] == "submitted"
    await take(system, (str(refund["reference"]), "778899", 9_000))
    refund = await read(office, refund)
    assert refund["status"] == "succeeded"
    async with system.parts.database.transaction() as session:
        await forget_settled_lines(session, [refund["settlement_line"]], actor="staff:x")
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        await system.work()
    refund = await read(office, refund)
    assert (refund["status"], refund["gateway_ref"]) == ("submitted", None)
    assert await system.broken() == []


async def test_nobody_orders_a_transfer_of_what_a_gateway_gives_back(system: System) -> None:
    """The file that orders to the bank are made of holds transfers alone; no statement is due."""
    office, payment, order = await paid_at(system, GATEWAY)
    waits = await approved(office, await asked(office, payment, 9_000, way="gateway"))
    transfer = await approved(office, await asked(office, payment, 7_000))
    async with signed_in_as(system, "finance") as clerk:
        page = (await clerk.get("/staff/refunds/to-order")).text
        at = "/staff/refunds?status=approved&amp;way=bank&amp;format=csv"
        assert f'href="{at}"' in page
        file = await clerk.get(at.replace("&amp;", "&"))
        rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
        assert [row["Nội dung chuyển khoản"] for row in rows] == [transfer["reference"]]
        every = await clerk.get("/staff/refunds?format=csv")
        told = list(csv.DictReader(io.StringIO(every.content.decode("utf-8-sig"))))
        memos = {row["Mã"]: row["Nội dung chuyển khoản"] for row in told}
        assert memos[waits["reference"]] == ""
    system.sandbox.faults.script(order.merchant_id, Operation.REFUND, Fault.HTML)
    await system.work()
    async with system.parts.database.reading() as session:
        found = await get_refund(session, waits["id"], [system.body.agency_id])
    assert (found.status, found.sent_at is not None) == ("unknown", True)
    late = clock.business_date(clock.now()) + timedelta(days=30)
    assert stage_of_refund(system.parts.reconciling.calendar, found, late) is None
