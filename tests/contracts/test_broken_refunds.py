"""Gateways that give money back wrongly on purpose; see `test_broken_gateways`."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters.momo.gateway import MoMo
from payments.gateway_refunds import RefundOrder, RefundOutcome, RefundResult
from payments.ports import (
    GatewayUnavailable,
    OutcomeUnknown,
)
from tests.contracts.test_broken_gateways import BROKEN_GATEWAYS
from tests.support import gateway_checks
from tests.support.rigs.momo import MoMoRig

_made: list[int] = []


class RefundsAnewEachTime(MoMo):
    """The same refund under a new number: the payer has it twice."""

    async def refund(self, order: RefundOrder) -> RefundResult:
        _made.append(1)
        other = replace(order, refund_ref=f"{order.refund_ref}-{len(_made)}")
        return replace(await super().refund(other), refund_ref=order.refund_ref)

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        other = replace(order, refund_ref=f"{order.refund_ref}-{len(_made)}")
        return replace(await super().query_refund(other), refund_ref=order.refund_ref)


class TakesARefusalForWaiting(MoMo):
    async def refund(self, order: RefundOrder) -> RefundResult:
        return replace(await super().refund(order), outcome=RefundOutcome.PENDING)


class FindsEveryRefund(MoMo):
    async def query_refund(self, order: RefundOrder) -> RefundResult:
        return RefundResult(order.refund_ref, RefundOutcome.SUCCEEDED)


class CallsALostAnswerHarmless(MoMo):
    """Whoever hears this asks for the same money under another number."""

    async def refund(self, order: RefundOrder) -> RefundResult:
        try:
            return await super().refund(order)
        except OutcomeUnknown as error:
            raise GatewayUnavailable(error.detail) from None


class TakesWaitingForDone(MoMo):
    async def refund(self, order: RefundOrder) -> RefundResult:
        result = await super().refund(order)
        waiting = result.outcome is RefundOutcome.PENDING
        return replace(result, outcome=RefundOutcome.SUCCEEDED) if waiting else result


_ONCE = "money_goes_back_once_and_no_more_than_came"
_UNCLEAR = "a_refund_without_a_clear_answer_is_asked_about"

BROKEN_REFUNDS: list[tuple[Callable[..., MoMo], str, str]] = [
    (RefundsAnewEachTime, _ONCE, "went back twice|the same refund"),
    (TakesARefusalForWaiting, _ONCE, "more back than came"),
    (FindsEveryRefund, _ONCE, "never was is known"),
    (CallsALostAnswerHarmless, _UNCLEAR, "GatewayUnavailable instead of OutcomeUnknown"),
    (TakesWaitingForDone, _UNCLEAR, "undecided, read as succeeded"),
]


@pytest.mark.parametrize(
    ("broken", "check", "objection"),
    BROKEN_REFUNDS,
    ids=[f"{broken.__name__}-{check}" for broken, check, _ in BROKEN_REFUNDS],
)
async def test_a_gateway_that_gives_back_wrongly_is_caught(
    broken: Callable[..., MoMo], check: str, objection: str
) -> None:
    rig = MoMoRig(broken)
    async with rig.running():
        with pytest.raises(AssertionError, match=objection):
            await gateway_checks.CHECKS[check](rig)


def test_every_check_of_gateways_is_seen_to_fail() -> None:
    seen = {check for _, check, _ in BROKEN_GATEWAYS} | {check for _, check, _ in BROKEN_REFUNDS}
    assert seen == set(gateway_checks.CHECKS)
