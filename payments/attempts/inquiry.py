"""The status inquiry: ask gateways about attempts whose outcome is open, and only then let bills expire.

Callbacks get lost and answers time out; the gateway's own books do not. An attempt that is
`submitted` or `unknown` is asked about with growing pauses. Money that came is recorded as if its
callback had come. An attempt ends unpaid only past its deadline and after the gateway was asked;
where a gateway cannot be asked it never ends by itself.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from core import audit, clock
from core.log import get
from core.sessions import WriteSession
from payments.attempts.results import record_result
from payments.books.posting import lock_bill, move_payment
from payments.context import Context
from payments.ports import (
    AttemptKey,
    GatewayMisuse,
    GatewayResult,
    GatewayUnavailable,
    Outcome,
    OutcomeUnknown,
    Queryable,
)
from payments.states import BILL, LIVE

log = get(__name__)

ACTOR = "system:status_inquiry"

#: An attempt that the gateway still calls pending after this long is over.
DEADLINE = timedelta(hours=24)

#: "Not found" means nothing while the order may still be on its way.
GRACE = timedelta(minutes=15)

#: An attempt that is over is still asked about, for a citizen may pay on an old page and the
#: callback get lost: this often, for this long.
STILL_ASKED, ASKED_FOR = timedelta(hours=1), timedelta(days=3)

_LONGEST_PAUSE = timedelta(minutes=5)


def pause(asked: int) -> timedelta:
    """How long to wait before asking again: 15 s, 30 s, 60 s … at most 5 minutes."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


async def inquire(context: Context, limit: int = 20) -> int:
    """Ask about the attempts that are due; how many were asked about."""
    now = clock.now()
    async with context.database.transaction() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT id, asked, gateway_account_id, order_ref, created_at FROM payment"
                    " WHERE ask_at <= :now AND (status = 'expired'"
                    "  OR status = ANY(CAST(:live AS text[])))"
                    " ORDER BY ask_at LIMIT :limit FOR UPDATE SKIP LOCKED"
                ),
                {"live": sorted(LIVE), "now": now, "limit": limit},
            )
        ).all()
        for row in rows:
            await session.execute(
                text("UPDATE payment SET ask_at = :at, asked = asked + 1 WHERE id = :id"),
                {"at": now + pause(row.asked), "id": row.id},
            )
    # At once, for a slow gateway must not keep us from asking the others.
    await asyncio.gather(*(_ask_safely(context, row) for row in rows))
    return len(rows)


async def _ask_safely(context: Context, row: Any) -> None:
    try:
        await _ask(context, row)
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        log.error("the status inquiry could not ask or record", payment=row.id, reason=repr(error))


async def _ask(context: Context, row: Any) -> None:
    account = await context.agencies.get_gateway_by_id(row.gateway_account_id)
    adapter = context.gateways.gateway(account.access)
    report: GatewayResult | None = None
    try:
        if isinstance(adapter, Queryable):
            report = await adapter.query(AttemptKey(row.order_ref, row.created_at))
    except (GatewayUnavailable, OutcomeUnknown) as error:
        log.info("gateway gave no clear answer", payment=row.id, code=error.code)
    except GatewayMisuse as error:
        log.error("gateway refused our question", payment=row.id, code=error.code)

    async def write(session: WriteSession) -> None:
        if report is not None and report.outcome is not Outcome.NOT_FOUND:
            await record_result(session, account, report, actor=ACTOR, cipher=context.cipher)
        await _conclude(session, row.id, report)

    await context.database.run(write)


async def _conclude(session: WriteSession, payment_id: str, report: GatewayResult | None) -> None:
    """After asking: an attempt left open by a crash is unknown; one past its deadline is over."""
    bill_id = await session.scalar(
        text("SELECT bill_id FROM payment WHERE id = :id"), {"id": payment_id}
    )
    bill = await lock_bill(session, bill_id)
    payment = (
        await session.execute(
            text("SELECT * FROM payment WHERE id = :id FOR UPDATE"), {"id": payment_id}
        )
    ).one()
    if payment.status == "created":
        await move_payment(session, ACTOR, payment, "unknown", {"asked": payment.asked})
        return
    now = clock.now()
    if payment.status == "expired":
        again = now + STILL_ASKED if now < payment.created_at + ASKED_FOR else None
        await session.execute(
            text("UPDATE payment SET ask_at = :at WHERE id = :id"),
            {"at": again, "id": payment.id},
        )
    if payment.status not in LIVE or report is None:
        return
    over = now > _deadline(payment.created_at, bill.expires_at)
    if report.outcome is Outcome.NOT_FOUND:
        over = now > payment.created_at + GRACE
    if over:
        details = {"gateway_says": report.outcome}
        await move_payment(session, ACTOR, payment, "expired", details, ask_at=now + STILL_ASKED)


def _deadline(created_at: datetime, expires_at: datetime | None) -> datetime:
    latest = created_at + DEADLINE
    return latest if expires_at is None else min(latest, expires_at)


async def expire_bills(context: Context, limit: int = 100) -> int:
    """Close bills past their time whose gateways have been asked; how many.

    A bill with an attempt still open is not closed: the attempt ends first, with its own question.
    """
    now = clock.now()
    async with context.database.transaction() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT id, status FROM bill WHERE status = 'open' AND expires_at <= :now"
                    " AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.bill_id = bill.id"
                    "  AND p.status = ANY(CAST(:live AS text[])))"
                    " ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED"
                ),
                {"now": now, "limit": limit, "live": sorted(LIVE)},
            )
        ).all()
        closed = 0
        for row in rows:
            live = await session.scalar(
                text(
                    "SELECT count(*) FROM payment WHERE bill_id = :id"
                    " AND status = ANY(CAST(:live AS text[]))"
                ),
                {"id": row.id, "live": sorted(LIVE)},
            )
            if live:
                continue
            details = {"before": row.status}
            await session.execute(
                text("UPDATE bill SET status = 'expired' WHERE id = :id"), {"id": row.id}
            )
            event = BILL.move(row.status, "expired").event
            await audit.record(
                session, actor=ACTOR, action=event, object_id=row.id, details=details
            )
            closed += 1
    return closed
