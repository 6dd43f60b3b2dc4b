"""The work of `lephi reconcile day`, which needs the whole house."""

from datetime import date
from typing import Any

from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotFound
from payments.agencies.queries import find_collection_account
from reconciliation.commands import reconcile
from reconciliation.queries import RunValue, get_run, list_discrepancies
from reconciliation.schemas import DiscrepancyOut


def run_day(account: str, on: date) -> tuple[RunValue, list[dict[str, Any]]]:
    """Reconcile a day of an account: the run, and its discrepancies as the API shows them."""

    async def work(parts: Parts) -> tuple[RunValue, list[dict[str, Any]]]:
        async with parts.database.transaction() as session:
            found = await find_collection_account(session, account)
        if found is None:
            raise NotFound(f"There is no collection account {account}.")
        run_id = await reconcile(parts.reconciling, found, on, actor="system:cli")
        async with parts.database.transaction() as session:
            run = await get_run(session, run_id, {found.agency_id})
            odd = await list_discrepancies(session, run_id)
        return run, [DiscrepancyOut.of(one).model_dump(by_alias=True) for one in odd]

    return with_parts(work)
