"""What is said of a discrepancy, and files kept with it: encrypted, for they may name a payer."""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.json import canonical
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from reconciliation.cases.models import DiscrepancyAttachment, DiscrepancyComment

#: How large a kept file may be, in bytes, and how many one discrepancy has.
MOST_BYTES = 2 * 1024 * 1024
MOST_FILES = 20
#: How many comments one discrepancy has.
MOST_COMMENTS = 500

#: What may be kept, by what it begins with; nothing of it is ever shown by our pages.
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": b"PK\x03\x04",
}


class TooManyKept(Conflict):
    """The discrepancy has as many files or comments as it may."""

    code = "too_many"


@dataclass(frozen=True, slots=True)
class CommentValue:
    """What somebody, named as in the audit log, said and when."""

    id: str
    written_by: str
    written_at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class AttachmentValue:
    """A kept file, without its content; `size` in bytes."""

    id: str
    sent_by: str
    sent_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A kept file as it came, and whose it is."""

    case_id: str
    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _StoredComment:
    id: str
    written_by: str
    written_at: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class _StoredAttachment:
    id: str
    case_id: str
    content: bytes


async def comment(
    session: WriteSession, cipher: Cipher, case_id: str, text: str, actor: str
) -> CommentValue:
    """Keep a comment. Raises `TooManyKept`."""
    model = DiscrepancyComment
    count = await session.one(select(func.count()).where(model.case_id == case_id))
    if count >= MOST_COMMENTS:
        raise TooManyKept(f"Mỗi chênh lệch tối đa {MOST_COMMENTS} ý kiến.")
    comment_id, now = new_id("cmt"), clock.now()
    row = {
        "id": comment_id,
        "case_id": case_id,
        "written_by": actor,
        "written_at": now,
        "content": cipher.encrypt(text.encode(), f"comment:{comment_id}"),
    }
    await session.write(insert(model), row)
    await audit.record(
        session,
        actor=actor,
        action="discrepancy.commented",
        object_id=case_id,
        details={"comment": comment_id},
    )
    return CommentValue(comment_id, actor, now, text)


async def list_comments(session: ReadSession, cipher: Cipher, case_id: str) -> list[CommentValue]:
    """The comments of a case, the oldest first."""
    wanted = values_of(_StoredComment, DiscrepancyComment).where(
        DiscrepancyComment.case_id == case_id
    )
    found = await session.all(wanted.order_by(col(DiscrepancyComment.id)))
    return [
        CommentValue(
            one.id,
            one.written_by,
            one.written_at,
            cipher.decrypt(bytes(one.content), f"comment:{one.id}").decode(),
        )
        for one in found
    ]


async def attach(
    session: WriteSession, cipher: Cipher, case_id: str, name: str, content: bytes, actor: str
) -> AttachmentValue:
    """Keep a file. Raises `Invalid` for one that may not be kept, and `TooManyKept`."""
    media_type = _media_type(content)
    model = DiscrepancyAttachment
    count = await session.one(select(func.count()).where(model.case_id == case_id))
    if count >= MOST_FILES:
        raise TooManyKept(f"Mỗi chênh lệch tối đa {MOST_FILES} tệp.")
    file_id, now = new_id("att"), clock.now()
    kept = canonical(
        {"name": name, "media_type": media_type, "content": b64encode(content).decode()}
    )
    row = {
        "id": file_id,
        "case_id": case_id,
        "sent_by": actor,
        "sent_at": now,
        "size": len(content),
        "content": cipher.encrypt(kept, f"attachment:{file_id}"),
    }
    await session.write(insert(model), row)
    await audit.record(
        session,
        actor=actor,
        action="discrepancy.attached",
        object_id=case_id,
        details={"attachment": file_id, "size": len(content)},
    )
    return AttachmentValue(file_id, actor, now, len(content))


def _media_type(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        fault = FieldError("file", "too_large", f"Tệp tối đa {MOST_BYTES // 1024 // 1024} MB.")
        raise Invalid(fault.detail, errors=[fault])
    for media_type, beginning in _BEGINNINGS.items():
        if content.startswith(beginning):
            return media_type
    fault = FieldError("file", "not_allowed", "Chỉ nhận tệp PDF, PNG, JPEG hoặc XLSX.")
    raise Invalid(fault.detail, errors=[fault])


async def list_attachments(session: ReadSession, case_id: str) -> list[AttachmentValue]:
    """The files kept with a case, the oldest first."""
    wanted = values_of(AttachmentValue, DiscrepancyAttachment).where(
        DiscrepancyAttachment.case_id == case_id
    )
    return await session.all(wanted.order_by(col(DiscrepancyAttachment.id)))


async def get_attachment(session: ReadSession, cipher: Cipher, file_id: str) -> KeptFile:
    """A kept file; the caller looks whose it is. Raises `NotFound`."""
    wanted = values_of(_StoredAttachment, DiscrepancyAttachment).where(
        DiscrepancyAttachment.id == file_id
    )
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có tệp này.")
    kept = _opened(cipher.decrypt(bytes(found.content), f"attachment:{found.id}"))
    return KeptFile(found.case_id, kept["name"], kept["media_type"], b64decode(kept["content"]))


def _opened(plain: bytes) -> dict[str, str]:
    # Written by `attach`, and longer than a body may be.
    opened: dict[str, str] = json.loads(plain)
    return opened
