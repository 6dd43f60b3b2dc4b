"""The contract of who collects for us, one function a promise; see `gateway_checks`."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from adapters.sandbox.dialects import thuho
from core import clock
from payments.billed import BilledDossier, BilledFee
from payments.capabilities import Pullable
from payments.gateway_disputes import DisputeState, GatewayDispute
from payments.incoming.keeping import event_key
from payments.ports import CallbackRejected, CallbackResult, GatewayResult, Outcome, RawCallback
from payments.pulls import Pull, PulledBill, PullKey, PullState
from tests.support.rigs.thuho import CODE, BillerRig

Check = Callable[[BillerRig], None]

_BILLED = BilledDossier(
    "", "don-vi", "Đơn vị", "999999", "1", "TK", (BilledFee("1", "Lệ phí", 150_000),)
)


def _refused(read: Callable[[RawCallback], object], raw: RawCallback) -> bool:
    try:
        read(raw)
    except CallbackRejected:
        return True
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} for a bad call") from error
    return False


def a_payment_is_read_in_full(rig: BillerRig) -> None:
    for amount in (1, 5_000, 123_456_789, 10**13):
        charge = rig.charge(amount)
        told = rig.reader().read_notice(rig.payment(charge=charge))
        assert isinstance(told, GatewayResult)
        assert told.amount == amount, f"{amount} read as {told.amount}"
        assert (told.outcome, told.order_ref) == (Outcome.SUCCEEDED, CODE)
        assert told.gateway_ref == charge.transaction_no, "not known by the bank's number"
        assert told.paid_at == charge.charged_at, "at another time"
        assert told.pulled, "would look for an attempt of ours"


def a_reversal_is_money_that_went_back(rig: BillerRig) -> None:
    charge = rig.charge()
    told = rig.reader().read_notice(rig.reversal(charge))
    assert isinstance(told, GatewayDispute)
    assert told.state is DisputeState.LOST
    assert (told.gateway_ref, told.amount) == (charge.transaction_no, charge.amount)


def a_question_is_read_and_answered_under_our_signature(rig: BillerRig) -> None:
    reader, asked = rig.reader(), rig.inquiry()
    assert isinstance(reader, Pullable)
    assert reader.read_pull(asked) == Pull(PullKey.REFERENCE, CODE)
    codes = set()
    for state in PullState:
        unpaid = state is PullState.UNPAID
        pulled = PulledBill(state, CODE, 150_000, _BILLED) if unpaid else PulledBill(state)
        answer = reader.answer_pull(asked, pulled)
        assert answer.status == 200
        assert thuho.vouches(rig.merchant, answer.body), "an answer without our signature"
        said = json.loads(answer.body)
        codes.add(said["code"])
        assert ("bill" in said) == unpaid
        if unpaid:
            assert (said["bill"]["code"], said["bill"]["amount"]) == (CODE, 150_000)
    assert len(codes) == len(PullState), "two answers cannot be told apart"
    assert reader.answer_pull(asked, None).status in rig.statuses_of_refusal


def forged_calls_are_rejected(rig: BillerRig) -> None:
    reader, count = rig.reader(), 0
    for genuine, read in (
        (rig.payment(), reader.read_notice),
        (rig.reversal(), reader.read_notice),
        (rig.inquiry(), reader.read_pull),
    ):
        assert not _refused(read, genuine)
        for what, forged in rig.forgeries(genuine):
            assert _refused(read, forged), f"accepted a forged call: {what}"
            count += 1
    assert count > 100, "a rig must try harder than this"


def one_call_s_signature_is_worth_nothing_for_another(rig: BillerRig) -> None:
    reader = rig.reader()
    assert _refused(reader.read_notice, rig.inquiry()), "a question was read as money"
    assert _refused(reader.read_pull, rig.payment()), "a payment was read as a question"
    for call in ("inquiry", "reversal"):
        signed_as = rig.signed(rig.payment().body, call=call)
        assert _refused(reader.read_notice, signed_as), f"{call} signed, and read as money"


def a_call_too_old_or_too_new_is_rejected(rig: BillerRig) -> None:
    body, now = rig.payment().body, clock.now()
    for seconds, refused in ((-299, False), (299, False), (-302, True), (302, True)):
        raw = rig.signed(body, at=now + timedelta(seconds=seconds))
        assert _refused(rig.reader().read_notice, raw) == refused, f"{seconds} s away"


def a_repeat_is_the_same_event_and_another_payment_is_not(rig: BillerRig) -> None:
    charge = rig.charge()
    first, again = (rig.reader().read_notice(rig.payment(charge=charge)) for _ in range(2))
    other = rig.reader().read_notice(rig.payment())
    assert event_key(first) == event_key(again), "told twice, recorded twice"
    assert event_key(first) != event_key(other), "two payments are one"
    assert event_key(first) != event_key(rig.reader().read_notice(rig.reversal(charge)))


def what_is_kept_ends_the_calls_and_nothing_else_does(rig: BillerRig) -> None:
    reader, raw = rig.reader(), rig.payment()
    again = (CallbackResult.REJECTED, CallbackResult.TRY_AGAIN)
    for result in CallbackResult:
        answer = reader.acknowledge(result, raw)
        assert thuho.vouches(rig.merchant, answer.body), "an answer without our signature"
        assert rig.ends_the_calls(answer) == (result not in again), f"{result}"


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        a_payment_is_read_in_full,
        a_reversal_is_money_that_went_back,
        a_question_is_read_and_answered_under_our_signature,
        forged_calls_are_rejected,
        one_call_s_signature_is_worth_nothing_for_another,
        a_call_too_old_or_too_new_is_rejected,
        a_repeat_is_the_same_event_and_another_payment_is_not,
        what_is_kept_ends_the_calls_and_nothing_else_does,
    )
}
