"""The work of `lephi reconcile day`, which needs the whole house."""

from datetime import date
from typing import Any

from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotFound
from payments.agencies.queries import find_collection_account
from reconciliation.commands import reconcile
from reconciliation.queries import RunValue, get_run, page_of_discrepancies
from reconciliation.schemas import DiscrepancyOut

#: How many are read at a time.
_PAGE = 1_000


def run_day(account: str, on: date) -> tuple[RunValue, list[dict[str, Any]]]:
    """Reconcile a day of an account: the run, and its discrepancies as the API shows them."""

    async def work(parts: Parts) -> tuple[RunValue, list[dict[str, Any]]]:
        async with parts.database.transaction() as session:
            found = await find_collection_account(session, account)
        if found is None:
            raise NotFound(f"There is no collection account {account}.")
        run_id = await reconcile(parts.reconciling, found, on, actor="system:cli")
        odd: list[dict[str, Any]] = []
        cursor = None
        while True:
            async with parts.database.reading() as session:
                run = await get_run(session, run_id, {found.agency_id})
                page = await page_of_discrepancies(session, run_id, cursor=cursor, limit=_PAGE)
            odd += [DiscrepancyOut.of(one).model_dump(by_alias=True) for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return run, odd

    return with_parts(work)
