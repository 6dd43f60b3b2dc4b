"""Accounts at gateways and feeds: added, changed, and held against what their adapter asks for.

Credentials are kept encrypted; a change tells only that they were renewed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlmodel import col, select

from core import clock
from core.crypto import Cipher
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.sessions import WriteSession
from core.statements import values_of
from payments.agencies.changes import CodeTaken, Knowledge, digest, record_change
from payments.agencies.models import CollectionAccount, GatewayAccountRow
from payments.agencies.tree import reaches


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """The facts of an account at a gateway that can change; the credentials stay sealed."""

    id: str
    agency_id: str
    base_url: str
    collection_account_id: str
    enabled: bool
    credentials: bytes
    previous_credentials: bytes | None
    previous_until: datetime | None
    rank: int


async def configure_gateway(
    session: WriteSession,
    cipher: Cipher,
    knowledge: Knowledge,
    *,
    agency_id: str,
    gateway: str,
    account: str,
    collection_account_id: str | None = None,
    base_url: str | None = None,
    credentials: Mapping[str, str] | None = None,
    enabled: bool | None = None,
    rank: int | None = None,
    only_new: bool = False,
    keep_hours: int | None = None,
    actor: str,
) -> str:
    """Add an agency's account at a gateway or feed, or change what is given of it; its id.

    Where `credentials` replace others, notices under those before are taken for `keep_hours` more
    (0 to 168); left out or 0, no longer at all. 0 without credentials ends a window; more hours
    without credentials are refused.

    Raises `NotFound` for a gateway that there is not, `Invalid` naming each credential that is
    missing, empty or unknown, and a collection account that is neither the agency's nor that of a
    body above it; `Taken` where another agency has the account, or with `only_new` anybody.
    """
    faults = list(knowledge.credentials(gateway, credentials)) if credentials is not None else []
    if keep_hours and credentials is None:
        detail = "Hours for the credentials before need new ones."
        faults.append(FieldError("credentials", "missing", detail))
    if collection_account_id is not None:
        faults += await _account_faults(session, collection_account_id, agency_id)
    known = await session.lock_first(
        values_of(GatewayFacts, GatewayAccountRow).where(
            GatewayAccountRow.gateway == gateway, GatewayAccountRow.account == account
        )
    )
    if known is not None and known.agency_id != agency_id:
        raise CodeTaken(f"{gateway} {account} belongs to another body.")
    if known is not None and only_new:
        raise CodeTaken(f"{gateway} {account} is there already.")
    if known is None:
        given = {
            "collection_account": collection_account_id,
            "base_url": base_url,
            "credentials": credentials,
        }
        faults += [
            FieldError(name, "missing", "Is needed for a new account.")
            for name, value in given.items()
            if value is None
        ]
    if faults:
        raise Invalid(f"{faults[0].field}: {faults[0].detail}", errors=faults)
    row_id = new_id("gw") if known is None else known.id
    old = {} if known is None else _unsealed(cipher, known.id, known.credentials)
    now = GatewayFacts(
        id=row_id,
        agency_id=agency_id,
        base_url=base_url or (known.base_url if known else ""),
        collection_account_id=collection_account_id
        or (known.collection_account_id if known else ""),
        enabled=(known.enabled if known else True) if enabled is None else enabled,
        credentials=known.credentials if known else b"",
        previous_credentials=known.previous_credentials if known else None,
        previous_until=known.previous_until if known else None,
        rank=(known.rank if known else 0) if rank is None else rank,
    )
    if credentials is not None:
        await _refuse_shared(session, cipher, gateway, agency_id, credentials)
    renewed = credentials is not None and dict(credentials) != old
    if renewed:
        now = replace(now, credentials=_sealed(cipher, row_id, credentials or {}))
    if renewed or keep_hours == 0:
        now = replace(now, previous_credentials=None, previous_until=None)
    if renewed and known is not None and keep_hours:
        until = clock.now() + timedelta(hours=keep_hours)
        now = replace(now, previous_credentials=known.credentials, previous_until=until)
    await _write_gateway(session, gateway, account, known, now)
    was = {} if known is None else _open_facts(known)
    if known is not None and known.previous_until != now.previous_until:
        was["previous_until"] = _written(known.previous_until)
    if renewed or was != _open_facts(now):
        told = {
            "gateway": gateway,
            "account": account,
            "credentials_renewed": renewed,
            "sealed": digest(now.credentials),
        }
        facts = _open_facts(now)
        if now.previous_until is not None or "previous_until" in was:
            facts["previous_until"] = _written(now.previous_until)
        await record_change(session, actor, "gateway.configured", row_id, was, facts, told)
    return row_id


async def _refuse_shared(
    session: WriteSession,
    cipher: Cipher,
    gateway: str,
    agency_id: str,
    credentials: Mapping[str, str],
) -> None:
    """Raise `Invalid` where another body's account at the gateway has these very credentials.

    Whoever can sign for one could tell of the other's money, also under those that were replaced,
    while their window lasts.
    """
    others = await session.all(
        values_of(GatewayFacts, GatewayAccountRow).where(
            col(GatewayAccountRow.gateway) == gateway,
            col(GatewayAccountRow.agency_id) != agency_id,
        )
    )
    now = clock.now()
    taken = [_unsealed(cipher, one.id, one.credentials) for one in others]
    taken += [
        _unsealed(cipher, one.id, one.previous_credentials)
        for one in others
        if one.previous_credentials is not None
        and one.previous_until is not None
        and now < one.previous_until
    ]
    if dict(credentials) in taken:
        detail = "Another body's account has the same credentials: ask the provider for your own."
        raise Invalid(detail, errors=[FieldError("credentials", "shared", detail)])


async def _account_faults(
    session: WriteSession, collection_account_id: str, agency_id: str
) -> list[FieldError]:
    """What is wrong with an agency's money going to an account."""
    owner = await session.first(
        select(CollectionAccount.agency_id).where(CollectionAccount.id == collection_account_id)
    )
    if owner is not None and await reaches(session, owner, agency_id):
        return []
    detail = "The collection account belongs neither to the body nor to one above it."
    return [FieldError("collection_account", "not_yours", detail)]


async def _write_gateway(
    session: WriteSession,
    gateway: str,
    account: str,
    known: GatewayFacts | None,
    now: GatewayFacts,
) -> None:
    values = {field.name: getattr(now, field.name) for field in fields(now)}
    if known is None:
        row = values | {"gateway": gateway, "account": account, "created_at": clock.now()}
        made = insert_or_not(GatewayAccountRow).values(row).on_conflict_do_nothing()
        if not await session.write(made):
            raise CodeTaken(f"{gateway} {account} is there already.")
    elif known != now:
        changed = update(GatewayAccountRow).where(col(GatewayAccountRow.id) == now.id)
        await session.write(changed.values(values))


def _sealed(cipher: Cipher, row_id: str, credentials: Mapping[str, str]) -> bytes:
    return cipher.encrypt(json.dumps(dict(credentials)).encode(), f"gateway:{row_id}")


def _unsealed(cipher: Cipher, row_id: str, sealed: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(cipher.decrypt(bytes(sealed), f"gateway:{row_id}"))
    return found


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")


def _open_facts(facts: GatewayFacts) -> dict[str, Any]:
    """What may be written down of an account at a gateway."""
    shown = ("agency_id", "base_url", "collection_account_id", "enabled", "rank")
    return {name: getattr(facts, name) for name in shown}
