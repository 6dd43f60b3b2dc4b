"""The minutes as files: drawn and signed once, with no transaction open, and kept for ever.

Two who ask at once may both draw, but one file is kept and both get that one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy.dialects.postgresql import insert

from core import clock
from core.crypto import Cipher
from core.db import Database
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from receipts.ports import Signer
from reconciliation.closing.minutes import MinutesValue
from reconciliation.closing_models import MinutesFile

FileKind = Literal["pdf", "xlsx"]
#: Draws the content of minutes, with their hash, somewhere that does not block the event loop.
DrawMinutes = Callable[[FileKind, Mapping[str, Any], str], Awaitable[bytes]]
#: Signs a PDF somewhere that does not block the event loop.
SignMinutes = Callable[[Signer, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class _StoredFile:
    data: bytes


@dataclass(frozen=True, slots=True)
class MinutesPress:
    """What the files of minutes need."""

    database: Database
    cipher: Cipher = field(repr=False)
    signer: Signer
    draw: DrawMinutes
    sign: SignMinutes

    async def file(self, minutes: MinutesValue, kind: FileKind) -> bytes:
        """The minutes as a file, the same bytes every time; the PDF is signed."""
        async with self.database.reading() as session:
            stored = await self._find(session, minutes.run_id, kind)
        if stored is not None:
            return stored
        made = await self.draw(kind, minutes.content, minutes.hash)
        if kind == "pdf":
            made = await self.sign(self.signer, made)

        async def store(session: WriteSession) -> bytes:
            row = {
                "reconciliation_id": minutes.run_id,
                "kind": kind,
                "sha256": sha256(made).hexdigest(),
                "data": self.cipher.encrypt(made, _place(minutes.run_id, kind)),
                "created_at": clock.now(),
            }
            await session.write(insert(MinutesFile).on_conflict_do_nothing(), row)
            kept = await self._find(session, minutes.run_id, kind)
            return made if kept is None else kept

        return await self.database.run(store)

    async def _find(self, session: ReadSession, run_id: str, kind: str) -> bytes | None:
        wanted = values_of(_StoredFile, MinutesFile)
        of_file = (MinutesFile.reconciliation_id == run_id, MinutesFile.kind == kind)
        found = await session.first(wanted.where(*of_file))
        if found is None:
            return None
        return self.cipher.decrypt(bytes(found.data), _place(run_id, kind))


def _place(run_id: str, kind: str) -> str:
    return f"minutes:{run_id}:{kind}"
