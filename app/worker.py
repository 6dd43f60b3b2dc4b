"""The worker: does what must happen after a commit, and what must happen as time passes.

Several workers may run; leases and locks keep them apart. A batch that fails is tried one by one,
so that one poisoned event does not hold up the others; one that keeps failing is set aside.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from functools import partial
from time import monotonic
from typing import Any, Final

from app import anchors
from app.figures import count_figures
from app.handlers import HANDLERS
from app.parts import Parts
from app.wiring import origin
from core import allowances, audit, failpoints, guesses, heartbeats, idempotency, outbox
from core.clocks import ClocksDisagree
from core.db import DatabaseUnavailable
from core.handlers import Handler
from core.ids import new_id
from core.log import get
from core.outbox import Delivery
from payments.agencies.access import staff_sessions
from payments.attempts import gateway_receipts, inquiry
from payments.billing import months
from payments.billing.reminding.commands import write_reminders
from payments.disputes import commands as disputes
from payments.disputes.queries import list_lacking
from payments.incoming import notices
from payments.messages import commands as payer_messages
from payments.messages import delivering as messages
from payments.messages import renewing
from payments.messages.rules import MESSAGE_KINDS, MessageKind
from payments.refunds import sending
from payments.webhooks import delivering as webhooks
from receipts.invoices import delivering as invoices
from reconciliation.days import nightly
from reconciliation.statements import earlier_narratives, kept_files, takings

log = get(__name__)

#: How long to rest when there was nothing to do.
IDLE_SECONDS = 0.2
INQUIRY_SECONDS = 2.0
HOUSEKEEPING_SECONDS = 300.0
#: Between looks for days that are due to be reconciled by themselves.
NIGHTS_SECONDS = 5.0
#: Between looks for receivers of webhooks that are due.
WEBHOOKS_SECONDS = 1.0
#: How many receivers a worker speaks to at once: a slow one keeps one lane.
WEBHOOK_LANES = 4
#: Between looks for messages to payers that are due.
MESSAGES_SECONDS = 1.0
#: How many messages a worker sends at once, and which: who has just paid does not wait until all of
#: a market are reminded.
MESSAGE_LANES: Final[tuple[tuple[MessageKind, ...], ...]] = (
    ("receipt",),
    *(3 * (MESSAGE_KINDS,)),
)
#: Between looks for invoices that are to be asked for, and how many are at once.
INVOICES_SECONDS = 1.0
INVOICE_LANES = 2
#: Between looks for markets that open a month or remind today.
MONTHS_SECONDS = 30.0
#: Between two counts of what /metrics shows.
FIGURES_SECONDS = 15.0
#: Between looks for entries that were left out of the chain, among all there are.
WHOLE_LOOK_SECONDS = 3600.0


async def deliver(parts: Parts, handler: Handler[Parts, Any]) -> int:
    """Work through one batch of a handler's deliveries; how many there were."""
    async with parts.database.transaction() as session:
        deliveries = await outbox.claim(session, handler.name, handler.batch)
    if not deliveries:
        return 0
    failpoints.hit("outbox.after_claim")
    try:
        await _work(parts, handler, deliveries)
    except ClocksDisagree as error:
        # No fault of theirs: they wait, and no try is counted.
        log.error("deliveries wait", handler=handler.name, reason=error.detail)
        return 0
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        log.warning("batch failed, trying one by one", handler=handler.name, reason=repr(error))
        for delivery in deliveries:
            await _work_alone(parts, handler, delivery)
    return len(deliveries)


async def _work(parts: Parts, handler: Handler[Parts, Any], deliveries: Sequence[Delivery]) -> None:
    async with parts.database.transaction() as session:
        await handler.handle(parts, session, deliveries)
        await outbox.complete(session, deliveries)


