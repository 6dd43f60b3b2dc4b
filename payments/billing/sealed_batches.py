"""Rows of a file that are nothing yet: kept sealed, a batch at a time, until each has been taken.

A room that takes files in so has a table of an owner's id, a number and the data, and one
`SealedBatches` that knows it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import delete, insert
from sqlmodel import SQLModel

from core.crypto import Cipher
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """A batch as it is kept; `owner_id` is the file's."""

    owner_id: str
    number: int
    data: bytes = field(repr=False)


class SealedBatches(Generic[Row]):
    """The batches of one table, whose column `owner` says whose they are.

    `rows` reads and writes a batch; `place` is what its encryption is bound to, with owner and
    number.
    """

    def __init__(
        self, table: type[SQLModel], owner: str, rows: TypeAdapter[list[Row]], place: str
    ) -> None:
        self._table, self._owner, self._rows, self._place = table, owner, rows, place
        columns = table.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare it
        self._owner_id, self._number, self._data = columns[owner], columns.number, columns.data

    async def keep(
        self, session: WriteSession, cipher: Cipher, owner_id: str, batches: Iterable[list[Row]]
    ) -> None:
        """Keep the rows of a file until they are taken."""
        for number, batch in enumerate(batches):
            sealed = cipher.encrypt(self._rows.dump_json(batch), self._context(owner_id, number))
            row = {self._owner: owner_id, "number": number, "data": sealed}
            await session.write(insert(self._table), row)

    async def find_next(self, session: ReadSession, owner_id: str) -> SealedBatch | None:
        """The first batch that is not taken yet; None where all are."""
        return await session.first(self._of(owner_id).limit(1))

    async def list_rows(self, session: ReadSession, cipher: Cipher, owner_id: str) -> list[Row]:
        """Every row that is not taken yet, in the order in which they were kept."""
        found = await session.all(self._of(owner_id))
        return [row for batch in found for row in self.opened(cipher, batch)]

    def opened(self, cipher: Cipher, batch: SealedBatch) -> Sequence[Row]:
        """The rows of a batch."""
        plain = cipher.decrypt(batch.data, self._context(batch.owner_id, batch.number))
        return self._rows.validate_json(plain)

    async def forget(self, session: WriteSession, batch: SealedBatch) -> None:
        """Take a batch away whose rows were taken."""
        of_owner = delete(self._table).where(self._owner_id == batch.owner_id)
        await session.write(of_owner.where(self._number == batch.number))

    async def forget_all(self, session: WriteSession, owner_id: str) -> None:
        """Take away whatever of a file was not taken."""
        await session.write(delete(self._table).where(self._owner_id == owner_id))

    def _of(self, owner_id: str) -> ValueSelect[SealedBatch]:
        kept = values_of(SealedBatch, owner_id=self._owner_id, number=self._number, data=self._data)
        return kept.where(self._owner_id == owner_id).order_by(self._number)

    def _context(self, owner_id: str, number: int) -> str:
        return f"{self._place}:{owner_id}:{number}"
