"""People who work for an agency: made, listed, disabled, and known by their password.

Passwords are kept as Argon2id hashes.
"""

import asyncio
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pwdlib import PasswordHash
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core import clock
from core.audit import record
from core.errors import FieldError, Invalid, NotFound, Unauthenticated
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of
from core.unseen import is_plain_line
from payments.agencies.access.models import StaffUser
from payments.agencies.access.principals import OPERATOR, Principal, known_roles
from payments.agencies.access.rights import Role
from payments.agencies.access.staff_sessions import end_all
from payments.agencies.changes import digest
from payments.agencies.models import Agency
from payments.agencies.tree import reach

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class StaffValue:
    """A person; `agency` is the code of theirs."""

    id: str
    agency_id: str
    agency: str
    email: str
    name: str
    roles: list[str]
    created_at: datetime
    disabled_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be made a staff user; of the password only its hash is known."""

    agency_id: str
    email: str
    name: str
    roles: Sequence[str]
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StaffPage:
    """Some people, the newest first; `next_cursor` asks for those that follow."""

    items: tuple[StaffValue, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SignInValue:
    """Somebody who works here, and what their password is held against."""

    id: str
    agency_id: str
    roles: list[str]
    password_hash: str = field(repr=False)


_STAFF = values_of(StaffValue, StaffUser, agency=col(Agency.code).label("agency")).join(
    Agency, col(Agency.id) == col(StaffUser.agency_id)
)


def new_password() -> str:
    """A password for somebody who has none yet: 120 random bits."""
    return secrets.token_urlsafe(15)


async def create_staff_user(
    session: WriteSession,
    *,
    agency_id: str,
    email: str,
    name: str,
    password: str,
    roles: Sequence[str],
    actor: str = OPERATOR,
) -> StaffValue:
    """Make a staff user. Raises `Invalid` for an unknown role, a short password, a used e-mail."""
    faults = [*_faults(email, name, roles), *_password_faults(password)]
    if faults:
        raise Invalid("Không tạo được người dùng.", errors=faults)
    kept = await hash_password(password)
    person = NewPerson(agency_id, email, name, tuple(roles), kept)
    return await add_staff_user(session, person, actor=actor)


async def hash_password(password: str) -> str:
    """A password as it is kept. Raises `Invalid` for one that is too short or too long."""
    if faults := _password_faults(password):
        raise Invalid("Không dùng được mật khẩu này.", errors=faults)
    return await asyncio.to_thread(PasswordHash.recommended().hash, password)


async def add_staff_user(session: WriteSession, new: NewPerson, *, actor: str) -> StaffValue:
    """Make a staff user whose password is hashed already. Raises `Invalid`."""
    agency_id, email, name, roles = new.agency_id, new.email, new.name, new.roles
    faults = _faults(email, name, roles)
    if faults:
        raise Invalid("Không tạo được người dùng.", errors=faults)
    person_id = new_id("staff")
    kept = [str(role) for role in Role if role in roles]
    person = {
        "id": person_id,
        "agency_id": agency_id,
        "email": email.lower(),
        "name": name.strip(),
        "password_hash": new.password_hash,
        "roles": kept,
        "created_at": clock.now(),
    }
    # The constraint is the judge: of two who take one address at once, one is told so.
    made = insert(StaffUser).values(**person).on_conflict_do_nothing(index_elements=["email"])
    if await session.write(made) == 0:
        taken = FieldError("email", "taken", "This e-mail address is already in use.")
        raise Invalid("Không tạo được người dùng.", errors=[taken])
    sign_in = digest(str(person["password_hash"]).encode())
    details = {"agency_id": agency_id, "roles": kept, "sign_in": sign_in}
    await record(session, actor=actor, action="staff.created", object_id=person_id, details=details)
    return await get_staff_user(session, person_id)


def _faults(email: str, name: str, roles: Collection[str]) -> list[FieldError]:
    faults = [
        FieldError("roles", "unknown", f"Unknown role: {role}.")
        for role in roles
        if role not in set(Role)
    ]
    if not roles:
        faults.append(FieldError("roles", "missing", "Give at least one role."))
    if _EMAIL.fullmatch(email) is None:
        faults.append(FieldError("email", "invalid", "This is no e-mail address."))
    if not name.strip() or not is_plain_line(name) or len(name) > LONGEST_NAME:
        words = f"1 to {LONGEST_NAME} printable characters."
        faults.append(FieldError("name", "invalid", words))
    return faults


def _password_faults(password: str) -> list[FieldError]:
    if len(password) < SHORTEST_PASSWORD:
        words = f"At least {SHORTEST_PASSWORD} characters."
        return [FieldError("password", "too_short", words)]
    if len(password) > LONGEST_PASSWORD:
        words = f"At most {LONGEST_PASSWORD} characters."
        return [FieldError("password", "too_long", words)]
    return []


async def get_staff_user(
    session: ReadSession, id_or_email: str, within: frozenset[str] | None = None
) -> StaffValue:
    """A person by id or e-mail, of one of the agencies `within` (None: of any).

    Raises `NotFound`.
    """
    key = id_or_email.lower()
    wanted = _STAFF.where((col(StaffUser.id) == key) | (col(StaffUser.email) == key))
    found = await session.first(_within(wanted, within))
    if found is None:
        raise NotFound("Không có người dùng này.")
    return found


@dataclass(frozen=True, slots=True)
class _PersonName:
    id: str
    name: str


async def find_names(session: ReadSession, actors: Collection[str]) -> dict[str, str]:
    """The names of people, by how the audit log calls them; whoever is no person is left out."""
    ids = {one.removeprefix("staff:") for one in actors if one.startswith("staff:")}
    named = values_of(_PersonName, StaffUser).where(col(StaffUser.id).in_(ids))
    return {f"staff:{one.id}": one.name for one in await session.all(named)} if ids else {}


async def list_staff(
    session: ReadSession,
    within: frozenset[str] | None = None,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> StaffPage:
    """The people of some agencies (None: of all); `cursor` is the id to go on after."""
    wanted = _within(_STAFF, within).order_by(col(StaffUser.id).desc()).limit(limit + 1)
    if cursor is not None:
        wanted = wanted.where(col(StaffUser.id) < cursor)
    found = await session.all(wanted)
    more = len(found) > limit
    return StaffPage(tuple(found[:limit]), found[limit - 1].id if more else None)


async def disable_staff_user(
    session: WriteSession,
    id_or_email: str,
    within: frozenset[str] | None = None,
    *,
    actor: str = OPERATOR,
) -> StaffValue:
    """Let somebody in no more, with none of their keys; doing it twice is the same as once.

    Raises `NotFound`.
    """
    person = await get_staff_user(session, id_or_email, within)
    disabled = (
        update(StaffUser)
        .where(col(StaffUser.id) == person.id, col(StaffUser.disabled_at).is_(None))
        .values(disabled_at=clock.now())
    )
    if await session.write(disabled):
        details = {"agency_id": person.agency_id}
        await record(
            session, actor=actor, action="staff.disabled", object_id=person.id, details=details
        )
    return await get_staff_user(session, person.id)


async def change_password(session: WriteSession, email: str, old: str, new: str) -> None:
    """Let somebody choose another password, which ends their sessions.

    Raises `Unauthenticated`, `Invalid` for a bad one.
    """
    person = await sign_in(session, email, old)
    kept = await hash_password(new)
    person_id = person.actor.removeprefix("staff:")
    of_them = update(StaffUser).where(col(StaffUser.id) == person_id)
    await session.write(of_them.values(password_hash=kept))
    await end_all(session, person_id)
    await _note_password(session, person_id, kept)


async def replace_password(
    session: WriteSession, person: SignInValue, kept: str, *, but: str
) -> bool:
    """Put the hash `kept` in the place of the person's password, and end all sessions `but` one.

    False, and nothing is done, where another password or none that works has come meanwhile.
    """
    of_them = update(StaffUser).where(
        col(StaffUser.id) == person.id,
        col(StaffUser.password_hash) == person.password_hash,
        col(StaffUser.disabled_at).is_(None),
    )
    if not await session.write(of_them.values(password_hash=kept)):
        return False
    await end_all(session, person.id, but=but)
    await _note_password(session, person.id, kept)
    return True


async def _note_password(session: WriteSession, person_id: str, kept: str) -> None:
    await record(
        session,
        actor=f"staff:{person_id}",
        action="staff.password_changed",
        object_id=person_id,
        details={"sign_in": digest(kept.encode())},
    )


async def find_sign_in(session: ReadSession, email: str) -> SignInValue | None:
    """The person with this e-mail address who works here still; None where there is none."""
    wanted = values_of(SignInValue, StaffUser).where(
        col(StaffUser.email) == email.lower(), col(StaffUser.disabled_at).is_(None)
    )
    return await session.first(wanted)


async def is_password(person: SignInValue | None, password: str) -> bool:
    """Whether a password is the person's; as slow where there is nobody as where it is wrong.

    It takes a good part of a second and reads nothing: no connection need be held meanwhile.
    """
    hasher = PasswordHash.recommended()
    if person is None:
        await asyncio.to_thread(hasher.hash, password)
        return False
    return await asyncio.to_thread(hasher.verify, password, person.password_hash)


async def sign_in(session: ReadSession, email: str, password: str) -> Principal:
    """The person with this e-mail address. Raises `Unauthenticated`, which never says why."""
    person = await find_sign_in(session, email)
    if not await is_password(person, password) or person is None:
        raise Unauthenticated("Sai địa chỉ thư điện tử hoặc mật khẩu.")
    return Principal(
        actor=f"staff:{person.id}",
        key_id="",
        agency_id=person.agency_id,
        agency_ids=await reach(session, person.agency_id),
        roles=known_roles(person.roles),
    )


def _within(
    wanted: ValueSelect[StaffValue], agency_ids: frozenset[str] | None
) -> ValueSelect[StaffValue]:
    if agency_ids is None:
        return wanted
    return wanted.where(col(StaffUser.agency_id).in_(agency_ids))
