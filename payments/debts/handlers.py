"""A list of debts that waits is loaded, a batch for each telling."""

from collections.abc import Sequence

from core.crypto import Cipher
from core.sessions import WriteSession
from payments.debts.loading import load_by_events
from payments.events import DebtListWaits


async def load_debts(
    session: WriteSession, events: Sequence[DebtListWaits], cipher: Cipher, key: bytes
) -> None:
    """Load the next batch of each list; it tells of itself again until it is done."""
    await load_by_events(session, events, cipher, key)
