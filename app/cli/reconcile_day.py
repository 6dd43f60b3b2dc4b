"""The work of `lephi reconcile day`, which needs the whole house."""

from datetime import date
from typing import Any

from app.cli.wired import with_parts
from app.parts import Parts
from core import clock
from core.errors import NotFound
from payments.agencies.queries import find_collection_account
from reconciliation.cases.discrepancies import page_of_worked
from reconciliation.cases.schemas import WorkedDiscrepancyOut
from reconciliation.days.commands import reconcile
from reconciliation.days.rerun import compare_closed
from reconciliation.days.run_schemas import DayDifferenceOut
from reconciliation.queries import RunValue, find_closed_run, get_run

#: How many are read at a time.
_PAGE = 1_000


DayRunAsShown = tuple[RunValue, list[dict[str, Any]], list[dict[str, Any]] | None]


def run_day(account: str, on: date) -> DayRunAsShown:
    """Reconcile a day of an account: the run, and its discrepancies as the API shows them.

    Of a closed day, which stays as it is, its run, with what would differ.
    """

    async def work(parts: Parts) -> DayRunAsShown:
        async with parts.database.transaction() as session:
            found = await find_collection_account(session, account)
        if found is None:
            raise NotFound(f"There is no collection account {account}.")
        async with parts.database.reading() as session:
            closed = await find_closed_run(session, found.id, on)
        differences = None
        if closed is not None:
            compared = await compare_closed(parts.reconciling, found, on, closed)
            told = [DayDifferenceOut.of(one) for one in compared.differences]
            differences = [one.model_dump(mode="json") for one in told]
        run_id = closed or await reconcile(parts.reconciling, found, on, actor="system:cli")
        calendar, today = parts.reconciling.calendar, clock.business_date(clock.now())
        odd: list[dict[str, Any]] = []
        cursor = None
        while True:
            async with parts.database.reading() as session:
                run = await get_run(session, run_id, {found.agency_id})
                page = await page_of_worked(session, run_id, cursor=cursor, limit=_PAGE)
            shown = [WorkedDiscrepancyOut.of(one, calendar, today) for one in page.items]
            odd += [one.model_dump(mode="json", by_alias=True) for one in shown]
            cursor = page.next_cursor
            if cursor is None:
                return run, odd, differences

    return with_parts(work)
