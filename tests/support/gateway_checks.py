"""The contract of `payments.ports.PaymentGateway`, one function a promise.

Each takes a rig whose provider is running, and raises AssertionError where the adapter breaks the
promise. The suite runs them over every registered adapter, and over broken ones to see them fail.
"""

import contextlib
import io
import itertools
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, TypeVar

import structlog

from core import clock
from payments.gateway_refunds import RefundOrder, RefundOutcome
from payments.ports import (
    AcceptedAttempt,
    AttemptKey,
    CallbackRejected,
    CallbackResult,
    Cancellable,
    DeclinedAttempt,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
    Queryable,
    RawCallback,
    Refundable,
    StartRequest,
)
from tests.support.rigs.contract import GatewayRig, Spoil

Check = Callable[[GatewayRig], Coroutine[Any, Any, None]]
_T = TypeVar("_T")

_NUMBERS: Final = itertools.count(1)
AMOUNTS: Final = (1, 99, 100, 5_000, 150_000, 123_456_789, 10**13)
_UNREADABLE: Final = (
    Spoil.HTML,
    Spoil.TRUNCATED,
    Spoil.HUGE,
    Spoil.SLOW,
    Spoil.SERVER_ERROR,
)


async def raised(kind: type[BaseException], doing: Awaitable[object]) -> BaseException:
    """The exception of exactly this kind that ends `doing`; AssertionError for anything else."""
    result = await _caught(doing)
    assert isinstance(result, BaseException), f"{result!r} instead of {kind.__name__}"
    assert type(result) is kind, f"{type(result).__name__} instead of {kind.__name__}"
    return result


async def begun(rig: GatewayRig, request: StartRequest) -> AcceptedAttempt:
    """The attempt started, and its page opened by the payer."""
    result = await rig.gateway().start(request)
    assert isinstance(result, AcceptedAttempt), f"{result!r} instead of AcceptedAttempt"
    await rig.visit(result)
    return result


async def started(rig: GatewayRig, amount: int = 150_000) -> StartRequest:
    """A request whose order the provider took."""
    request = rig.request(amount)
    await begun(rig, request)
    return request


def key_of(request: StartRequest) -> AttemptKey:
    """What names the attempt to its gateway afterwards."""
    return AttemptKey(request.order_ref, request.created_at)


def refund_of(request: StartRequest, amount: int = 2_000, gateway_ref: str = "1") -> RefundOrder:
    """An order to give money back of a charge; each is another."""
    return RefundOrder(
        refund_ref=f"{request.order_ref}-R{next(_NUMBERS):02d}",
        order_ref=request.order_ref,
        gateway_ref=gateway_ref,
        amount=amount,
        charged=request.amount,
        description="Hoan tra le phi nop thua",
        asked_by="ke toan",
        attempted_at=request.created_at,
        created_at=clock.now(),
    )


async def charged(rig: GatewayRig) -> tuple[StartRequest, str]:
    """An attempt that was paid, and the provider's number of the charge."""
    request = await started(rig)
    rig.pay(request.order_ref, Outcome.SUCCEEDED)
    report = told(rig, rig.callbacks(request.order_ref)[-1])
    assert report.gateway_ref
    return request, report.gateway_ref


def told(rig: GatewayRig, callback: RawCallback) -> GatewayResult:
    """What an adapter reads of a genuine callback."""
    report = rig.gateway().read_notice(callback)
    assert isinstance(report, GatewayResult), "a result that was read as something else"
    return report


def amounts(rig: GatewayRig) -> list[int]:
    """Amounts that the account takes, its limits among them."""
    info, settings = rig.gateway().info, rig.account.credentials
    limits = [limit for limit in info.limits(settings) if limit is not None]
    return [amount for amount in (*limits, *AMOUNTS) if info.takes(amount, settings)]


async def paid(rig: GatewayRig, outcome: Outcome = Outcome.SUCCEEDED) -> RawCallback:
    """A genuine callback for an order that ended so."""
    request = await started(rig)
    rig.pay(request.order_ref, outcome)
    return rig.callbacks(request.order_ref)[-1]


async def same_key_is_the_same_attempt(rig: GatewayRig) -> None:
    request = rig.request()
    first = await begun(rig, request)
    again = await begun(rig, request)
    assert first == again, "the same request led to two different checkouts"
    assert list(rig.orders()) == [request.order_ref], "not exactly the one order asked for"


