"""The worker: does what must happen after a commit, and what must happen as time passes.

Several workers may run; leases and locks keep them apart. A batch that fails is tried one by one,
so that one poisoned event does not hold up the others; one that keeps failing is set aside.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from time import monotonic
from typing import Any

from app import anchors
from app.figures import count_figures
from app.handlers import HANDLERS
from app.parts import Parts
from app.wiring import origin
from core import audit, failpoints, guesses, heartbeats, idempotency, outbox
from core.clocks import ClocksDisagree
from core.db import DatabaseUnavailable
from core.handlers import Handler
from core.ids import new_id
from core.log import get
from core.outbox import Delivery
from payments.attempts import inquiry
from payments.incoming import notices
from reconciliation import takings

log = get(__name__)

#: How long to rest when there was nothing to do.
IDLE_SECONDS = 0.2
INQUIRY_SECONDS = 2.0
HOUSEKEEPING_SECONDS = 300.0
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
    for handler in HANDLERS:
        done += await deliver(parts, handler)
    done += await notices.apply_waiting(parts.payments)
    done += await inquiry.inquire(parts.payments)
    done += await inquiry.expire_bills(parts.payments)
    async with parts.database.transaction() as session:
        done += await audit.chain(session, sealer=parts.evidence.sealer)
    return done


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
            return expired + await takings.expire(session)

    async def anchor() -> int:
        if anchors.is_due(parts.anchoring):
            await anchors.drop_anchor(parts.database, parts.anchoring)
        return 0

    async def count() -> int:
        began = monotonic()
        async with parts.database.transaction() as session:
            await count_figures(session)
        # A large database is counted seldom: never for more than a twentieth of the time.
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 19 * (monotonic() - began))
        return 0

    async def listen(handler: Handler[Parts, Any]) -> None:
        await _repeat(
            f"handler {handler.name}", lambda: deliver(parts, handler), IDLE_SECONDS, stop
        )

    context = parts.payments
    inquiries = inquiry.Inquiries(context)
    async with aclosing(inquiries), asyncio.TaskGroup() as group:
        for handler in HANDLERS:
            group.create_task(listen(handler))
        for name, job, pause in (
            ("callbacks", lambda: notices.apply_waiting(context), INQUIRY_SECONDS),
            ("gateways", inquiries.begin, INQUIRY_SECONDS),
            ("expiry", lambda: inquiry.expire_bills(context), INQUIRY_SECONDS),
            ("audit", chain, INQUIRY_SECONDS),
            ("audit, whole", lambda: chain(whole=True), WHOLE_LOOK_SECONDS),
            ("figures", count, FIGURES_SECONDS),
            ("anchor", anchor, HOUSEKEEPING_SECONDS),
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
