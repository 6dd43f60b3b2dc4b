"""What the outbox tells the collectors' cash."""

from collections.abc import Sequence

from core.sessions import WriteSession
from payments.collecting.deposits import take_deposits
from payments.events import CollectorDepositWaits


async def clear_handovers(session: WriteSession, events: Sequence[CollectorDepositWaits]) -> None:
    """Deposits clear the hand-overs that they are of; what none takes goes on waiting."""
    await take_deposits(session, events)