async def another_request_under_a_used_key_is_our_fault(rig: GatewayRig) -> None:
    request = rig.request(50_000)
    await begun(rig, request)
    other = replace(request, amount=60_000)
    if rig.calls_at_start:
        await raised(GatewayMisuse, rig.gateway().start(other))
    else:
        await begun(rig, other)  # the provider itself has to refuse the payer
    assert rig.orders() == {request.order_ref: 50_000}


async def amounts_are_exact_outwards(rig: GatewayRig) -> None:
    for amount in amounts(rig):
        request = await started(rig, amount)
        noted = rig.orders().get(request.order_ref)
        assert noted == amount, f"asked for {amount}, the gateway took {noted}"


async def amounts_are_exact_inwards(rig: GatewayRig) -> None:
    """Also where the provider took another amount than asked: what it says is what is told."""
    for asked, taken in ((100, 100), (150_000, 150_000), (150_000, 1_500), (5_000, 500_000)):
        if not rig.gateway().info.takes(asked, rig.account.credentials):
            continue
        request = await started(rig, asked)
        rig.pay(request.order_ref, Outcome.SUCCEEDED, amount=taken)
        gateway = rig.gateway()
        report = told(rig, rig.callbacks(request.order_ref)[-1])
        assert report.amount == taken, f"callback of {taken} read as {report.amount}"
        if isinstance(gateway, Queryable):
            asked_back = await gateway.query(key_of(request))
            assert asked_back.amount == taken, f"query of {taken} read as {asked_back.amount}"


async def a_decline_is_a_value(rig: GatewayRig) -> None:
    if not rig.calls_at_start:
        return
    rig.spoil_start(Spoil.DECLINE)
    request = rig.request()
    result = await _caught(rig.gateway().start(request))
    assert isinstance(result, DeclinedAttempt), f"{result!r} instead of DeclinedAttempt"
    assert result.gateway_code
    assert request.order_ref not in rig.orders()


async def a_refused_connection_is_unavailable(rig: GatewayRig) -> None:
    away = rig.gateway(unreachable=True)
    if rig.calls_at_start:
        await raised(GatewayUnavailable, away.start(rig.request()))
    else:
        result = await _caught(away.start(rig.request()))
        assert isinstance(result, AcceptedAttempt), f"{result!r}: it does call at start"
    if isinstance(away, Queryable):
        await raised(GatewayUnavailable, away.query(key_of(rig.request())))


async def silence_after_sending_is_unknown_and_never_repeated(rig: GatewayRig) -> None:
    if not rig.calls_at_start:
        return
    request, result = await _spoilt_start(rig, Spoil.SILENCE)
    assert type(result) is OutcomeUnknown, f"{result!r} instead of OutcomeUnknown"
    assert rig.start_calls(request.order_ref) == 1, "a call of unknown outcome was repeated"
    gateway = rig.gateway()
    if isinstance(gateway, Queryable):
        report = await gateway.query(key_of(request))
        assert report.outcome is Outcome.PENDING, "asking does not find the order that was taken"


async def an_unreadable_answer_is_unknown_and_never_repeated(rig: GatewayRig) -> None:
    for spoil in _UNREADABLE if rig.calls_at_start else ():
        request, result = await _spoilt_start(rig, spoil)
        assert type(result) is OutcomeUnknown, f"{result!r} instead of OutcomeUnknown"
        assert rig.start_calls(request.order_ref) == 1, f"repeated after {spoil}"


async def an_unreadable_answer_to_a_query_is_no_news(rig: GatewayRig) -> None:
    gateway = rig.gateway()
    if not isinstance(gateway, Queryable):
        return
    request = await started(rig)
    rig.pay(request.order_ref, Outcome.SUCCEEDED)
    for spoil in (*_UNREADABLE, Spoil.SILENCE):
        result = await _spoilt_query(rig, spoil, key_of(request))
        assert type(result) is OutcomeUnknown, f"{result!r} instead of OutcomeUnknown"
        rig.behave()
    assert (await gateway.query(key_of(request))).outcome is Outcome.SUCCEEDED


async def a_busy_gateway_is_asked_again_and_takes_one_order(rig: GatewayRig) -> None:
    if not rig.calls_at_start:
        return
    rig.spoil_start(Spoil.BUSY)
    request = rig.request()
    assert isinstance(await rig.gateway().start(request), AcceptedAttempt)
    assert rig.orders() == {request.order_ref: request.amount}
    for _ in range(9):
        rig.spoil_start(Spoil.BUSY)
    turned_away = rig.request()
    await raised(GatewayUnavailable, rig.gateway().start(turned_away))
    assert turned_away.order_ref not in rig.orders()


