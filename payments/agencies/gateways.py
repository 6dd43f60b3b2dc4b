"""Accounts at gateways and feeds: added, changed, and held against what their adapter asks for.

Credentials are kept encrypted; a change tells only that they were renewed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
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
    only_new: bool = False,
    actor: str,
) -> str:
    """Add an agency's account at a gateway or feed, or change what is given of it; its id.

    Raises `NotFound` for a gateway that there is not, `Invalid` naming each credential that is
    missing, empty or unknown, and a collection account that is neither the agency's nor that of a
    body above it; `Taken` where another agency has the account, or with `only_new` anybody.
    """
    faults = list(knowledge.credentials(gateway, credentials)) if credentials is not None else []
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
    old = {} if known is None else _unsealed(cipher, known)
    now = GatewayFacts(
        id=row_id,
        agency_id=agency_id,
        base_url=base_url or (known.base_url if known else ""),
        collection_account_id=collection_account_id
        or (known.collection_account_id if known else ""),
        enabled=(known.enabled if known else True) if enabled is None else enabled,
        credentials=known.credentials if known else b"",
    )
    if credentials is not None:
        await _refuse_shared(session, cipher, gateway, agency_id, credentials)
    renewed = credentials is not None and dict(credentials) != old
    if renewed:
        now = replace(now, credentials=_sealed(cipher, row_id, credentials or {}))
    await _write_gateway(session, gateway, account, known, now)
    was = {} if known is None else _open_facts(known)
    if renewed or was != _open_facts(now):
        told = {
            "gateway": gateway,
            "account": account,
            "credentials_renewed": renewed,
            "sealed": digest(now.credentials),
        }
        await record_change(
            session, actor, "gateway.configured", row_id, was, _open_facts(now), told
        )
    return row_id


async def _refuse_shared(
    session: WriteSession,
    cipher: Cipher,
    gateway: str,
    agency_id: str,
    credentials: Mapping[str, str],
) -> None:
    """Raise `Invalid` where another body's account at the gateway has these very credentials.

    Whoever can sign for one could tell of the other's money.
    """
    others = await session.all(
        values_of(GatewayFacts, GatewayAccountRow).where(
            col(GatewayAccountRow.gateway) == gateway,
            col(GatewayAccountRow.agency_id) != agency_id,
        )
    )
    if any(_unsealed(cipher, one) == dict(credentials) for one in others):
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


def _unsealed(cipher: Cipher, known: GatewayFacts) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        cipher.decrypt(bytes(known.credentials), f"gateway:{known.id}")
    )
    return found


def _open_facts(facts: GatewayFacts) -> dict[str, Any]:
    """What may be written down of an account at a gateway."""
    shown = ("agency_id", "base_url", "collection_account_id", "enabled")
    return {name: getattr(facts, name) for name in shown}
