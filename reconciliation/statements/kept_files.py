"""Files that somebody looks at before they are taken in, kept between one page and the next.

Encrypted, for an hour, and for nobody but who sent them; looking takes nothing in.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, insert
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.errors import NotFound
from core.file_names import checked_name
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from reconciliation.statements.kept_file_models import HeldFile

#: How long a file is kept.
KEPT: Final = timedelta(hours=1)
#: The largest that is kept, in bytes: some 15,000 rows.
MOST_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LookedAtFile:
    """A file that is looked at, and whose it is said to be: an account's, a gateway's, a list's."""

    id: str
    account: str | None
    gateway: str | None
    debts: str | None
    file_name: str
    size: int


@dataclass(frozen=True, slots=True)
class _SealedContent:
    content: bytes


async def keep_file(
    session: WriteSession,
    cipher: Cipher,
    staff_id: str,
    name: str,
    content: bytes,
    *,
    account: str | None = None,
    gateway: str | None = None,
    debts: str | None = None,
) -> str:
    """Keep a file of a person for an hour; its id. Raises `BadFileName`."""
    file_id = new_id("file")
    row = {
        "id": file_id,
        "staff_id": staff_id,
        "account": account,
        "gateway": gateway,
        "debts": debts,
        "file_name": checked_name(name),
        "size": len(content),
        "content": cipher.encrypt(content, _place(file_id)),
        "created_at": clock.now(),
    }
    await session.write(insert(HeldFile), row)
    return file_id


async def get_kept_file(
    session: ReadSession, cipher: Cipher, staff_id: str, file_id: str
) -> tuple[LookedAtFile, bytes]:
    """A file of that person's, with its content. Raises `NotFound`, also after an hour."""
    own = (
        HeldFile.id == file_id,
        HeldFile.staff_id == staff_id,
        col(HeldFile.created_at) > clock.now() - KEPT,
    )
    found = await session.first(values_of(LookedAtFile, HeldFile).where(*own))
    sealed = await session.first(values_of(_SealedContent, HeldFile).where(*own))
    if found is None or sealed is None:
        raise NotFound("Tệp này không còn được giữ; hãy chọn lại tệp.")
    return found, cipher.decrypt(bytes(sealed.content), _place(file_id))


async def forget_file(session: WriteSession, file_id: str) -> None:
    """Keep a file no longer: it was taken in."""
    await session.write(delete(HeldFile).where(col(HeldFile.id) == file_id))


async def expire(session: WriteSession) -> int:
    """Drop the files that were kept long enough; how many."""
    return await session.write(
        delete(HeldFile).where(col(HeldFile.created_at) <= clock.now() - KEPT)
    )


def _place(file_id: str) -> str:
    return f"kept-file:{file_id}"