async def a_genuine_callback_is_read_in_full(rig: GatewayRig) -> None:
    request = rig.request()
    await begun(rig, request)
    rig.pay(request.order_ref, Outcome.SUCCEEDED)
    report = told(rig, rig.callbacks(request.order_ref)[-1])
    assert report.order_ref == request.order_ref
    assert report.outcome is Outcome.SUCCEEDED
    assert report.amount == request.amount
    assert report.gateway_ref, "no settlement key"
    assert report.paid_at is not None
    assert report.paid_at.utcoffset() == timedelta(0), "not in UTC"
    assert abs(report.paid_at - clock.now()) < timedelta(minutes=1)
    expected = request.request_code if rig.echoes_request_code else None
    assert report.request_code == expected, "request_code is not compared"
    assert report.straight == rig.gateway().info.straight, "where its money comes to is not true"


async def outcomes_are_told_apart(rig: GatewayRig) -> None:
    held = [Outcome.HELD] if rig.holds else []
    for outcome in (Outcome.SUCCEEDED, Outcome.FAILED, *held):
        request = await started(rig)
        rig.pay(request.order_ref, outcome)
        gateway = rig.gateway()
        notices = rig.callbacks(request.order_ref)
        report = told(rig, notices[-1]) if notices else None
        if report is not None:
            assert report.outcome is outcome, f"a callback of {outcome} read as {report.outcome}"
            assert report.gateway_code
        else:
            assert outcome is Outcome.FAILED, f"nobody was told of {outcome}"
            assert not rig.tells_failures, "a failure was not told"
            assert isinstance(gateway, Queryable), "nothing ever tells of a failure"
        if report is not None and outcome is not Outcome.FAILED:
            assert report.gateway_ref, f"a callback of {outcome} without its number"
            assert report.paid_at is not None, f"a callback of {outcome} without its time"
        if isinstance(gateway, Queryable):
            asked = await gateway.query(key_of(request))
            assert asked.outcome is outcome, f"a query of {outcome} read as {asked.outcome}"
            if report is not None and outcome is not Outcome.FAILED:
                assert asked.gateway_ref == report.gateway_ref, "two keys for one settlement"
                assert asked.amount == report.amount
                assert asked.request_code == report.request_code


async def a_query_tells_the_state(rig: GatewayRig) -> None:
    gateway = rig.gateway()
    if not isinstance(gateway, Queryable):
        return
    taken = await started(rig)
    unknown = rig.request()

    async def tells(asked: StartRequest, expected: Outcome) -> None:
        report = await gateway.query(key_of(asked))
        assert report.order_ref == asked.order_ref
        assert report.outcome is expected, f"{report.outcome} instead of {expected}"

    await tells(taken, Outcome.PENDING)
    await tells(unknown, Outcome.NOT_FOUND)
    nobody = AttemptKey(gateway.info.no_order, clock.now())
    answered = await gateway.query(nobody)
    assert answered.outcome is Outcome.NOT_FOUND, "it cannot be asked whether it answers at all"
    rig.pay(taken.order_ref, Outcome.SUCCEEDED)
    await tells(taken, Outcome.SUCCEEDED)


async def money_goes_back_once_and_no_more_than_came(rig: GatewayRig) -> None:
    gateway = rig.gateway()
    if not isinstance(gateway, Refundable):
        return
    request, number = await charged(rig)
    part = refund_of(request, 40_000, number)
    result = await gateway.refund(part)
    assert result.refund_ref == part.refund_ref
    assert result.outcome in (RefundOutcome.SUCCEEDED, RefundOutcome.PENDING), result
    assert (await gateway.query_refund(part)).outcome is RefundOutcome.SUCCEEDED
    again = await _caught(gateway.refund(part))
    assert not isinstance(again, BaseException), f"{again!r}: the same refund"
    assert list(rig.refunds(request.order_ref).values()) == [40_000], "the same key went back twice"
    rest = refund_of(request, 110_000, number)
    await gateway.refund(rest)
    over = await _caught(gateway.refund(refund_of(request, 1_000, number)))
    outcome = getattr(over, "outcome", None)
    assert outcome is RefundOutcome.FAILED, f"more back than came: {over!r}"
    assert sum(rig.refunds(request.order_ref).values()) == 150_000
    never = await gateway.query_refund(refund_of(request, 1_000, number))
    expected = RefundOutcome.NOT_FOUND if rig.finds_refunds else RefundOutcome.PENDING
    assert never.outcome is expected, "a refund that never was is known"


