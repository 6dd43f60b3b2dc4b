"""What every change of a body's set-up has in common: what it is held against, and its trace."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core import audit
from core.errors import Conflict, FieldError
from core.sessions import ReadSession, WriteSession


class CodeTaken(Conflict):
    """Something of this code is there already: choose another code, or change that one."""

    code = "taken"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What other rooms know and a body's set-up is held against.

    `procedures` gives the procedures that each of some codes stands for, by the codes they are kept
    under, and leaves out what stands for none; `credentials` the faults of an
    account's credentials at a gateway, and raises `NotFound` for a gateway that there is not.
    """

    procedures: Callable[[ReadSession, Sequence[str]], Awaitable[Mapping[str, Sequence[str]]]]
    credentials: Callable[[str, Mapping[str, str]], Sequence[FieldError]]


def digest(secret: bytes) -> str:
    """What the audit log may hold of a secret as it is stored: enough to see that it is another."""
    return hashlib.sha256(secret).hexdigest()


async def record_change(
    session: WriteSession,
    actor: str,
    action: str,
    object_id: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> None:
    """An audit entry with what is different: as it was, and as it is."""
    different = [name for name in after if before.get(name) != after[name]]
    details = {
        "before": {name: before[name] for name in different if name in before},
        "after": {name: after[name] for name in different},
    }
    await audit.record(
        session,
        actor=actor,
        action=action,
        object_id=object_id,
        details=details | dict(more or {}),
    )
