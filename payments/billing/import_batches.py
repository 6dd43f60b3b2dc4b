"""A large file of stalls taken in batch by batch: stopped anywhere, it goes on when run again.

The whole file is held against what is there before anything is written. Each batch is a transaction
with all rows of its stalls. A file that was killed has its first stalls in the books; whoever takes
the same file in again leaves those as they are and adds the rest.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Final

from core import failpoints
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.billing.importing import ImportOut, import_stalls, list_missing
from payments.billing.loading import MarketValue
from payments.billing.sheets import StallRow

#: How many stalls a batch has.
BATCH: Final = 1_000


async def import_in_batches(
    database: Database,
    market: MarketValue,
    rows: Sequence[StallRow],
    *,
    cipher: Cipher,
    key: bytes,
    actor: str,
    size: int = BATCH,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> ImportOut:
    """Write down what the rows tell of and is not there; `tell` is told how many rows are done.

    Raises `StallSheetRefused` where a row does not fit: of the whole file before anything is
    written, and of a batch where somebody else has written meanwhile. Then the batches before it
    stay, and the same file goes on from there once it is mended.
    """
    async with database.reading() as session:
        missing = await list_missing(session, market, rows)
    there = len(rows) - len(missing)
    done = ImportOut(rows=there, stalls=0, vendors=0, contracts=0, known=there)
    for batch in _batches(missing, size):
        added = await database.run(
            partial(_take_batch, market=market, rows=batch, cipher=cipher, key=key, actor=actor)
        )
        done = _together(done, added)
        tell(done.rows, len(rows))
    return done


async def _take_batch(
    session: WriteSession,
    *,
    market: MarketValue,
    rows: Sequence[StallRow],
    cipher: Cipher,
    key: bytes,
    actor: str,
) -> ImportOut:
    added = await import_stalls(session, market, rows, cipher=cipher, key=key, actor=actor)
    failpoints.hit("stalls.before_commit")
    return added


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


def _together(one: ImportOut, other: ImportOut) -> ImportOut:
    fields = ImportOut.model_fields
    return ImportOut(**{name: getattr(one, name) + getattr(other, name) for name in fields})
