"""A body's own sign-on: where its people sign in with what they have already. The secret is sealed.

It stands for the password alone: whoever comes by it still gives their second factor here.
"""

from dataclasses import dataclass, field

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import Cipher
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.models import StaffUser
from payments.agencies.access.sign_in_models import SignOn
from payments.agencies.changes import digest
from payments.agencies.models import Agency
from payments.agencies.tree import reach


@dataclass(frozen=True, slots=True)
class SignOnValue:
    """A body's sign-on, its secret opened."""

    agency_id: str
    issuer: str
    client_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignOnEntry:
    """A body that has a sign-on of its own, for whoever looks for theirs; no secret."""

    code: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class _SealedSignOn:
    agency_id: str
    issuer: str
    client_id: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Person:
    id: str


async def list_sign_ons(session: ReadSession, limit: int = 50) -> list[SignOnEntry]:
    """The bodies that have a sign-on of their own, by name."""
    wanted = values_of(SignOnEntry, Agency).join(SignOn, col(SignOn.agency_id) == col(Agency.id))
    return await session.all(wanted.order_by(col(Agency.name), col(Agency.code)).limit(limit))


async def find_sign_on(
    session: ReadSession, cipher: Cipher, agency_code: str
) -> SignOnValue | None:
    """The sign-on of the body with that code or id; None where it has none of its own."""
    named = (col(Agency.code) == agency_code) | (col(Agency.id) == agency_code)
    wanted = values_of(_SealedSignOn, SignOn).join(Agency, col(Agency.id) == col(SignOn.agency_id))
    found = await session.first(wanted.where(named))
    if found is None:
        return None
    secret = cipher.decrypt(bytes(found.secret), _place(found.agency_id)).decode()
    return SignOnValue(found.agency_id, found.issuer, found.client_id, secret)


async def configure_sign_on(
    session: WriteSession,
    cipher: Cipher,
    *,
    agency_id: str,
    issuer: str,
    client_id: str,
    secret: str,
    actor: str,
) -> None:
    """Let a body's people sign in by this provider from now on, and by no other."""
    sealed = cipher.encrypt(secret.encode(), _place(agency_id))
    facts = {"issuer": issuer, "client_id": client_id, "secret": sealed}
    new = insert(SignOn).values(agency_id=agency_id, created_at=clock.now(), **facts)
    await session.write(new.on_conflict_do_update(index_elements=["agency_id"], set_=facts))
    told = {"issuer": issuer, "client_id": client_id, "sealed": digest(sealed)}
    await record(
        session, actor=actor, action="sign_on.configured", object_id=agency_id, details=told
    )


async def find_signed_on(session: ReadSession, agency_id: str, email: str) -> str | None:
    """The id of who has that address at the body or below it and works there; None for nobody."""
    wanted = values_of(_Person, StaffUser).where(
        col(StaffUser.email) == email.lower(),
        col(StaffUser.disabled_at).is_(None),
        col(StaffUser.agency_id).in_(await reach(session, agency_id)),
    )
    found = await session.first(wanted)
    return None if found is None else found.id


def _place(agency_id: str) -> str:
    """What a secret's encryption is bound to."""
    return f"sign_on:{agency_id}"
