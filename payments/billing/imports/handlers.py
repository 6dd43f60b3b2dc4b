"""A file of stalls that waits is loaded, a batch for each telling."""

from collections.abc import Sequence

from core.crypto import Cipher
from core.sessions import WriteSession
from payments.billing.imports.loading import load_by_events
from payments.events import StallImportWaits


async def load_stall_files(
    session: WriteSession, events: Sequence[StallImportWaits], cipher: Cipher, key: bytes
) -> None:
    """Load the next batch of each file; it tells of itself again until it is done."""
    await load_by_events(session, events, cipher, key)
