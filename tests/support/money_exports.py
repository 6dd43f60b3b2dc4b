"""A bank's statement of today, taken in and reconciled by the product's own steps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.parts import Parts
from core import clock
from payments.agencies.queries import find_collection_account
from reconciliation.days.commands import reconcile
from reconciliation.statements.preparing import prepare
from reconciliation.statements.taking import take_statement


async def take_and_reconcile(parts: Parts, account_number: str, content: str) -> None:
    """Take a statement in and reconcile today; matching is done in this process."""
    today = clock.business_date(clock.now())
    async with parts.database.transaction() as session:
        account = await find_collection_account(session, account_number)
        assert account is not None
        prepared = prepare(
            content.encode(), "lephi-basic", account, today, cipher=parts.cipher, forced=True
        )
        await take_statement(
            session, account, prepared, file_name="so-phu.csv", actor="staff:finance"
        )
    here = replace(parts.reconciling, elsewhere=_at_once)
    await reconcile(here, account, today, actor="staff:finance")


async def _at_once(work: Callable[..., Any], *given: Any) -> Any:
    return work(*given)
