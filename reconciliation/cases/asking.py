"""What is done about a discrepancy at once, by one person, and leaves it open.

The gateway is asked, between two transactions; that a tracing letter was drafted is written down.
"""

from core import audit
from core.references import find_references
from core.sessions import WriteSession
from payments.incoming.line_money import find_missed_attempt
from reconciliation.cases.discrepancies import WorkedDiscrepancy
from reconciliation.context import ReconciliationContext


async def ask_gateway(
    parts: ReconciliationContext, odd: WorkedDiscrepancy, actor: str
) -> str | None:
    """Ask the gateway about a discrepancy's attempt; what it says, None where nothing is clear."""
    outcome = await parts.ask(await _asked_payment(parts, odd))
    await _note(parts, odd, actor, "discrepancy.asked", outcome)
    return outcome


async def note_letter(parts: ReconciliationContext, odd: WorkedDiscrepancy, actor: str) -> None:
    """Write down that somebody has drafted the tracing letter about a discrepancy."""
    await _note(parts, odd, actor, "discrepancy.traced", None)


async def _note(
    parts: ReconciliationContext,
    odd: WorkedDiscrepancy,
    actor: str,
    deed: str,
    outcome: str | None,
) -> None:
    async def note(session: WriteSession) -> None:
        await audit.record(
            session,
            actor=actor,
            action=deed,
            object_id=str(odd.case_id),
            details={"outcome": outcome or ""},
        )

    await parts.database.run(note)


async def _asked_payment(parts: ReconciliationContext, odd: WorkedDiscrepancy) -> str:
    """The attempt that a gateway is to be asked about: its own, or the one its line may pay."""
    if odd.side == "payment":
        return odd.object_id
    async with parts.database.reading() as session:
        named = find_references(odd.reference)
        attempt = await find_missed_attempt(session, odd.collection_account_id, named, odd.amount)
    return odd.object_id if attempt is None else attempt.id
