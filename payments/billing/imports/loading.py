"""A file of stalls becoming stalls, a batch at a time: stopped anywhere, it goes on where it was.

Each batch is one transaction with all rows of its stalls, in which they are kept no more. So a file
that was killed is `loading`, what its batches committed stands, and whoever goes on (the worker by
itself, or the command line) does the rest; two who go on at once take turns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import update
from sqlmodel import col

from core import audit, clock, failpoints
from core.crypto import Cipher
from core.db import Database
from core.errors import FieldError
from core.outbox import emit
from core.sessions import WriteSession
from core.statements import values_of
from payments.billing.importing import ImportOut, import_stalls
from payments.billing.imports.commands import KEPT_STALLS
from payments.billing.imports.models import MOST_ROWS_TOLD, NOTHING_ADDED, StallImport
from payments.billing.markets import get_market
from payments.billing.sheets import StallSheetRefused
from payments.events import StallImportWaits


@dataclass(frozen=True, slots=True)
class _LoadedImport:
    id: str
    market_id: str
    row_count: int
    rows_done: int
    state: str
    added: dict[str, Any]
    created_by: str


_ROW: Final = StallImport
_IMPORTS: Final = values_of(_LoadedImport, _ROW)


async def load_next(session: WriteSession, import_id: str, cipher: Cipher, key: bytes) -> bool:
    """Take the next batch of a file in the caller's transaction; whether there is more to do.

    A file that is not `loading` is left as it is. Where a row does not fit any more what somebody
    else has written since, the file is `stopped`, and says which.
    """
    found = await session.lock_first(_IMPORTS.where(_ROW.id == import_id))
    if found is None or found.state != "loading":
        return False
    batch = await KEPT_STALLS.find_next(session, import_id)
    if batch is None:
        await _finish(session, found, "done")
        failpoints.hit("stalls.before_commit")
        return False
    rows = KEPT_STALLS.opened(cipher, batch)
    market = await get_market(session, found.market_id)
    try:
        # It refuses before it writes anything.
        done = await import_stalls(
            session, market, rows, cipher=cipher, key=key, actor=found.created_by
        )
    except StallSheetRefused as refused:
        await KEPT_STALLS.forget_all(session, import_id)
        await _finish(session, found, "stopped", refused.errors)
        return False
    await KEPT_STALLS.forget(session, batch)
    told = {"rows_done": found.rows_done + len(rows), "added": _added(found.added, done)}
    await session.write(update(_ROW).where(col(_ROW.id) == import_id).values(**told))
    failpoints.hit("stalls.before_commit")
    return True


async def load_import(
    database: Database,
    import_id: str,
    cipher: Cipher,
    key: bytes,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Load what is left of a file, in transactions of a batch each; may be killed and run again.

    `tell` is called after each batch.
    """

    async def work(session: WriteSession) -> bool:
        return await load_next(session, import_id, cipher, key)

    while await database.run(work):
        tell()


async def load_by_events(
    session: WriteSession, events: Sequence[StallImportWaits], cipher: Cipher, key: bytes
) -> None:
    """Load a batch of each file that waits, and say so again where there is more."""
    for event in events:
        if await load_next(session, event.import_id, cipher, key):
            await emit(session, event)


def _added(before: Mapping[str, Any], done: ImportOut) -> dict[str, Any]:
    before = {**NOTHING_ADDED, **before}
    added = {name: before[name] + getattr(done, name) for name in before}
    return added | {"mended_rows": sorted(added["mended_rows"])[:MOST_ROWS_TOLD]}


async def _finish(
    session: WriteSession, found: _LoadedImport, state: str, faults: Sequence[FieldError] = ()
) -> None:
    told = [{"field": one.field, "code": one.code, "detail": one.detail} for one in faults]
    counts = {name: count for name, count in found.added.items() if name != "mended_rows"}
    ended = update(_ROW).where(col(_ROW.id) == found.id)
    await session.write(ended.values(state=state, finished_at=clock.now(), faults=told))
    await audit.record(
        session,
        actor=found.created_by,
        action=f"market.import_{state}",
        object_id=found.id,
        details={"rows_done": found.rows_done, **counts},
    )
