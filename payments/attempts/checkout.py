"""From choice to outcome: starting an attempt to pay a bill at a gateway.

A gateway's call may last thirty seconds and a lock must not, so this flow alone uses two
transactions of its own: the first writes the intent (and the request's idempotency key), then the
gateway is called with no transaction open, the second writes what it said. If we stop in between,
or the answer is unclear, the attempt is `unknown`: the status inquiry asks the gateway, and nobody charges
again meanwhile. A callback may be faster than the gateway's answer; then the answer adds only the
way to the payment page.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from core import audit, clock, failpoints, idempotency
from core.errors import Conflict, LephiError, NotFound
from core.idempotency import Claim, InFlight
from core.ids import new_id
from core.json import dumps
from core.money import format_vnd
from core.sessions import WriteSession
from payments.agencies.queries import AgencyValue, GatewayAccountValue
from payments.attempts.queries import get_payment
from payments.bills.queries import PaymentValue
from payments.books.posting import lock_bill, move_payment
from payments.context import Context
from payments.gateway_info import GatewayInfo, GatewayKind
from payments.ports import (
    AcceptedAttempt,
    DeclinedAttempt,
    GatewayMisuse,
    GatewayUnavailable,
    OutcomeUnknown,
    StartRequest,
)
from payments.states import LIVE, PAYMENT

#: Attempts of one bill that may be open at a time; more is a loop or an attack.
MOST_LIVE = 5

#: When the status inquiry asks about an attempt for the first time.
FIRST_ASK = timedelta(seconds=15)


class BillNotPayable(Conflict):
    """The bill is paid, expired, cancelled or exempt: there is nothing to pay."""

    code = "bill_not_payable"


class OutcomePending(Conflict):
    """An earlier attempt is being asked about, or its money looked at by a person: wait for it."""

    code = "payment_outcome_pending"
    retryable = True


class TooManyAttempts(Conflict):
    """Too many attempts of this bill are open at once: finish one of them."""

    code = "too_many_attempts"


class GatewayNotOffered(NotFound):
    """The bill's agency has no account at this gateway."""

    code = "gateway_not_offered"


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt as it was written before the gateway was called."""

    payment_id: str
    request: StartRequest
    account: GatewayAccountValue


class AmountNotTaken(Conflict):
    """The gateway takes no payment of what is left of the bill: choose another way to pay."""

    code = "amount_not_taken"


async def offered_gateways(
    context: Context, agency: AgencyValue, amount: int, session: WriteSession | None = None
) -> list[tuple[GatewayAccountValue, GatewayInfo]]:
    """The gateways that a citizen can pay `amount` đồng through, each with what it says of itself.

    A feed only tells of money that has come, and a name that no adapter has cannot be paid at.
    """
    return [
        (account, info)
        for account, info in await _gateways(context, agency, session)
        if info.takes(amount, account.access.credentials)
    ]


async def choose_gateway(
    context: Context, agency: AgencyValue, gateway: str, session: WriteSession | None = None
) -> tuple[GatewayAccountValue, GatewayInfo]:
    """The agency's account at a gateway, and what that is. Raises `GatewayNotOffered`."""
    for account, info in await _gateways(context, agency, session):
        if account.gateway == gateway:
            return account, info
    raise GatewayNotOffered(f"Cơ quan này không nhận thanh toán qua {gateway}.")


def _check_limits(account: GatewayAccountValue, info: GatewayInfo, amount: int) -> None:
    """Raises `AmountNotTaken` unless the gateway takes a payment of `amount` đồng."""
    if info.takes(amount, account.access.credentials):
        return
    least, greatest = info.limits(account.access.credentials)
    bounds = [f"từ {format_vnd(least)}"] if least is not None else []
    bounds += [f"đến {format_vnd(greatest)}"] if greatest is not None else []
    raise AmountNotTaken(
        f"{info.title_vi} chỉ nhận mỗi lần {' '.join(bounds)}; còn phải nộp "
        f"{format_vnd(amount)}. Hãy chọn cách khác."
    )


async def _gateways(
    context: Context, agency: AgencyValue, session: WriteSession | None
) -> list[tuple[GatewayAccountValue, GatewayInfo]]:
    found = []
    for account in await context.agencies.list_gateways(agency, session):
        info = context.gateways.find_info(account.gateway)
        if info is not None and info.kind is GatewayKind.GATEWAY:
            found.append((account, info))
    return found


