"""SIGKILL at every named place between a bill and its receipt: afterwards all promises hold."""

import asyncio
import signal

import pytest

from app.handlers import HANDLERS
from core.failpoints import FAILPOINTS
from payments.events import BillPaid
from receipts.events import ReceiptIssued
from tests.crash.harness import CrashSystem, kept
from tests.crash.oracle import find_faults
from tests.crash.payer import Payer

#: A large statement's are reached in tests/integration/test_large_statements.py, those of days in
#: tests/crash/test_closing_kills.py, those of nights in tests/crash/test_nightly_kills.py, those of
#: billing runs in tests/crash/test_billing_kills.py, those of refunds in
#: tests/crash/test_refund_kills.py, those of webhooks in tests/crash/test_webhook_kills.py, those
#: of messages in tests/crash/test_message_kills.py, those of invoices in
#: tests/crash/test_invoice_kills.py; that of gateways' receipts in
#: tests/integration/test_gateway_receipts.py.
OTHERS = (
    *("statement.", "approval.", "run.", "nightly.", "closing.", "payout.", "superseding."),
    *("billing.", "refund.", "webhook.", "message.", "debts.", "invoice.", "stalls."),
    "gateway_receipt.",
)
PAYING = [point.name for point in FAILPOINTS if not point.name.startswith(OTHERS)]

#: What one payment wakes: each of these claims its own deliveries.
WOKEN = [one.name for one in HANDLERS if one.event in {BillPaid, ReceiptIssued}]
#: How often one payment passes a place, where that is more than once.
PASSED = {"outbox.after_claim": len(WOKEN)}


@pytest.mark.parametrize("name", PAYING)
async def test_a_kill_at_this_place_breaks_no_promise(system: CrashSystem, name: str) -> None:
    payer = Payer(system)
    # The first payment passes the place, so that there is something to be broken by the second.
    await system.open(failpoints=f"{name}=kill:{PASSED.get(name, 1) + 1}")
    async with kept(system):
        await payer.pay_at_gateway()
        assert system.dead == []
        async with asyncio.TaskGroup() as group:
            for payment in (
                payer.pay_at_gateway(),
                payer.pay_at_gateway("duplicate_callback"),
                payer.pay_by_transfer(),
                payer.pay_poster(),
            ):
                group.create_task(payment)
        faults = await find_faults(system, payer)
    assert [child.status for child in system.dead if child.status == -signal.SIGKILL], (
        f"nothing was killed: no payment reaches {name}"
    )
    assert faults == []
