"""The rows of a list that are no debts yet: kept sealed, a batch at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import delete, insert
from sqlmodel import col

from core.crypto import Cipher
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.debts.comparing import BATCH, batched
from payments.debts.models import DebtBatch
from payments.debts.sheets import DebtRow

_ROWS: Final = TypeAdapter(list[DebtRow])


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as it is kept."""

    list_id: str
    number: int
    data: bytes


_BATCHES: Final = values_of(SealedBatch, DebtBatch).order_by(col(DebtBatch.number))


async def keep_rows(
    session: WriteSession,
    cipher: Cipher,
    list_id: str,
    rows: Iterable[DebtRow],
    *,
    size: int = BATCH,
) -> None:
    """Keep the rows of a list until they are loaded, so many at a time."""
    for number, batch in enumerate(batched(rows, size)):
        sealed = cipher.encrypt(_ROWS.dump_json(batch), _context(list_id, number))
        row = {"list_id": list_id, "number": number, "data": sealed}
        await session.write(insert(DebtBatch), row)


async def find_batch(session: ReadSession, list_id: str) -> SealedBatch | None:
    """The first batch that is not loaded yet; None where all are."""
    return await session.first(_BATCHES.where(DebtBatch.list_id == list_id).limit(1))


async def read_kept_rows(session: ReadSession, cipher: Cipher, list_id: str) -> list[DebtRow]:
    """Every row of a list that is not loaded yet, in the file's order."""
    batches = await session.all(_BATCHES.where(DebtBatch.list_id == list_id))
    return [row for batch in batches for row in opened_batch(cipher, batch)]


def opened_batch(cipher: Cipher, batch: SealedBatch) -> Sequence[DebtRow]:
    """The rows of a batch."""
    plain = cipher.decrypt(batch.data, _context(batch.list_id, batch.number))
    return _ROWS.validate_json(plain)


async def forget_batch(session: WriteSession, batch: SealedBatch) -> None:
    """Take a loaded batch away."""
    await session.write(
        delete(DebtBatch).where(
            col(DebtBatch.list_id) == batch.list_id, col(DebtBatch.number) == batch.number
        )
    )


async def forget_rows(session: WriteSession, list_id: str) -> None:
    """Take away whatever of a list is not loaded."""
    await session.write(delete(DebtBatch).where(col(DebtBatch.list_id) == list_id))


def _context(list_id: str, number: int) -> str:
    return f"debts:{list_id}:{number}"
