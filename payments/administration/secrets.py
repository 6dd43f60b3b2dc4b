"""Secrets of what waits for a second person: sealed while they wait, and in no listing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import delete, insert
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.errors import NotFound
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.administration.models import ProposedSecret


@dataclass(frozen=True, slots=True)
class _SealedSecret:
    content: bytes = field(repr=False)


async def keep_secret(
    session: WriteSession, cipher: Cipher, object_id: str, secret: Mapping[str, str]
) -> None:
    """Seal the secret of something that is asked for."""
    content = cipher.encrypt(json.dumps(dict(secret)).encode(), _place(object_id))
    row = {"object_id": object_id, "content": content, "created_at": clock.now()}
    await session.write(insert(ProposedSecret), row)


async def open_secret(session: ReadSession, cipher: Cipher, object_id: str) -> dict[str, str]:
    """The secret of something that was asked for. Raises `NotFound` where it is gone."""
    wanted = values_of(_SealedSecret, ProposedSecret).where(ProposedSecret.object_id == object_id)
    sealed = await session.first(wanted)
    if sealed is None:
        raise NotFound("Bí mật của đề nghị này không còn được giữ.")
    found: dict[str, str] = json.loads(cipher.decrypt(bytes(sealed.content), _place(object_id)))
    return found


async def forget_secret(session: WriteSession, object_id: str) -> None:
    """Let go of the secret, if there is one."""
    await session.write(delete(ProposedSecret).where(col(ProposedSecret.object_id) == object_id))


def _place(object_id: str) -> str:
    """What a secret's encryption is bound to."""
    return f"proposed:{object_id}"
