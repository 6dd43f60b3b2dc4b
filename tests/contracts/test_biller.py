"""Who collects for us keeps its contract, and each promise is seen to catch who breaks it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.thuho import dialect
from adapters.thuho.gateway import Biller
from payments.ports import (
    Acknowledgement,
    CallbackResult,
    GatewayAccount,
    GatewayResult,
    RawCallback,
)
from payments.pulls import PulledBill
from tests.support.biller_checks import CHECKS
from tests.support.rigs.every import BILLER_RIGS
from tests.support.rigs.thuho import BillerRig

_numbers: list[str] = []


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_its_promise(check: str) -> None:
    assert set(BILLER_RIGS) == {"thuho"}
    CHECKS[check](BillerRig())


class ForgetsTheClock(Biller):
    """Everything right but the age of the call."""

    def read_notice(self, notice: RawCallback) -> Any:
        at = datetime.fromtimestamp(int(notice.headers.get("x-biller-time", "0")), UTC)
        return super().read_notice(replace(notice, received_at=at))


class TakesAnyCallForAPayment(Biller):
    """Looks for any of the bank's signatures, whatever it signed."""

    def _call(self, notice: RawCallback, *calls: str) -> dict[str, object]:
        named, time = json.loads(notice.body), notice.headers["x-biller-time"]
        for call in (dialect.INQUIRY, dialect.PAY, dialect.REVERSAL):
            made = dialect.seal(self._credentials, call, time, notice.body)
            if made == notice.headers["x-biller-signature"]:
                return dict(named)
        return super()._call(notice, *calls)


class SignsNothing(Biller):
    """Answers without a signature."""

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        answer = super().answer_pull(asked, pulled)
        return replace(answer, body=answer.body.replace(b'"signature"', b'"sig"'))


class NewNumberEachTime(Biller):
    """Knows money by a number of its own."""

    def read_notice(self, notice: RawCallback) -> Any:
        told = super().read_notice(notice)
        _numbers.append("")
        if isinstance(told, GatewayResult):
            return replace(told, gateway_ref=str(len(_numbers)))
        return told


class HundredTimes(Biller):
    """Takes amounts in hundredths."""

    def read_notice(self, notice: RawCallback) -> Any:
        told = super().read_notice(notice)
        return replace(told, amount=max((told.amount or 0) // 100, 1))


class LooksForAnAttempt(Biller):
    """Tells a payment as a result of an attempt of ours."""

    def read_notice(self, notice: RawCallback) -> Any:
        told = super().read_notice(notice)
        return replace(told, pulled=False) if isinstance(told, GatewayResult) else told


class RefusesWhatPeopleLookAt(Biller):
    """Has the bank tell again, for ever, what was kept."""

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        looked_at = result in (CallbackResult.MISMATCH, CallbackResult.UNKNOWN_ORDER)
        return super().acknowledge(CallbackResult.TRY_AGAIN if looked_at else result, notice)


BROKEN: Mapping[str, tuple[Callable[[GatewayAccount], Biller], str]] = {
    "the clock": (ForgetsTheClock, "a_call_too_old_or_too_new_is_rejected"),
    "the call": (TakesAnyCallForAPayment, "one_call_s_signature_is_worth_nothing_for_another"),
    "the signature": (SignsNothing, "a_question_is_read_and_answered_under_our_signature"),
    "the number": (NewNumberEachTime, "a_repeat_is_the_same_event_and_another_payment_is_not"),
    "the scale": (HundredTimes, "a_payment_is_read_in_full"),
    "the attempt": (LooksForAnAttempt, "a_payment_is_read_in_full"),
    "the end": (RefusesWhatPeopleLookAt, "what_is_kept_ends_the_calls_and_nothing_else_does"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_who_breaks_a_promise_is_caught(what: str) -> None:
    make, check = BROKEN[what]
    with pytest.raises((AssertionError, KeyError)):
        CHECKS[check](BillerRig(make))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("timeout", "timeout"),
        ("KH Nguyen Van A, so 0912345678, doi tien", "other"),
        ("0912345678", "other"),
    ],
)
def test_why_a_payment_is_taken_back_is_told_by_a_word_and_names_nobody(
    said: str, told: str
) -> None:
    rig = BillerRig()
    call = json.loads(rig.reversal().body) | {"reason": said}
    read = rig.reader().read_notice(rig.signed(json.dumps(call).encode()))
    assert read.reason == told