async def checkout(
    context: Context,
    bill_id: str,
    agency_ids: Collection[str],
    gateway: str,
    claim: Claim,
    present: Callable[[PaymentValue], dict[str, Any]],
    *,
    actor: str,
    payer_ip: str = "127.0.0.1",
    proven: bool = True,
) -> tuple[int, bytes]:
    """Start an attempt; the HTTP status and body of the answer, the same for every repeat.

    201 with the attempt, whose status may be `unknown`. Raises `BillNotPayable`,
    `OutcomePending`, `TooManyAttempts`, `GatewayNotOffered`, `AmountNotTaken`, what `idempotency`
    raises, and `GatewayUnavailable` or `GatewayMisuse` where certainly nothing was charged; after
    those two the same key may be used again.

    `proven` says that the caller may see the whole bill. The gateway then sends the citizen back to
    the page that its token opens; who only knows the reference comes back to the page without.
    """
    async with context.database.transaction() as session:
        replay = await idempotency.find(session, claim, context.cipher)
    if replay is not None and replay.body is not None and replay.status is not None:
        return replay.status, replay.body
    if replay is not None:
        if clock.now() - replay.created_at < idempotency.LEASE:
            raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
        await _take_over(context, replay.object_id, agency_ids, actor)
        return await _answer(context, claim, replay.object_id, agency_ids, present)
    intent = await _intend(
        context, bill_id, agency_ids, gateway, claim, actor, payer_ip, proven=proven
    )
    failpoints.hit("checkout.after_intent")
    outcome: AcceptedAttempt | DeclinedAttempt | LephiError
    try:
        outcome = await context.gateways.gateway(intent.account.access).start(intent.request)
    except (GatewayUnavailable, OutcomeUnknown, GatewayMisuse) as error:
        outcome = error
    failpoints.hit("checkout.after_call")

    async def conclude(session: WriteSession) -> None:
        await _conclude(session, intent.payment_id, outcome, claim, actor)

    await context.database.run(conclude)
    if isinstance(outcome, LephiError) and not isinstance(outcome, OutcomeUnknown):
        raise outcome
    return await _answer(context, claim, intent.payment_id, agency_ids, present)


async def _intend(
    context: Context,
    bill_id: str,
    agency_ids: Collection[str],
    gateway: str,
    claim: Claim,
    actor: str,
    payer_ip: str,
    *,
    proven: bool,
) -> Intent:
    async with context.database.transaction() as session:
        row = (
            await session.execute(
                text(
                    "SELECT id, agency_id, reference, status, amount, language, dossier_number,"
                    " expires_at FROM bill WHERE id = :id FOR UPDATE"
                ),
                {"id": bill_id},
            )
        ).first()
        if row is None or row.agency_id not in agency_ids:
            raise NotFound("Không có khoản phải nộp này.")
        agency = await context.agencies.get_agency(row.agency_id, session)
        account, info = await choose_gateway(context, agency, gateway, session)
        late = row.expires_at is not None and row.expires_at <= clock.now()
        if row.status != "open" or late:
            raise BillNotPayable("Khoản này không còn gì phải nộp hoặc đã đóng.")
        tried = (
            await session.execute(
                text(
                    "SELECT count(*) AS attempts,"
                    " count(*) FILTER (WHERE status = ANY(CAST(:live AS text[]))) AS live,"
                    " count(*) FILTER (WHERE status IN ('unknown', 'held')) AS unclear,"
                    " coalesce((SELECT sum(amount) FROM suspense_item s WHERE s.bill_id = :id"
                    "  AND s.place = 'suspense' AND s.reason = 'short' AND s.closed_at IS NULL), 0)"
                    "  AS waiting"
                    " FROM payment WHERE bill_id = :id AND kind = 'attempt'"
                ),
                {"id": bill_id, "live": sorted(LIVE)},
            )
        ).one()
        if tried.unclear:
            raise OutcomePending("Chưa rõ kết quả lần thanh toán trước; đang hỏi cổng thanh toán.")
        if tried.live >= MOST_LIVE:
            raise TooManyAttempts("Có quá nhiều lần thanh toán đang dở cho khoản này.")
        amount = int(row.amount - tried.waiting)
        _check_limits(account, info, amount)
        payment_id = new_id("pay")
        order_ref = f"{row.reference}-{tried.attempts + 1:02d}"
        if not await idempotency.begin(session, claim, payment_id):
            raise InFlight("Yêu cầu trước với khóa này đang được xử lý.")
        now = clock.now()
        await session.execute(
            text(
                "INSERT INTO payment (id, kind, agency_id, bill_id, gateway, gateway_account_id,"
                " collection_account_id, status, amount, order_ref, request_code, created_at,"
                " ask_at, asked) VALUES (:id, 'attempt', :agency_id, :bill_id, :gateway, :account,"
                " :collection, 'created', :amount, :order_ref, :request_code, :now, :ask_at, 0)"
            ),
            {
                "id": payment_id,
                "agency_id": row.agency_id,
                "bill_id": bill_id,
                "gateway": gateway,
                "account": account.id,
                "collection": account.collection.id,
                "amount": amount,
                "order_ref": order_ref,
                "request_code": payment_id,
                "now": now,
                "ask_at": now + idempotency.LEASE,
            },
        )
        await audit.record(
            session,
            actor=actor,
            action=PAYMENT.move(None, "created").event,
            object_id=payment_id,
            details={"bill": bill_id, "amount": amount, "gateway": gateway},
        )
    request = StartRequest(
        order_ref=order_ref,
        request_code=payment_id,
        amount=amount,
        description=f"Nop phi, le phi {row.reference}",
        return_url=(
            context.urls.pay(row.id, row.reference) if proven else context.urls.bill(row.reference)
        ),
        callback_url=context.urls.callback(gateway, account.access.account),
        payer_ip=payer_ip,
        language=row.language,
        created_at=now,
    )
    return Intent(payment_id, request, account)


