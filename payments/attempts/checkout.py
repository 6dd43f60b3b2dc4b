"""From choice to outcome: starting an attempt to pay a bill at a gateway.

A gateway's call may last thirty seconds and a lock must not, so this flow alone uses two
transactions of its own: the first writes the intent (and the request's idempotency key), then the
gateway is called with no transaction open, the second writes what it said. If we stop in between,
or the answer is unclear, the attempt is `unknown`: the status inquiry asks the gateway, and nobody
charges again meanwhile. A callback may be faster than the gateway's answer; then the answer adds
only the way to the payment page.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import insert

from core import audit, clock, failpoints, idempotency
from core.errors import Conflict, FieldError, LephiError, NotFound
from core.idempotency import Claim, InFlight
from core.ids import new_id
from core.json import dumps
from core.sessions import WriteSession
from payments.agencies import breakers
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.billing import dossier_of
from payments.attempts.conclusion import conclude, take_over
from payments.attempts.leaving import leave
from payments.attempts.offering import (
    GatewayCrowded,
    GatewayResting,
    check_limits,
    choose_gateway,
)
from payments.attempts.queries import count_attempts, get_payment
from payments.bills.locks import find_and_lock_bill
from payments.bills.models import Payment
from payments.bills.queries import PaymentValue
from payments.context import Context
from payments.gateway_info import GatewayInfo
from payments.ports import (
    AcceptedAttempt,
    DeclinedAttempt,
    GatewayMisuse,
    GatewayUnavailable,
    OutcomeUnknown,
    StartRequest,
)
from payments.states import PAYMENT
from payments.summaries import PlacedMoney

#: Numbers of sixteen digits that any program can hold: below 2^53.
_LEAST_NUMBER: Final = 10**15
_NUMBERS: Final = 2**53 - _LEAST_NUMBER


class BillNotPayable(Conflict):
    """The bill is paid, expired, cancelled or exempt: there is nothing to pay."""

    code = "bill_not_payable"


class OutcomePending(Conflict):
    """Money of an earlier attempt is looked at by a person: wait for it."""

    code = "payment_outcome_pending"
    retryable = True


class AttemptOpen(Conflict):
    """An earlier attempt is open, and may be charged: go on with it, or name it to replace it.

    `errors` names it. `GET` it until it has ended, send the payer on to its `checkout`, or send its
    id as `instead_of` once the payer says that nothing was charged.
    """

    code = "attempt_open"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which bill is to be paid at which gateway, and who says so."""

    bill_id: str
    #: the agencies whose bills the caller may see
    agency_ids: Collection[str]
    gateway: str
    actor: str
    payer_ip: str
    #: whether the caller may see the whole bill
    proven: bool


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt as it was written before the gateway was called."""

    payment_id: str
    request: StartRequest
    account: GatewayAccountValue


async def checkout(
    context: Context,
    bill_id: str,
    agency_ids: Collection[str],
    gateway: str,
    claim: Claim,
    present: Callable[[PaymentValue, PlacedMoney], dict[str, Any]],
    *,
    actor: str,
    payer_ip: str = "127.0.0.1",
    proven: bool = True,
    instead_of: str | None = None,
) -> tuple[int, bytes]:
    """Start an attempt; the HTTP status and body of the answer, the same for every repeat.

    201 with the attempt, whose status may be `unknown`. Raises `BillNotPayable`,
    `OutcomePending`, `AttemptOpen`, `GatewayNotOffered`, `AmountNotTaken`, `GatewayResting`, what
    `idempotency` raises, and `GatewayUnavailable` or `GatewayMisuse` where certainly nothing was
    charged; after those two the same key may be used again. `instead_of` is the open attempt that
    this one replaces, with what `leaving.leave` raises.

    `proven` says that the caller may see the whole bill. The gateway then sends the citizen back to
    the page that its token opens; who only knows the reference comes back to the page without.
    """
    async with context.database.transaction() as session:
        replay = await idempotency.find(session, claim, context.cipher)
    if replay is not None and replay.body is not None and replay.status is not None:
        return replay.status, replay.body
    if replay is not None:
        if idempotency.is_under_way(replay.created_at):
            raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
        async with context.database.transaction() as session:
            await take_over(session, replay.object_id, agency_ids, actor)
        return await _answer(context, claim, replay.object_id, agency_ids, present)
    if instead_of is not None:
        await _leave(context, bill_id, instead_of, agency_ids, actor)
    choice = Choice(bill_id, agency_ids, gateway, actor, payer_ip, proven)
    intent = await _intend(context, choice, claim)
    failpoints.hit("checkout.after_intent")
    outcome: AcceptedAttempt | DeclinedAttempt | LephiError
    try:
        with context.starting.place(intent.account.id) as is_free:
            if not is_free:
                raise _crowded()
            outcome = await context.gateways.gateway(intent.account.access).start(intent.request)
    except (GatewayUnavailable, OutcomeUnknown, GatewayMisuse) as error:
        outcome = error
    failpoints.hit("checkout.after_call")

    async def write(session: WriteSession) -> None:
        await conclude(session, intent.payment_id, outcome, claim, actor)
        if isinstance(outcome, GatewayCrowded):
            return
        silence = None
        if isinstance(outcome, GatewayUnavailable | OutcomeUnknown):
            silence = outcome.code
        began_at = intent.request.created_at
        await breakers.note_answer(session, intent.account.id, silence, began_at=began_at)

    await context.database.run(write)
    if isinstance(outcome, LephiError) and not isinstance(outcome, OutcomeUnknown):
        raise outcome
    return await _answer(context, claim, intent.payment_id, agency_ids, present)


async def _intend(context: Context, choice: Choice, claim: Claim) -> Intent:
    """Write the attempt down with the key of its request, before anything is sent."""
    gateway = choice.gateway

    async def write(session: WriteSession) -> Intent:
        bill = await find_and_lock_bill(session, choice.bill_id)
        if bill is None or bill.agency_id not in choice.agency_ids:
            raise NotFound("Không có khoản phải nộp này.")
        payment_id = new_id("pay")
        # Before anything is refused: the twin of a request that has just begun is told to wait,
        # not that an attempt is open, which is its own.
        if not await idempotency.begin(session, claim, payment_id):
            raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
        agency = await context.agencies.get_agency(bill.agency_id, session)
        account, info = await choose_gateway(context, agency, gateway, session)
        late = bill.expires_at is not None and bill.expires_at <= clock.now()
        if bill.status != "open" or late:
            raise BillNotPayable("Khoản này không còn gì phải nộp hoặc đã đóng.")
        tried = await count_attempts(session, bill.id)
        if tried.held:
            raise OutcomePending("Tiền của lần thanh toán trước đang được cán bộ kiểm tra.")
        if tried.open is not None:
            raise _open(tried.open)
        amount = bill.amount - tried.waiting
        check_limits(account, info, amount)
        # Looked at before anything is written, for those that find no place press again and again;
        # whoever finds one here may still come too late for it.
        if context.starting.is_full(account.id):
            raise _crowded()
        if not await breakers.let_through(session, account.id):
            raise GatewayResting(f"{info.title_vi} đang không trả lời. Hãy chọn cách khác.")
        order_ref = _order_ref(info, bill.reference, tried.attempts + 1)
        now = clock.now()
        await session.write(
            insert(Payment).values(
                id=payment_id,
                kind="attempt",
                agency_id=bill.agency_id,
                bill_id=bill.id,
                gateway=gateway,
                gateway_account_id=account.id,
                collection_account_id=account.collection.id,
                status="created",
                amount=amount,
                order_ref=order_ref,
                request_code=payment_id,
                created_at=now,
                ask_at=now + idempotency.LEASE,
                asked=0,
                private=choice.proven,
            )
        )
        await audit.record(
            session,
            actor=choice.actor,
            action=PAYMENT.move(None, "created").event,
            object_id=payment_id,
            details={"bill": bill.id, "amount": amount, "gateway": gateway},
        )
        dossier = None
        if info.wants_dossier:
            dossier = await dossier_of(
                session, account.collection, bill.id, amount, cipher=context.cipher
            )
        request = StartRequest(
            order_ref=order_ref,
            request_code=payment_id,
            amount=amount,
            description=f"Nop phi, le phi {bill.reference}",
            return_url=(
                context.urls.pay(bill.id, bill.reference)
                if choice.proven
                else context.urls.bill(bill.reference)
            ),
            callback_url=context.urls.callback(gateway, account.access.account),
            payer_ip=choice.payer_ip,
            language=bill.language,
            created_at=now,
            dossier=dossier,
        )
        return Intent(payment_id, request, account)

    return await context.database.run(write)


def _crowded() -> GatewayCrowded:
    return GatewayCrowded("Cổng thanh toán đang trả lời chậm: hãy thử lại sau ít phút.")


def _order_ref(info: GatewayInfo, reference: str, count: int) -> str:
    """A new attempt's name at its gateway; that it is new for ever, the database sees to."""
    if info.numbered_orders:
        return str(_LEAST_NUMBER + secrets.randbelow(_NUMBERS))
    return f"{reference}-{count:02d}"