async def _work_alone(parts: Parts, handler: Handler[Parts, Any], delivery: Delivery) -> None:
    try:
        await _work(parts, handler, [delivery])
    except Exception as error:  # noqa: BLE001  whatever it is, it is noted and tried again
        async with parts.database.transaction() as session:
            aside = await outbox.fail(session, delivery, repr(error))
        say = log.error if aside else log.warning
        say("delivery failed", handler=handler.name, delivery=delivery.event_id, set_aside=aside)


async def run_once(parts: Parts) -> int:
    """Everything that is due now, once; for tests and the command line. How much there was."""
    done = 0
    waiting = await _waiting(parts)
    for handler in HANDLERS:
        if handler.name in waiting:
            done += await deliver(parts, handler)
            waiting = await _waiting(parts)  # what it told of may be for one behind it
    done += await notices.apply_waiting(parts.payments)
    done += await inquiry.inquire(parts.payments)
    done += await inquiry.expire_bills(parts.payments)
    done += await sending.run_due_errands(parts.payments)
    done += await gateway_receipts.fetch_due(parts.payments)
    done += await _seal(parts)
    done += await nightly.run_due(parts.reconciling)
    done += await webhooks.deliver_next(parts.webhooks)
    done += await months.open_due_months(parts.database, parts.cipher)
    done += await _remind(parts)
    done += await _hold_lacking(parts)
    done += await renewing.renew_next(parts.messages)
    done += await messages.deliver_next(parts.messages)
    done += await invoices.ask_for_next(parts.invoicing)
    async with parts.database.transaction() as session:
        done += await audit.chain(session, sealer=parts.evidence.sealer)
    return done


async def _waiting(parts: Parts) -> set[str]:
    """The handlers that have something to do: one question, for most of them have nothing."""
    async with parts.database.reading() as session:
        return await outbox.list_waiting(session, [handler.name for handler in HANDLERS])


async def _seal(parts: Parts) -> int:
    async with parts.database.transaction() as session:
        return await earlier_narratives.seal_earlier(session, parts.cipher)


async def _hold_lacking(parts: Parts) -> int:
    """Each in a transaction of its own, so that it has the locks of one payment alone."""
    async with parts.database.reading() as session:
        found = await list_lacking(session)
    done = 0
    for one in found:
        done += await parts.database.run(partial(disputes.hold_lacking, lacking=one))
    return done


async def _remind(parts: Parts) -> int:
    async with parts.database.transaction() as session:
        return await write_reminders(session, parts.cipher)


