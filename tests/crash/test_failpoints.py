"""SIGKILL at every named place between a bill and its receipt: afterwards all promises hold."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.failpoints import FAILPOINTS
from tests.crash.harness import Ground, crash_system, kept
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

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def payer(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Payer]:
    """Whoever pays at one open system, for all places; what one kill broke, each later test sees.

    One payment has gone through, so that there is something to be broken by the next.
    """
    async with crash_system(ground, tmp_path_factory.mktemp("killed") / "data") as system:
        payer = Payer(system)
        await system.open()
        await payer.pay_at_gateway()
        assert system.dead == []
        yield payer


@pytest.mark.parametrize("name", PAYING)
async def test_a_kill_at_this_place_breaks_no_promise(payer: Payer, name: str) -> None:
    system = payer.system
    system.dead.clear()
    system.arm(f"{name}=kill:1")
    async with kept(system):
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
