"""The work of `lephi reconcile show`, which needs the whole house."""

from datetime import date

from app.cli.wired import with_parts
from app.parts import Parts
from core.errors import NotFound
from payments.agencies.queries import find_collection_account
from reconciliation.days.api import DayOut
from reconciliation.days.settlements import view_day


def day_as_shown(account: str, on: date) -> DayOut:
    """A day of an account as the API shows it."""

    async def work(parts: Parts) -> DayOut:
        async with parts.database.reading() as session:
            found = await find_collection_account(session, account)
            if found is None:
                raise NotFound(f"There is no collection account {account}.")
            view = await view_day(session, parts.cipher, parts.reconciling.calendar, found, on)
        return DayOut.of(found.code, on, view)

    return with_parts(work)
