"""Ways to be wrong, each one that a sound-looking implementation has: negative controls.

A process of a crash test that is started with a variant breaks itself before it begins. The oracle
must see what comes of it; an oracle that lets one of these pass proves nothing about the product.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from sqlalchemy import text

from app import worker
from app.parts import Parts
from core import clock, db, failpoints, outbox
from core.db import Database
from core.handlers import Handler
from core.outbox import Delivery
from core.sessions import WriteSession
from payments.attempts.results import record_result
from payments.books.closed_days import close_day
from payments.books.payouts import pay_over
from payments.incoming import keeping, notices
from payments.refunds import sending
from payments.webhook_calls import WebhookAnswer
from payments.webhooks import delivering
from receipts import commands
from reconciliation.closing import closing
from reconciliation.days import nightly
from reconciliation.days.commands import reconcile
from reconciliation.settlements import batch_approvals
from reconciliation.statements import superseding
from reconciliation.statements.taking import StatementIntake, take_statement


def _replace(module: ModuleType | type, name: str, by: object) -> None:
    """For the rest of this process's life."""
    mock.patch.object(module, name, by).start()


def number_by_sequence() -> None:
    """Take receipt numbers from a database sequence, which never gives a number back."""
    issue_one = commands._issue_one

    async def issue_next(
        session: WriteSession, issuing: Any, source: Any, counter: Any, *given: Any
    ) -> str:
        number: int = (await session.execute(text("SELECT nextval('broken_numbers')"))).scalar_one()
        counter.last_number = number - 1
        return await issue_one(session, issuing, source, counter, *given)

    _replace(commands, "_issue_one", issue_next)


def close_before_minutes() -> None:
    """Close a day in a transaction of its own, then write its minutes in another."""

    async def close_at_once(session: WriteSession, *given: Any) -> None:
        await close_day(session, *given)
        await session.commit()

    _replace(closing, "close_day", close_at_once)


def payout_before_batches() -> None:
    """Post a payout in a transaction of its own, then write which batches it brought."""

    async def pay_over_at_once(session: WriteSession, *given: Any, **more: Any) -> str:
        payout_id = await pay_over(session, *given, **more)
        await session.commit()
        return payout_id

    _replace(batch_approvals, "pay_over", pay_over_at_once)


def call_for_refunds_again() -> None:
    """Call a gateway again, under a new name, for a refund of which nobody heard what became."""
    take, order = sending._take, sending._order

    async def take_again(session: WriteSession, refund_id: str) -> Any:
        errand = await take(session, refund_id)
        return None if errand is None else replace(errand, call=True)

    async def under_a_new_name(*given: Any) -> Any:
        made = await order(*given)
        return replace(made, refund_ref=f"{made.refund_ref}{uuid.uuid4().hex[:6]}")

    _replace(sending, "_take", take_again)
    _replace(sending, "_order", under_a_new_name)


def supersede_in_two() -> None:
    """Take the newer statement in a transaction of its own, then end the one before in another."""

    async def take_at_once(session: WriteSession, *given: Any, **more: Any) -> StatementIntake:
        taken = await take_statement(session, *given, **more)
        await session.commit()
        return taken

    _replace(superseding, "take_statement", take_at_once)


def night_done_before_run() -> None:
    """Say that a night is done in a transaction of its own, then reconcile its day."""

    async def done_first(reconciling: Any, *given: Any, noting: Any, **named: Any) -> str:
        await reconciling.database.run(lambda session: noting(session, None))
        return await reconcile(reconciling, *given, **named)

    _replace(nightly, "reconcile", done_first)


def mark_before_issuing() -> None:
    """Mark a delivery done in a transaction of its own, then issue its receipt in another."""

    async def work(
        parts: Parts, handler: Handler[Parts, Any], deliveries: Sequence[Delivery]
    ) -> None:
        async with parts.database.transaction() as session:
            await outbox.complete(session, deliveries)
        async with parts.database.transaction() as session:
            await handler.handle(parts, session, deliveries)

    _replace(worker, "_work", work)


def count_every_callback() -> None:
    """Take every callback for new money: neither its event nor its charge is known again."""

    async def record(session: WriteSession, account: Any, report: Any, **more: Any) -> Any:
        recorded = await record_result(session, account, report, **more)
        forget = "UPDATE payment SET settlement_key = id WHERE gateway_ref = :ref"
        await session.execute(text(forget), {"ref": report.gateway_ref})
        return recorded

    _replace(keeping, "event_key", lambda content: uuid.uuid4().hex)
    _replace(notices, "record_result", record)


def commit_after_the_answer() -> None:
    """Answer first and write when the next one comes, as a buffer before the database would."""
    write_alone = Database.write_alone
    answered: list[tuple[Any, ...]] = []

    async def write_late(self: Database, *values: Any) -> Any:
        for earlier in answered:
            await write_alone(self, *earlier)
        answered[:] = [values]
        return SimpleNamespace(locked=True, won=True)

    _replace(Database, "write_alone", write_late)


def expect_no_trouble() -> None:
    """Take what passes by itself at the database for something that nobody foresaw."""
    _replace(db, "as_unavailable", lambda _: None)


def mark_webhooks_before_sending() -> None:
    """Mark what waits for a receiver as taken, then send it."""
    send = delivering._send

    async def mark_first(context: Any, endpoint: Any, messages: Sequence[Any]) -> Any:
        async with context.database.transaction() as session:
            taken = [(one, WebhookAnswer(200)) for one in messages]
            await delivering._mark_taken(session, taken, clock.now())
        failpoints.hit("webhook.after_send")
        return await send(context, endpoint, messages)

    _replace(delivering, "_send", mark_first)


VARIANTS: dict[str, Callable[[], None]] = {
    made.__name__: made
    for made in (
        number_by_sequence,
        mark_before_issuing,
        count_every_callback,
        commit_after_the_answer,
        close_before_minutes,
        payout_before_batches,
        call_for_refunds_again,
        supersede_in_two,
        night_done_before_run,
        mark_webhooks_before_sending,
        expect_no_trouble,
    )
}
