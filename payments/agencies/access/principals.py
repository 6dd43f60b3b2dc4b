"""Principals: who is asking, for which agencies, and what they may do.

An API key belongs to one agency and reaches its units too. It is held by a system (a portal), which
may do what the key's scopes allow, or by a person, who may do what their roles allow; the table is
in `payments.agencies.access.rights`. Keys are kept as SHA-256 hashes of 160 random bits: they are
not guessable, so a slow hash would only slow the counter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request, params
from sqlmodel import col

from core.crypto import hash_token
from core.db import Database
from core.errors import FieldError, NotAllowed, Unauthenticated
from core.statements import values_of
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.access.rights import RIGHTS, Action, Right, Role, Scope
from payments.agencies.tree import reach

#: How long a key is believed without asking the database again; so long a revoked one may live.
CACHE_SECONDS = 5.0

#: Who the audit log names where the operator works at the command line.
OPERATOR = "system:operator"


class ScopeMissing(NotAllowed):
    """The system's key was made for something else: use one that has the scope."""

    code = "scope_missing"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `actor` names them in the audit log; `agency_ids` is what they may see."""

    actor: str
    key_id: str
    agency_id: str
    agency_ids: frozenset[str]
    roles: frozenset[Role]
    scopes: frozenset[Scope] = frozenset()

    @property
    def owner(self) -> str:
        """Whose idempotency keys these are: a person's, whichever key they use, or the system's."""
        return self.key_id if self.is_system else self.actor

    @property
    def is_system(self) -> bool:
        """Whether this is an agency's system rather than a person."""
        return self.actor.startswith("key:")

    def may(self, action: Action) -> bool:
        """Whether a scope of this system's key, or a role of this person, allows the action."""
        right = RIGHTS[action]
        if self.is_system:
            return not right.scopes.isdisjoint(self.scopes)
        return not right.roles.isdisjoint(self.roles)

    def require(self, action: Action) -> None:
        """Raise `NotAllowed`, for a key without the scope `ScopeMissing`, unless they may."""
        if self.may(action):
            return
        if not self.is_system:
            raise NotAllowed("Tài khoản của bạn không có quyền làm việc này.")
        raise _missing(RIGHTS[action])


def _missing(right: Right) -> NotAllowed:
    if not right.scopes:
        return NotAllowed("Việc này cần một người, không dùng khóa của hệ thống.")
    names = sorted(right.scopes)
    return ScopeMissing(
        f"Khóa API này không có phạm vi {' hoặc '.join(names)}.",
        errors=[
            FieldError("Authorization", "scope_missing", f"The key lacks the scope {name}.")
            for name in names
        ],
    )


@dataclass(frozen=True, slots=True)
class _KnownKey:
    id: str
    agency_id: str
    staff_id: str | None
    scopes: list[str]
    roles: list[str] | None


#: A key that is in force, with its person's roles where it is a person's who works here still.
_LIVING_KEYS = (
    values_of(_KnownKey, ApiKey, roles=col(StaffUser.roles).label("roles"))
    .join(StaffUser, col(StaffUser.id) == col(ApiKey.staff_id), isouter=True)
    .where(
        col(ApiKey.confirmed_at).is_not(None),
        col(ApiKey.revoked_at).is_(None),
        col(StaffUser.disabled_at).is_(None),
    )
)


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
        if known is not None and monotonic() - known[0] < CACHE_SECONDS:
            return known[1]
        self._found.pop(hashed, None)
        # Before the look: a key that is revoked while we look is not believed any longer for it.
        began = monotonic()
        found = await self._look_up(hashed)
        if len(self._found) > 10_000:
            self._found.clear()
        self._found[hashed] = (began, found)
        return found

    async def _look_up(self, hashed: str) -> Principal:
        async with self._database.reading() as session:
            key = await session.first(_LIVING_KEYS.where(col(ApiKey.hash) == hashed))
            if key is None:
                raise Unauthenticated("Khóa API không hợp lệ.")
            agency_ids = await reach(session, key.agency_id)
        return Principal(
            actor=f"key:{key.id}" if key.staff_id is None else f"staff:{key.staff_id}",
            key_id=key.id,
            agency_id=key.agency_id,
            agency_ids=agency_ids,
            roles=known_roles(key.roles or ()),
            scopes=frozenset(scope for scope in Scope if scope in key.scopes),
        )


def known_roles(names: Iterable[str]) -> frozenset[Role]:
    """The roles of those names; one that a newer version has given opens nothing here."""
    given = set(names)
    return frozenset(role for role in Role if role in given)


async def principal(request: Request) -> Principal:
    """The principal of this request's `Authorization: Bearer` key."""
    header = request.headers.get("authorization", "")
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("Thiếu khóa API (Authorization: Bearer …).")
    keyring: Keyring = request.app.state.keyring
    return await keyring.principal(secret.strip())


PrincipalDep = Annotated[Principal, Depends(principal)]


@dataclass(frozen=True, slots=True)
class RequiredRight:
    """A dependency that lets only those through who may do `action`."""

    action: Action

    async def __call__(self, request: Request) -> Principal:
        """The principal. Raises `NotAllowed` or `ScopeMissing`."""
        # Asked for here and not as a dependency of this one: each dependency costs a request more
        # than looking a known key up does.
        found = await principal(request)
        found.require(self.action)
        return found


def needs(action: Action) -> params.Depends:
    """What a route declares: who may not do `action` gets no further.

    As a parameter, `principal: Annotated[Principal, needs(action)]`, and the first one, so that
    nothing else is looked at before; among `dependencies` where the principal is not asked for.
    """
    declared: params.Depends = Depends(RequiredRight(action))
    return declared