async def _conclude(
    session: WriteSession,
    payment_id: str,
    outcome: AcceptedAttempt | DeclinedAttempt | LephiError,
    claim: Claim,
    actor: str,
) -> None:
    """Write what the gateway said; whatever a faster callback wrote stays."""
    payment = await _locked(session, payment_id)
    now = clock.now()
    if isinstance(outcome, AcceptedAttempt):
        shown = {"type": outcome.checkout, "url": outcome.url, "payload": outcome.payload}
        await session.execute(
            text("UPDATE payment SET checkout = CAST(:shown AS jsonb) WHERE id = :id"),
            {"shown": dumps(shown).decode(), "id": payment_id},
        )
        if payment.status in ("created", "unknown"):
            await move_payment(session, actor, payment, "submitted", {}, ask_at=now + FIRST_ASK)
    elif isinstance(outcome, OutcomeUnknown):
        if payment.status == "created":
            await move_payment(session, actor, payment, "unknown", {}, ask_at=now + FIRST_ASK)
    else:
        code = outcome.gateway_code if isinstance(outcome, DeclinedAttempt) else outcome.code
        if payment.status == "created":
            details = {"gateway_code": code}
            await move_payment(
                session, actor, payment, "failed", details, gateway_code=code, ask_at=None
            )
        if isinstance(outcome, LephiError):
            # Nothing happened at the gateway: the same key may try again.
            await idempotency.forget(session, claim)
    failpoints.hit("checkout.before_outcome_commit")


async def _locked(session: WriteSession, payment_id: str) -> Any:
    bill_id = await session.scalar(
        text("SELECT bill_id FROM payment WHERE id = :id"), {"id": payment_id}
    )
    await lock_bill(session, bill_id)
    return (
        await session.execute(
            text("SELECT * FROM payment WHERE id = :id FOR UPDATE"), {"id": payment_id}
        )
    ).one()


async def _take_over(
    context: Context, payment_id: str, agency_ids: Collection[str], actor: str
) -> None:
    """Go on from an intent whose request stopped: the gateway is asked, not called again."""
    async with context.database.transaction() as session:
        await get_payment(session, payment_id, agency_ids)
        payment = await _locked(session, payment_id)
        if payment.status == "created":
            await move_payment(session, actor, payment, "unknown", {}, ask_at=clock.now())


async def _answer(
    context: Context,
    claim: Claim,
    payment_id: str,
    agency_ids: Collection[str],
    present: Callable[[PaymentValue], dict[str, Any]],
) -> tuple[int, bytes]:
    async def write(session: WriteSession) -> bytes:
        payment = await get_payment(session, payment_id, agency_ids)
        body = dumps(present(payment))
        if await idempotency.finish(session, claim, 201, body, context.cipher):
            return body
        # Two repeats took the key over at once: both give the answer that was kept.
        kept = await idempotency.find(session, claim, context.cipher)
        return body if kept is None or kept.body is None else kept.body

    return 201, await context.database.run(write)