async def a_refund_without_a_clear_answer_is_asked_about(rig: GatewayRig) -> None:
    gateway = rig.gateway()
    if not isinstance(gateway, Refundable):
        return
    request, number = await charged(rig)
    away = rig.gateway(unreachable=True)
    assert isinstance(away, Refundable)
    await raised(GatewayUnavailable, away.refund(refund_of(request, 1_000, number)))
    for spoil in (Spoil.HTML, Spoil.TRUNCATED, Spoil.SERVER_ERROR):
        rig.spoil_refund(spoil)
        lost = refund_of(request, 2_000, number)
        await raised(OutcomeUnknown, gateway.refund(lost))
        assert (await gateway.query_refund(lost)).outcome is RefundOutcome.SUCCEEDED
    rig.spoil_refund(Spoil.UNDECIDED)
    waiting = refund_of(request, 3_000, number)
    undecided = (await gateway.refund(waiting)).outcome
    assert undecided is RefundOutcome.PENDING, f"undecided, read as {undecided}"
    assert (await gateway.query_refund(waiting)).outcome is RefundOutcome.PENDING
    rig.spoil_refund(Spoil.DECLINE)
    refused = refund_of(request, 4_000, number)
    assert (await gateway.refund(refused)).outcome is RefundOutcome.FAILED
    assert sum(rig.refunds(request.order_ref).values()) == 9_000


async def forged_callbacks_are_rejected(rig: GatewayRig) -> None:
    genuine = await paid(rig)
    gateway = rig.gateway()
    report = gateway.read_notice(genuine)
    assert isinstance(report, GatewayResult)
    assert report.outcome is Outcome.SUCCEEDED
    count = 0
    for what, forged in rig.forgeries(genuine):
        assert forged != genuine, f"not a forgery: {what}"
        assert _read(gateway.read_notice, forged) is None, f"accepted a forged callback: {what}"
        count += 1
    assert count > 20, "a rig must try harder than this"


async def a_repeated_callback_is_the_same_report(rig: GatewayRig) -> None:
    genuine = await paid(rig)
    first = rig.gateway().read_notice(genuine)
    gateway = rig.gateway()
    again = [gateway.read_notice(genuine) for _ in range(3)]
    assert again == [first] * 3, "not the same report"


async def acknowledgements_tell_the_gateway_what_to_do(rig: GatewayRig) -> None:
    genuine = await paid(rig)
    gateway = rig.gateway()
    answers = {result: gateway.acknowledge(result, genuine) for result in CallbackResult}
    status = answers[CallbackResult.REJECTED].status
    assert status in rig.statuses_of_refusal, f"status {status} for a rejected callback"
    accepted = answers[CallbackResult.ACCEPTED]
    for result in (CallbackResult.ACCEPTED, CallbackResult.REPEATED):
        assert rig.ends_the_calls(answers[result]), f"the gateway goes on calling: {result}"
    for result in (CallbackResult.REJECTED, CallbackResult.TRY_AGAIN):
        assert not rig.ends_the_calls(answers[result]), (
            f"the gateway would not call again: {result}"
        )
        assert answers[result].body != accepted.body, f"{result} is worded as accepted"


async def no_secret_is_ever_told(rig: GatewayRig) -> None:
    heard: list[str] = []
    with _everything_logged() as log:
        gateway = rig.gateway()
        heard += [repr(gateway), str(gateway), repr(gateway.account), repr(gateway.__dict__)]
        genuine = await paid(rig)
        for _, forged in rig.forgeries(genuine):
            heard.append(_told(await _caught(_reading(gateway.read_notice, forged))))
        for spoil in (Spoil.HTML, Spoil.TRUNCATED, Spoil.SERVER_ERROR, Spoil.BUSY, Spoil.SILENCE):
            rig.spoil_start(spoil)
            patience = next(iter(_patience(spoil)))
            spoilt = rig.gateway(patience=patience)
            heard.append(_told(await _caught(spoilt.start(rig.request()))))
        wrong = rig.request()
        bad = replace(wrong, order_ref="not a reference\n", amount=-1, return_url="")
        heard.append(_told(await _caught(gateway.start(bad))))
        away = rig.gateway(unreachable=True)
        heard.append(_told(await _caught(away.start(rig.request()))))
        if isinstance(away, Queryable):
            heard.append(_told(await _caught(away.query(key_of(rig.request())))))
        if isinstance(away, Cancellable):
            heard.append(_told(await _caught(away.cancel(key_of(rig.request())))))
        if isinstance(away, Refundable):
            heard.append(_told(await _caught(away.refund(refund_of(rig.request())))))
            heard.append(_told(await _caught(away.query_refund(refund_of(rig.request())))))
        result = await _caught(gateway.start(rig.request()))
        heard.append(_told(result))
    everything = "\n".join([*heard, log.getvalue()])
    for secret in rig.secrets:
        assert secret not in everything, "a secret was told"


