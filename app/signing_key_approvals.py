"""The key that receipts are signed with changes when one person asks and another approves.

The service has one key for all bodies, so it is the people of a body with none above it who decide.
The new key waits in a folder of its own, named by its certificate's fingerprint. What is approved
happens in files, which no transaction takes back: so putting a key in force is done before the
approval is committed, and an approval that was broken off in between can be given again.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509

from adapters.keystore.waiting import (
    find_in_force,
    find_waiting,
    fingerprint_of,
    put_in_force,
    throw_away,
)
from core import audit
from core.errors import Conflict, NotAllowed, NotFound
from core.sessions import ReadSession, WriteSession
from payments.administration.deciders import has_two_deciders
from payments.agencies.access.principals import Principal
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_agency_id
from payments.agencies.tree import branches
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject, propose
from receipts.verification import signer_name

KIND = "change_signing_key"
#: What the audit log calls a key that came into force, however that was.
IN_FORCE_ACTIONS = ("signing_key.created", "signing_key.imported", "signing_key.rotated")

_NO_REASON = "(không nêu lý do)"


class CertificateFacts(NamedTuple):
    """What people are shown of a certificate; `valid_to` is UTC."""

    fingerprint: str
    signer: str
    issuer: str
    valid_to: datetime


def facts_of(certificate: x509.Certificate) -> CertificateFacts:
    """What there is to say of a certificate."""
    return CertificateFacts(
        fingerprint_of(certificate),
        signer_name(certificate),
        certificate.issuer.rfc4514_string(),
        certificate.not_valid_after_utc,
    )


class KeyInForce(Conflict):
    """The key signs already: approve this, or ask for another change."""

    code = "key_in_force"


class DecidedAbove(NotAllowed):
    """The signing key is every body's: only people of a body with none above it ask and decide."""

    code = "decided_above"


def signing_key_kinds(folder: Path) -> ApprovalKinds:
    """The kind of approval about the key in this folder."""
    kind = ApprovalKind(
        partial(_look, folder),
        partial(_carry_out, folder),
        partial(_refuse, folder),
        proposing=Action.ADMINISTER,
        deciding=Action.DECIDE_SETTING,
    )
    return {KIND: kind}


async def takes_two(session: ReadSession) -> bool:
    """Whether some body with none above it has somebody to ask and somebody else to decide."""
    return any([await has_two_deciders(session, body.id) for body in await _tops(session)])


async def ask_for_key(
    session: WriteSession, folder: Path, new: CertificateFacts, by: Principal, reason: str | None
) -> ApprovalValue:
    """Ask for a waiting key to be put in force.

    Raises `DecidedAbove`, and what `payments.books.approvals.propose` does.
    """
    own = next((body for body in await _tops(session) if body.id == by.agency_id), None)
    if own is None or not await has_two_deciders(session, own.id):
        raise DecidedAbove(
            "Khóa ký chung cho mọi cơ quan: cần người của cơ quan cấp trên cùng, nơi có hai người."
        )
    before = await asyncio.to_thread(find_in_force, folder)
    wanted = {"agency": own.code, "replaces": None if before is None else fingerprint_of(before)}
    why = reason or _NO_REASON
    kinds = signing_key_kinds(folder)
    return await propose(session, kinds, KIND, new.fingerprint, wanted, why, by)


async def is_noted(session: ReadSession, fingerprint: str) -> bool:
    """Whether the audit log knows how this key came into force."""
    noted = [await audit.is_recorded(session, one, fingerprint, {}) for one in IN_FORCE_ACTIONS]
    return any(noted)


async def _tops(session: ReadSession) -> Sequence[Any]:
    return [body for body in (await branches(session)).values() if not body.above]


async def _look(
    folder: Path, session: WriteSession, fingerprint: str, wanted: Mapping[str, Any]
) -> Subject:
    """The new key's certificate, and the fingerprint of the key that it replaces."""
    agency_id = await get_agency_id(session, str(wanted["agency"]))
    before = await asyncio.to_thread(find_in_force, folder)
    new = await asyncio.to_thread(find_waiting, folder, fingerprint)
    replaces = None if before is None else fingerprint_of(before)
    if before is not None and replaces == fingerprint:
        # Put in force by an approval that was broken off before it was committed.
        new, replaces = before, wanted["replaces"]
    if new is None:
        raise NotFound("Không có khóa ký nào đang chờ với dấu vân tay này trên máy này.")
    shown = facts_of(new)
    figures = {
        "signer": shown.signer,
        "issuer": shown.issuer,
        "valid_to": shown.valid_to.isoformat(),
        "replaces": replaces,
    }
    return Subject(agency_id, figures)


async def _carry_out(
    folder: Path, session: WriteSession, approval: ApprovalValue, actor: str
) -> Mapping[str, Any]:
    details = {
        "approval": approval.id,
        "valid_to": approval.figures["valid_to"],
        "replaces": approval.figures["replaces"],
    }
    await audit.record(
        session,
        actor=actor,
        action="signing_key.rotated",
        object_id=approval.object_id,
        details=details,
    )
    await asyncio.to_thread(put_in_force, folder, approval.object_id)
    return {"fingerprint": approval.object_id}


async def _refuse(folder: Path, _: WriteSession, fingerprint: str, __: str) -> None:
    """A key that is not wanted is thrown away. Raises `KeyInForce` where it signs already."""
    before = await asyncio.to_thread(find_in_force, folder)
    if before is not None and fingerprint_of(before) == fingerprint:
        raise KeyInForce("Khóa này đã được đưa vào dùng: hãy duyệt, hoặc đề nghị đổi khóa khác.")
    await asyncio.to_thread(throw_away, folder, fingerprint)
