"""The PDF of a receipt: drawn and signed when first asked for, then kept and given as it is.

Drawing is processor work, so it runs in a process of its own; nothing of it happens inside a
transaction. Two who ask at once may both draw, but one file is kept and both get that one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256

from sqlalchemy.dialects.postgresql import insert

from core import clock, failpoints
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from receipts.content import ReceiptContent, SignatureNote
from receipts.models import ReceiptFile
from receipts.ports import Signer
from receipts.queries import ReceiptValue, find_file

#: Draws content to an unsigned PDF somewhere that does not block the event loop.
Draw = Callable[[ReceiptContent, SignatureNote], Awaitable[bytes]]
#: Signs a PDF somewhere that does not block the event loop.
SignPdf = Callable[[Signer, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Display:
    """What showing receipts needs."""

    database: Database
    cipher: Cipher = field(repr=False)
    signer: Signer
    draw: Draw
    sign: SignPdf

    async def pdf(self, receipt: ReceiptValue) -> bytes:
        """The receipt's signed PDF, the same bytes every time."""
        receipt_id = receipt.summary.id
        async with self.database.reading() as session:
            stored = await find_file(session, self.cipher, receipt_id, "pdf")
        if stored is not None:
            return stored
        drawn = await self.draw(receipt.content, receipt.note)
        signed = await self.sign(self.signer, drawn)
        failpoints.hit("pdf.before_store")

        async def store(session: WriteSession) -> bytes:
            file = {
                "receipt_id": receipt_id,
                "kind": "pdf",
                "sha256": sha256(signed).hexdigest(),
                "data": self.cipher.encrypt(signed, f"receipt:{receipt_id}:pdf"),
                "created_at": clock.now(),
            }
            await session.write(insert(ReceiptFile).on_conflict_do_nothing(), file)
            kept = await find_file(session, self.cipher, receipt_id, "pdf")
            return signed if kept is None else kept

        return await self.database.run(store)

    async def xml(self, receipt: ReceiptValue) -> bytes:
        """The receipt's signed XML, as it was issued."""
        async with self.database.reading() as session:
            stored = await find_file(session, self.cipher, receipt.summary.id, "xml")
        if stored is None:
            raise AssertionError("an issued receipt has its XML: both are written at once")
        return stored