CHECKS: Final[dict[str, Check]] = {
    check.__name__: check
    for check in (
        same_key_is_the_same_attempt,
        another_request_under_a_used_key_is_our_fault,
        amounts_are_exact_outwards,
        amounts_are_exact_inwards,
        a_decline_is_a_value,
        a_refused_connection_is_unavailable,
        silence_after_sending_is_unknown_and_never_repeated,
        an_unreadable_answer_is_unknown_and_never_repeated,
        an_unreadable_answer_to_a_query_is_no_news,
        a_busy_gateway_is_asked_again_and_takes_one_order,
        a_genuine_callback_is_read_in_full,
        outcomes_are_told_apart,
        a_query_tells_the_state,
        money_goes_back_once_and_no_more_than_came,
        a_refund_without_a_clear_answer_is_asked_about,
        forged_callbacks_are_rejected,
        a_repeated_callback_is_the_same_report,
        acknowledgements_tell_the_gateway_what_to_do,
        no_secret_is_ever_told,
    )
}


def _patience(spoil: Spoil) -> tuple[float, ...]:
    """Deadlines to try one after the other: on a busy machine the first may pass unheard."""
    return (0.5, 4.0, 30.0) if spoil in (Spoil.SILENCE, Spoil.SLOW) else (60.0,)


async def _spoilt_start(rig: GatewayRig, spoil: Spoil) -> tuple[StartRequest, object]:
    """An order whose start reached the provider and was answered so, and how the start ended."""
    result: object = None
    for patience in _patience(spoil):
        rig.behave()
        rig.spoil_start(spoil)
        request = rig.request()
        result = await _caught(rig.gateway(patience=patience).start(request))
        if rig.start_calls(request.order_ref):
            return request, result
    raise AssertionError(f"no start reached the provider, the last one ended with {result!r}")


async def _spoilt_query(rig: GatewayRig, spoil: Spoil, attempt: AttemptKey) -> object:
    """How a query ends that reached the provider and was answered so each time."""
    result: object = None
    for patience in _patience(spoil):
        rig.behave()
        for _ in range(5):  # a query may be repeated: spoil more than it will try
            rig.spoil_query(spoil)
        gateway = rig.gateway(patience=patience)
        assert isinstance(gateway, Queryable)
        result = await _caught(gateway.query(attempt))
        if not isinstance(result, GatewayUnavailable):
            break
    return result


def _read(read: Callable[[RawCallback], _T], callback: RawCallback) -> _T | None:
    """What was read; None if the callback was rejected in the one proper way."""
    try:
        return read(callback)
    except CallbackRejected:
        return None
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} for a bad callback") from error


async def _reading(read: Callable[[RawCallback], _T], callback: RawCallback) -> _T:
    return read(callback)


async def _caught(doing: Awaitable[object]) -> object:
    try:
        return await doing
    except Exception as error:  # noqa: BLE001  # its words are searched for secrets
        return error


def _told(result: object) -> str:
    """Everything a person could read of a result: an exception with its whole chain."""
    if isinstance(result, BaseException):
        chain = "".join(traceback.format_exception(result))
        hidden: list[str] = []
        error: BaseException | None = result
        while error is not None:
            hidden.append(f"{error!r} {error.args!r}")
            error = error.__context__
        return chain + "\n".join(hidden)
    return repr(result)


@contextlib.contextmanager
def _everything_logged() -> Iterator[io.StringIO]:
    """All that goes to any logger meanwhile, down to debug, unmasked."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    before = root.level
    configured = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        structlog.configure(**configured)
