"""Taking a file of stalls: held against what is there, its rows kept until they are loaded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import insert
from sqlmodel import col

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict
from core.ids import new_id
from core.name_locks import lock_names
from core.outbox import emit, replay_told
from core.sessions import WriteSession
from core.statements import values_of
from payments.billing.importing import list_missing
from payments.billing.imports.models import NOTHING_ADDED, StallBatch, StallImport
from payments.billing.loading import MarketValue
from payments.billing.sealed_batches import SealedBatches
from payments.billing.sheets import StallRow
from payments.events import StallImportWaits

#: How many stalls a batch has, each batch a transaction.
BATCH: Final = 1_000
KEPT_STALLS: Final = SealedBatches(StallBatch, "import_id", TypeAdapter(list[StallRow]), "stalls")


class ImportUnderWay(Conflict):
    """Another file of this market is being loaded: wait until it is."""

    code = "import_under_way"


@dataclass(frozen=True, slots=True)
class NewStallImport:
    """A file to take: its name and hash, and its rows, which have no fault."""

    file_name: str
    sha256: str
    rows: Sequence[StallRow] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _LoadingImport:
    id: str
    sha256: str


async def take_import(
    session: WriteSession,
    market: MarketValue,
    new: NewStallImport,
    *,
    cipher: Cipher,
    actor: str,
    size: int = BATCH,
) -> str:
    """Take a file: the rows that are not there yet wait to be loaded, `size` stalls at a time.

    Gives the import's id; the same file again while it is being loaded is the same import. Raises
    `StallSheetRefused`, naming each row that does not fit what is there, and `ImportUnderWay`.
    """
    await lock_names(session, f"stall_import:{market.id}")
    row = StallImport
    loading = await session.first(
        values_of(_LoadingImport, row).where(
            col(row.market_id) == market.id, col(row.state) == "loading"
        )
    )
    if loading is not None:
        if loading.sha256 == new.sha256:
            # Whoever was to load it may have been given up: it goes on, and waits there no more.
            waits = StallImportWaits(loading.id, market.agency_id)
            if not await replay_told(session, waits):
                await emit(session, waits)
            return loading.id
        raise ImportUnderWay("Một tệp khác của chợ này đang được nạp; hãy chờ xong.")
    missing = await list_missing(session, market, new.rows)
    there = len(new.rows) - len(missing)
    import_id, now = new_id("simport"), clock.now()
    told = {"row_count": len(new.rows), "rows_done": there}
    await session.write(
        insert(row),
        told
        | {
            "id": import_id,
            "market_id": market.id,
            "file_name": new.file_name,
            "sha256": new.sha256,
            "state": "loading" if missing else "done",
            "added": {**NOTHING_ADDED, "known": there},
            "faults": [],
            "created_by": actor,
            "created_at": now,
            "finished_at": None if missing else now,
        },
    )
    await KEPT_STALLS.keep(session, cipher, import_id, _batches(missing, size))
    action = "market.import_taken"
    await audit.record(session, actor=actor, action=action, object_id=import_id, details=told)
    if missing:
        await emit(session, StallImportWaits(import_id, market.agency_id))
    return import_id


def _batches(rows: Sequence[StallRow], size: int) -> Iterator[list[StallRow]]:
    """The rows of so many stalls at a time: all rows of a stall are in one of them."""
    batch: list[StallRow] = []
    stalls = 0
    for _, of_stall in groupby(sorted(rows, key=lambda row: row.stall), lambda row: row.stall):
        batch += of_stall
        stalls += 1
        if stalls == size:
            yield batch
            batch, stalls = [], 0
    if batch:
        yield batch
