"""Every package's checks in one pass, over one snapshot of the database."""

from core import audit
from core.checks import breaches, load_rules
from core.sessions import WriteSession
from payments.books import checks as payment_checks
from receipts import checks as receipt_checks
from reconciliation import checks as reconciliation_checks

#: The rules that need the tables of several packages.
_BETWEEN = load_rules("app")
#: So all checks see one moment, and none can change it.
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


async def broken(session: WriteSession) -> list[str]:
    """A line for each row that breaks an invariant; none when the house is in order.

    The session must be fresh: its isolation is set here, and is the pool's own again afterwards.
    """
    _ = await session.connection(execution_options=_SNAPSHOT)
    lines: list[str] = []
    for checks in (payment_checks, receipt_checks, reconciliation_checks):
        lines.extend([line async for line in checks.check(session)])
    lines.extend([line async for line in breaches(session, _BETWEEN)])
    lines.extend(await audit.broken_links(session))
    return lines
