"""API keys: made, listed, revoked. A key is shown once, when it is made, and kept as a hash."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import col

from core import clock
from core.audit import record
from core.crypto import hash_token, new_token
from core.errors import FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import ValueSelect, values_of
from core.unseen import is_plain_line
from payments.agencies.access.models import ApiKey, StaffUser
from payments.agencies.access.principals import OPERATOR
from payments.agencies.access.rights import PORTAL_SCOPES, Scope
from payments.agencies.models import Agency

KEY_PREFIX = "lpk_"
LONGEST_LABEL = 100


@dataclass(frozen=True, slots=True)
class ApiKeyValue:
    """A key without its secret; `agency` is a code, `user` the e-mail of the person it is of."""

    id: str
    agency_id: str
    agency: str
    kind: str
    user: str | None
    label: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None
    #: since when it is in force; None while it waits for a second person
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ApiKeyPage:
    """Some keys, the newest first; `next_cursor` asks for those that follow."""

    items: tuple[ApiKeyValue, ...]
    next_cursor: str | None


_KEYS = (
    values_of(
        ApiKeyValue,
        ApiKey,
        agency=col(Agency.code).label("agency"),
        user=col(StaffUser.email).label("user"),
    )
    .join(Agency, col(Agency.id) == col(ApiKey.agency_id))
    .join(StaffUser, col(StaffUser.id) == col(ApiKey.staff_id), isouter=True)
)


async def create_api_key(
    session: WriteSession,
    *,
    agency_id: str,
    label: str,
    scopes: Iterable[str] = PORTAL_SCOPES,
    staff_id: str | None = None,
    actor: str = OPERATOR,
    confirmed: bool = True,
) -> tuple[ApiKeyValue, str]:
    """Make a key; the second value is the key itself, which is shown once and not kept.

    One that is not `confirmed` opens nothing before `confirm_api_key`. A system's key has the
    scopes; with `staff_id` it is that person's, and acts with their roles. Raises `Invalid` for an
    unknown scope, none at all, or a bad label.
    """
    given = list(dict.fromkeys(scopes)) if staff_id is None else []
    faults = _faults(label, given, needs_scopes=staff_id is None)
    if faults:
        raise Invalid("Không tạo được khóa API.", errors=faults)
    key_id, secret = new_id("key"), KEY_PREFIX + new_token(bits=160)
    kept = [str(scope) for scope in Scope if scope in given]
    values = {
        "id": key_id,
        "agency_id": agency_id,
        "kind": "system" if staff_id is None else "person",
        "staff_id": staff_id,
        "label": label.strip(),
        "scopes": kept,
        "hash": hash_token(secret),
        "created_at": clock.now(),
        "confirmed_at": clock.now() if confirmed else None,
    }
    await session.write(insert(ApiKey).values(**values))
    details = {
        "agency_id": agency_id,
        "staff_id": staff_id,
        "scopes": kept,
        "hash": values["hash"],
        "in_force": confirmed,
    }
    await record(session, actor=actor, action="api_key.created", object_id=key_id, details=details)
    return await get_api_key(session, key_id), secret


def _faults(label: str, scopes: list[str], *, needs_scopes: bool) -> list[FieldError]:
    faults = [
        FieldError("scopes", "unknown", f"Unknown scope: {scope}.")
        for scope in scopes
        if scope not in set(Scope)
    ]
    if needs_scopes and not scopes:
        faults.append(FieldError("scopes", "missing", "Give at least one scope."))
    if not label.strip() or not is_plain_line(label) or len(label) > LONGEST_LABEL:
        words = f"1 to {LONGEST_LABEL} printable characters."
        faults.append(FieldError("label", "invalid", words))
    return faults


async def get_api_key(
    session: ReadSession, key_id: str, within: frozenset[str] | None = None
) -> ApiKeyValue:
    """A key by its id, of one of the agencies `within` (None: of any). Raises `NotFound`."""
    wanted = _within(_KEYS.where(col(ApiKey.id) == key_id), within)
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có khóa API này.")
    return found


async def list_api_keys(
    session: ReadSession,
    within: frozenset[str] | None = None,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> ApiKeyPage:
    """The keys of some agencies (None: of all); `cursor` is the id to go on after."""
    wanted = _within(_KEYS, within).order_by(col(ApiKey.id).desc()).limit(limit + 1)
    if cursor is not None:
        wanted = wanted.where(col(ApiKey.id) < cursor)
    found = await session.all(wanted)
    more = len(found) > limit
    return ApiKeyPage(tuple(found[:limit]), found[limit - 1].id if more else None)


async def confirm_api_key(session: WriteSession, key_id: str, *, actor: str) -> ApiKeyValue:
    """Put a key into force, as the second person. Raises `NotFound`."""
    in_force = update(ApiKey).where(
        col(ApiKey.id) == key_id,
        col(ApiKey.confirmed_at).is_(None),
        col(ApiKey.revoked_at).is_(None),
    )
    if await session.write(in_force.values(confirmed_at=clock.now())):
        await record(session, actor=actor, action="api_key.confirmed", object_id=key_id)
    return await get_api_key(session, key_id)


async def revoke_api_key(
    session: WriteSession,
    key_id: str,
    within: frozenset[str] | None = None,
    *,
    actor: str = OPERATOR,
) -> ApiKeyValue:
    """End a key; doing it twice is the same as once. Raises `NotFound`.

    A process that has just believed the key does so for `CACHE_SECONDS` more.
    """
    key = await get_api_key(session, key_id, within)
    revoked = (
        update(ApiKey)
        .where(col(ApiKey.id) == key.id, col(ApiKey.revoked_at).is_(None))
        .values(revoked_at=clock.now())
    )
    if await session.write(revoked):
        details = {"agency_id": key.agency_id}
        await record(
            session, actor=actor, action="api_key.revoked", object_id=key.id, details=details
        )
    return await get_api_key(session, key.id)


def _within(
    wanted: ValueSelect[ApiKeyValue], agency_ids: frozenset[str] | None
) -> ValueSelect[ApiKeyValue]:
    return wanted if agency_ids is None else wanted.where(col(ApiKey.agency_id).in_(agency_ids))
