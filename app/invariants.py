"""Every package's checks in one pass, over one snapshot of the database."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from core import audit
from core.audit import Sealer
from core.checks import breaches, load_rules
from core.sessions import ReadSession, WriteSession
from payments.agencies import checks as setup_checks
from payments.books import checks as payment_checks
from receipts import checks as receipt_checks
from receipts.evidence import Opener, disagreements, document_disagreements
from reconciliation import checks as reconciliation_checks

#: The rules that need the tables of several packages.
_BETWEEN = load_rules("app")
#: So all checks see one moment, and none can change it.
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known outside the database, and cannot be changed with it."""

    sealer: Sealer = field(repr=False)
    opener: Opener


async def broken(session: WriteSession, evidence: Evidence | None = None) -> list[str]:
    """A line for each row that breaks an invariant; none when the house is in order.

    Without `evidence` the rows are held against each other only: then whoever changes all of them
    alike is not seen. The session must be fresh: its isolation is set here, and is the pool's own
    again afterwards.
    """
    _ = await session.connection(execution_options=_SNAPSHOT)
    return [line async for line in look(session, evidence)]


async def look(session: ReadSession, evidence: Evidence | None) -> AsyncIterator[str]:
    """As `broken`, line by line, over whatever the session sees."""
    for checks in (payment_checks, receipt_checks, reconciliation_checks):
        async for line in checks.check(session):
            yield line
    async for line in breaches(session, _BETWEEN):
        yield line
    if evidence is None:
        async for line in audit.broken_links(session):
            yield line
        return
    async for line in audit.broken_links(session, evidence.sealer):
        yield line
    async for line in setup_checks.check(session):
        yield line
    async for _, lines in disagreements(session, evidence.opener):
        for line in lines:
            yield line
    async for line in document_disagreements(session, evidence.opener.cipher):
        yield line
