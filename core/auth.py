"""Principals: who is asking, and for which agencies they may ask.

An API key belongs to one agency and reaches its units too. It is held by a system (a portal) or by
a person, who then has staff roles. Keys are kept as SHA-256 hashes of 160 random bits: they are
not guessable, so a slow hash would only slow the counter. Staff passwords are Argon2id.
"""

import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from pwdlib import PasswordHash
from sqlalchemy import CheckConstraint, Column, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core import clock
from core.crypto import hash_token, new_token
from core.db import Database, moment
from core.errors import FieldError, Invalid, NotAllowed, Unauthenticated
from core.ids import new_id
from core.sessions import WriteSession

KEY_PREFIX = "lpk_"

#: How long a key is believed without asking the database again; so long a revoked one may live.
CACHE_SECONDS = 5.0


class Role(StrEnum):
    """What a person may do: open bills, reconcile, sign, administer, or only look."""

    CLERK = "clerk"
    FINANCE = "finance"
    CHIEF = "chief"
    ADMIN = "admin"
    AUDITOR = "auditor"


class StaffUser(SQLModel, table=True):
    """A person who works for an agency."""

    __tablename__ = "staff_user"

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str
    roles: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = moment()
    disabled_at: datetime | None = moment(default=None)


class ApiKey(SQLModel, table=True):
    """A key of an agency's system, or of a person (`staff_id` set)."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("kind IN ('system', 'person')", name="kind"),
        CheckConstraint("(kind = 'person') = (staff_id IS NOT NULL)", name="person_has_staff"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    kind: str
    staff_id: str | None = Field(default=None, foreign_key="staff_user.id")
    label: str
    hash: str = Field(unique=True)
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `actor` names them in the audit log; `agency_ids` is what they may see."""

    actor: str
    key_id: str
    agency_id: str
    agency_ids: frozenset[str]
    roles: frozenset[Role]

    @property
    def owner(self) -> str:
        """Whose idempotency keys these are: a person's, whichever key they use, or the system's."""
        return self.key_id if self.is_system else self.actor

    @property
    def is_system(self) -> bool:
        """Whether this is an agency's system rather than a person."""
        return self.actor.startswith("key:")

    def require(self, *roles: Role) -> None:
        """Raise `NotAllowed` unless this is a system's key or a person with one of the roles."""
        if not self.is_system and not self.roles.intersection(roles):
            raise NotAllowed("Tài khoản của bạn không có quyền làm việc này.")


async def create_api_key(
    session: WriteSession, *, agency_id: str, label: str, staff_id: str | None = None
) -> tuple[ApiKey, str]:
    """Make a key; the second value is the key itself, which is shown once and not kept."""
    secret = KEY_PREFIX + new_token(bits=160)
    key = ApiKey(
        id=new_id("key"),
        agency_id=agency_id,
        kind="system" if staff_id is None else "person",
        staff_id=staff_id,
        label=label,
        hash=hash_token(secret),
        created_at=clock.now(),
    )
    session.add(key)
    await session.flush()
    return key, secret


async def create_staff_user(
    session: WriteSession, *, agency_id: str, email: str, name: str, password: str, roles: list[str]
) -> StaffUser:
    """Make a staff user. Raises `Invalid` for an unknown role, a short password, a used e-mail."""
    unknown = [role for role in roles if role not in set(Role)]
    faults = [FieldError("role", "unknown", f"Unknown role: {role}.") for role in unknown]
    if not roles:
        faults.append(FieldError("role", "missing", "Give at least one role."))
    if len(password) < 12:
        faults.append(FieldError("password", "too_short", "At least 12 characters."))
    taken = await session.scalar(
        text("SELECT 1 FROM staff_user WHERE email = :email"), {"email": email.lower()}
    )
    if taken:
        faults.append(FieldError("email", "taken", "This e-mail address is already in use."))
    if faults:
        raise Invalid("Không tạo được người dùng.", errors=faults)
    user = StaffUser(
        id=new_id("staff"),
        agency_id=agency_id,
        email=email.lower(),
        name=name,
        password_hash=PasswordHash.recommended().hash(password),
        roles=list(roles),
        created_at=clock.now(),
    )
    session.add(user)
    await session.flush()
    return user


class Keyring:
    """Looks API keys up, believing a found one for `CACHE_SECONDS`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._found: dict[str, tuple[float, Principal]] = {}

    def forget(self) -> None:
        """Ask the database again for every key."""
        self._found.clear()

    async def principal(self, secret: str) -> Principal:
        """The principal of a key. Raises `Unauthenticated` for an unknown or revoked one."""
        hashed = hash_token(secret)
        known = self._found.get(hashed)
        if known is not None and time.monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        self._found.pop(hashed, None)
        async with self._database.transaction() as session:
            row = (await session.execute(_FIND_KEY, {"hash": hashed})).first()
        if row is None:
            raise Unauthenticated("Khóa API không hợp lệ.")
        principal = Principal(
            actor=f"key:{row.id}" if row.staff_id is None else f"staff:{row.staff_id}",
            key_id=row.id,
            agency_id=row.agency_id,
            agency_ids=frozenset(row.agency_ids),
            roles=frozenset(Role(role) for role in row.roles or ()),
        )
        if len(self._found) > 10_000:
            self._found.clear()
        self._found[hashed] = (time.monotonic(), principal)
        return principal


_FIND_KEY = text(
    "WITH RECURSIVE found AS ("
    "  SELECT k.id, k.agency_id, k.staff_id, s.roles FROM api_key k"
    "  LEFT JOIN staff_user s ON s.id = k.staff_id"
    "  WHERE k.hash = :hash AND k.revoked_at IS NULL AND s.disabled_at IS NULL),"
    " reach AS (SELECT agency_id AS id FROM found"
    "  UNION SELECT a.id FROM agency a JOIN reach r ON a.parent_id = r.id)"
    " SELECT found.*, ARRAY(SELECT id FROM reach) AS agency_ids FROM found"
)


async def principal(request: Request) -> Principal:
    """The principal of this request's `Authorization: Bearer` key."""
    header = request.headers.get("authorization", "")
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Thiếu khóa API (Authorization: Bearer …).")
    keyring: Keyring = request.app.state.keyring
    return await keyring.principal(secret.strip())


PrincipalDep = Annotated[Principal, Depends(principal)]