async def run(parts: Parts, stop: asyncio.Event) -> None:
    """Work until `stop` is set; what has been begun is finished."""

    async def chain(*, whole: bool = False) -> int:
        async with parts.database.transaction() as session:
            return await audit.chain(session, sealer=parts.evidence.sealer, whole=whole)

    worker = new_id("worker")

    async def beat() -> int:
        async with parts.database.transaction() as session:
            await heartbeats.beat(session, worker)
        return 0

    async def keep_house() -> int:
        async with parts.database.transaction() as session:
            expired = await idempotency.expire(session) + await guesses.expire(session)
            expired += await allowances.expire(session) + await staff_sessions.expire(session)
            expired += await kept_files.expire(session)
            expired += await webhooks.expire(session)
            expired += await payer_messages.expire(session)
            return expired + await takings.expire(session)

    async def anchor() -> int:
        if anchors.is_due(parts.anchoring):
            await anchors.drop_anchor(parts.database, parts.anchoring)
        else:
            await anchors.stamp_anchors(parts.anchoring)
        return 0

    async def count() -> int:
        began = monotonic()
        async with parts.database.transaction() as session:
            await count_figures(session)
        # A large database is counted seldom: never for more than a twentieth of the time.
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 19 * (monotonic() - began))
        return 0

    called = {handler.name: asyncio.Event() for handler in HANDLERS}

    async def look() -> int:
        """Call whom something waits for: one question, and not one of each five times a second."""
        for name in await _waiting(parts):
            called[name].set()
        return 0

    async def listen(handler: Handler[Parts, Any]) -> None:
        async def answer() -> int:
            await called[handler.name].wait()
            called[handler.name].clear()
            done = 0 if stop.is_set() else await deliver(parts, handler)
            if done:  # there may be more
                called[handler.name].set()
            return done

        await _repeat(f"handler {handler.name}", answer, 0, stop)

    async def dismiss() -> None:
        await stop.wait()
        for call in called.values():
            call.set()

    context = parts.payments
    inquiries, errands = inquiry.Inquiries(context), sending.RefundErrands(context)
    async with aclosing(inquiries), aclosing(errands), asyncio.TaskGroup() as group:
        for handler in HANDLERS:
            group.create_task(listen(handler))
        group.create_task(dismiss())
        for _ in range(WEBHOOK_LANES):
            group.create_task(
                _repeat(
                    "webhooks",
                    lambda: webhooks.deliver_next(parts.webhooks),
                    WEBHOOKS_SECONDS,
                    stop,
                )
            )
        for kinds in MESSAGE_LANES:
            group.create_task(
                _repeat(
                    "messages",
                    partial(messages.deliver_next, parts.messages, kinds),
                    MESSAGES_SECONDS,
                    stop,
                )
            )
        for _ in range(INVOICE_LANES):
            group.create_task(
                _repeat(
                    "invoices",
                    lambda: invoices.ask_for_next(parts.invoicing),
                    INVOICES_SECONDS,
                    stop,
                )
            )
        for name, job, pause in (
            ("outbox", look, IDLE_SECONDS),
            ("callbacks", lambda: notices.apply_waiting(context), INQUIRY_SECONDS),
            ("gateways", inquiries.begin, INQUIRY_SECONDS),
            ("refunds", errands.begin, INQUIRY_SECONDS),
            ("gateway receipts", lambda: gateway_receipts.fetch_due(context), INQUIRY_SECONDS),
            ("disputes", lambda: _hold_lacking(parts), INQUIRY_SECONDS),
            ("expiry", lambda: inquiry.expire_bills(context), INQUIRY_SECONDS),
            ("audit", chain, INQUIRY_SECONDS),
            ("audit, whole", lambda: chain(whole=True), WHOLE_LOOK_SECONDS),
            ("figures", count, FIGURES_SECONDS),
            ("anchor", anchor, HOUSEKEEPING_SECONDS),
            (
                "months",
                lambda: months.open_due_months(parts.database, parts.cipher),
                MONTHS_SECONDS,
            ),
            ("reminders", lambda: _remind(parts), MONTHS_SECONDS),
            ("tokens", lambda: renewing.renew_next(parts.messages), INQUIRY_SECONDS),
            ("nights", lambda: nightly.run_due(parts.reconciling), NIGHTS_SECONDS),
            ("narratives", lambda: _seal(parts), HOUSEKEEPING_SECONDS),
            ("heartbeat", beat, heartbeats.BEAT_SECONDS),
            ("housekeeping", keep_house, HOUSEKEEPING_SECONDS),
        ):
            group.create_task(_repeat(name, job, pause, stop))


async def _repeat(
    name: str, job: Callable[[], Awaitable[int]], pause: float, stop: asyncio.Event
) -> None:
    """Do a job again and again, resting when there was nothing to do or it failed."""
    while not stop.is_set():
        done = 0
        try:
            done = await job()
        except DatabaseUnavailable:
            log.warning("database away, waiting", job=name)
        except ClocksDisagree as error:
            log.error("waiting", job=name, reason=error.detail)
        except Exception:
            log.exception("job failed", job=name)
        if not done:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)


async def run_until_told(parts: Parts) -> None:
    """Work until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(told, stop.set)
    log.info("worker started", **origin(parts.settings))
    await run(parts, stop)
    log.info("worker stopped", **origin(parts.settings))
