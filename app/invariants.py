"""Every package's checks in one pass, over one snapshot of the database."""

from sqlalchemy import text

from core import audit
from core.sessions import WriteSession
from payments.books import checks as payment_checks
from receipts import checks as receipt_checks
from reconciliation import checks as reconciliation_checks


async def broken(session: WriteSession) -> list[str]:
    """A line for each row that breaks an invariant; none when the house is in order.

    The session must be fresh: the pass sets its isolation, so that all checks see one moment.
    """
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    lines: list[str] = []
    for checks in (payment_checks, receipt_checks, reconciliation_checks):
        lines.extend([line async for line in checks.check(session)])
    lines.extend(await audit.broken_links(session))
    return lines