def _open(payment_id: str) -> AttemptOpen:
    return AttemptOpen(
        f"Lần thanh toán trước ({payment_id}) chưa có kết quả. Hãy hoàn tất lần đó, hoặc gửi "
        "instead_of để chọn cách khác.",
        errors=[FieldError("instead_of", "attempt_open", payment_id)],
    )


async def _leave(
    context: Context, bill_id: str, payment_id: str, agency_ids: Collection[str], actor: str
) -> None:
    """Leave the attempt that another is to replace. Raises `NotFound` for another bill's."""
    async with context.database.transaction() as session:
        replaced = await get_payment(session, payment_id, agency_ids)
    if replaced.bill_id != bill_id:
        raise NotFound("Không có giao dịch thanh toán này.")
    await leave(context, payment_id, agency_ids, actor=actor)


async def _answer(
    context: Context,
    claim: Claim,
    payment_id: str,
    agency_ids: Collection[str],
    present: Callable[[PaymentValue, PlacedMoney], dict[str, Any]],
) -> tuple[int, bytes]:
    async def write(session: WriteSession) -> bytes:
        payment = await get_payment(session, payment_id, agency_ids)
        # A callback may have been faster than the gateway's answer.
        came = [payment.id] if payment.credited is not None else []
        places = await context.money.of_payments(session, came)
        body = dumps(present(payment, places.get(payment.id, PlacedMoney())))
        if await idempotency.finish(session, claim, 201, body, context.cipher):
            return body
        # Two repeats took the key over at once: both give the answer that was kept.
        kept = await idempotency.find(session, claim, context.cipher)
        return body if kept is None or kept.body is None else kept.body

    return 201, await context.database.run(write)
