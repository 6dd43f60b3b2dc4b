"""Setting up a body: units, accounts, gateways. Commands take a session and never commit.

What is given has passed a schema (`payments.agencies.schemas`) or is ours; here it is held against
what is there. Every change leaves an audit entry with what was and what is, never a credential.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

from sqlalchemy import delete, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import WriteSql, values_of
from payments.agencies.banks import BANKS, CHECKED_ON
from payments.agencies.models import Agency, AgencyOffer, CollectionAccount, GatewayAccountRow
from payments.agencies.offers import Offering, named
from payments.agencies.tree import reaches

#: What is offered: codes of procedures, "all", or "parent".
Offers: TypeAlias = Sequence[str] | str

#: One at a time changes who stands below whom: two moves at once could make a circle.
LOCK_TREE = WriteSql(str, "SELECT CAST(pg_advisory_xact_lock(7811604131234001) AS text)")


class Taken(Conflict):
    """Something of this code is there already: choose another code, or change that one."""

    code = "taken"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What other rooms know and a body's set-up is held against.

    `procedures` gives those of some codes that are procedures; `credentials` the faults of an
    account's credentials at a gateway, and raises `NotFound` for a gateway that there is not.
    """

    procedures: Callable[[ReadSession, Sequence[str]], Awaitable[set[str]]]
    credentials: Callable[[str, Mapping[str, str]], Sequence[FieldError]]


@dataclass(frozen=True, slots=True)
class NewAgency:
    """A body to be made. `offers` None: a unit offers what its parent does, a body nothing yet."""

    code: str
    name: str
    name_en: str
    tax_code: str
    address: str
    phone: str
    return_origins: Sequence[str] = ()
    parent_id: str | None = None
    offers: Offers | None = None


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A collection account to be made; `bank_bin` and `number` as a VietQR code carries them."""

    agency_id: str
    code: str
    kind: str
    bank_bin: str
    number: str
    holder: str
    unlisted_bank: bool = False


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """The facts of an agency that can change, as they stand in its row."""

    name: str
    name_en: str
    tax_code: str
    address: str
    phone: str
    return_origins: list[str]
    parent_id: str | None
    offers: str


@dataclass(frozen=True, slots=True)
class GatewayFacts:
    """The facts of an account at a gateway that can change; the credentials stay sealed."""

    id: str
    agency_id: str
    base_url: str
    collection_account_id: str
    enabled: bool
    credentials: bytes


async def create_agency(
    session: WriteSession, new: NewAgency, knowledge: Knowledge, *, actor: str
) -> str:
    """Make a body or a unit; its id. Raises `Taken`, or `Invalid` for a procedure there is not."""
    offers = new.offers
    if offers is None:
        offers = () if new.parent_id is None else Offering.PARENT
    await _check_offers(session, offers, new.parent_id, knowledge)
    agency_id = new_id("agency")
    row = {
        "id": agency_id,
        "code": new.code,
        "name": new.name,
        "name_en": new.name_en,
        "parent_id": new.parent_id,
        "tax_code": new.tax_code,
        "address": new.address,
        "phone": new.phone,
        "return_origins": list(new.return_origins),
        "created_at": clock.now(),
        "offers": _kind(offers),
    }
    if not await session.write(insert_or_not(Agency).values(row).on_conflict_do_nothing()):
        raise Taken(f"There is an agency {new.code} already.")
    await _write_choice(session, agency_id, offers)
    facts = {name: row[name] for name in row if name not in ("id", "created_at", "offers")}
    after = facts | {"offers": _shown(offers)}
    await _record(session, actor, "agency.created", agency_id, {}, after)
    return agency_id


async def change_agency(
    session: WriteSession,
    agency_id: str,
    changes: Mapping[str, Any],
    knowledge: Knowledge,
    *,
    actor: str,
) -> bool:
    """Change facts of a body (names of `AgencyFacts`); whether anything is different now.

    Raises `NotFound`, or `Invalid` for a parent below the body itself or an unknown procedure.
    """
    if "parent_id" in changes:
        await session.write(LOCK_TREE)
    before = await session.lock_first(values_of(AgencyFacts, Agency).where(Agency.id == agency_id))
    if before is None:
        raise NotFound("Không có cơ quan này.")
    chosen = await _choice(session, agency_id)
    offers: Offers = changes.get("offers", named(before.offers, chosen))
    after = replace(before, **(dict(changes) | {"offers": _kind(offers)}))
    if "parent_id" in changes:
        await _check_parent(session, agency_id, after.parent_id)
    if "offers" in changes or "parent_id" in changes:
        await _check_offers(session, offers, after.parent_id, knowledge)
    was = _facts(before) | {"offers": _shown(named(before.offers, chosen))}
    now = _facts(after) | {"offers": _shown(offers)}
    if was == now:
        return False
    written = {name: getattr(after, name) for name in changes}
    await session.write(update(Agency).where(col(Agency.id) == agency_id).values(written))
    if "offers" in changes:
        await _write_choice(session, agency_id, offers)
    await _record(session, actor, "agency.changed", agency_id, was, now)
    return True


async def create_account(session: WriteSession, new: NewAccount, *, actor: str) -> str:
    """Make a collection account; its id. Raises `Taken`, or `Invalid` for a BIN no bank has."""
    if new.bank_bin not in BANKS and not new.unlisted_bank:
        detail = (
            f"{new.bank_bin} is no bank's in the list of {CHECKED_ON:%d/%m/%Y}."
            " If the bank is newer, say that it is not listed."
        )
        raise Invalid(detail, errors=[FieldError("bank_bin", "unknown", detail)])
    known = await session.first(
        select(CollectionAccount.code).where(
            CollectionAccount.bank_bin == new.bank_bin,
            CollectionAccount.account_number == new.number,
        )
    )
    if known is not None:
        raise Taken(f"This account is there already under the code {known}.")
    row = {
        "id": new_id("acct"),
        "agency_id": new.agency_id,
        "code": new.code,
        "bank_bin": new.bank_bin,
        "account_number": new.number,
        "account_name": new.holder,
        "created_at": clock.now(),
        "kind": new.kind,
    }
    made = insert_or_not(CollectionAccount).values(row).on_conflict_do_nothing()
    if not await session.write(made):
        raise Taken(f"There is a collection account {new.code} already.")
    after = {name: row[name] for name in row if name not in ("id", "created_at")}
    await _record(session, actor, "account.created", str(row["id"]), {}, after)
    return str(row["id"])


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
        raise Taken(f"{gateway} {account} belongs to another body.")
    if known is not None and only_new:
        raise Taken(f"{gateway} {account} is there already.")
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
    renewed = credentials is not None and dict(credentials) != old
    if renewed:
        now = replace(now, credentials=_sealed(cipher, row_id, credentials or {}))
    await _write_gateway(session, gateway, account, known, now)
    was = {} if known is None else _open_facts(known)
    if renewed or was != _open_facts(now):
        told = {"gateway": gateway, "account": account, "credentials_renewed": renewed}
        await _record(session, actor, "gateway.configured", row_id, was, _open_facts(now), told)
    return row_id


async def _check_parent(session: WriteSession, agency_id: str, parent_id: str | None) -> None:
    """Raise `Invalid` where the parent is the agency itself or stands below it."""
    if parent_id is not None and await reaches(session, agency_id, parent_id):
        detail = "The parent is the body itself or one of its units."
        raise Invalid(detail, errors=[FieldError("parent", "circle", detail)])


async def _check_offers(
    session: WriteSession, offers: Offers, parent_id: str | None, knowledge: Knowledge
) -> None:
    if offers == Offering.PARENT and parent_id is None:
        detail = "A body without a parent has nobody's offer to take over."
        raise Invalid(detail, errors=[FieldError("offers", "no_parent", detail)])
    if isinstance(offers, str):
        return
    known = await knowledge.procedures(session, list(offers))
    faults = [
        FieldError(f"offers.{place}", "unknown", f"There is no procedure {code}.")
        for place, code in enumerate(offers)
        if code not in known
    ]
    if faults:
        raise Invalid(faults[0].detail, errors=faults)


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
            raise Taken(f"{gateway} {account} is there already.")
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


async def _choice(session: ReadSession, agency_id: str) -> list[str]:
    own = select(AgencyOffer.procedure_code).where(AgencyOffer.agency_id == agency_id)
    return await session.all(own.order_by(col(AgencyOffer.procedure_code)))


async def _write_choice(session: WriteSession, agency_id: str, offers: Offers) -> None:
    await session.write(delete(AgencyOffer).where(col(AgencyOffer.agency_id) == agency_id))
    codes = [] if isinstance(offers, str) else sorted(set(offers))
    if codes:
        await session.write_each(
            insert(AgencyOffer), [{"agency_id": agency_id, "procedure_code": c} for c in codes]
        )


def _kind(offers: Offers) -> str:
    return str(offers) if isinstance(offers, str) else Offering.OWN.value


def _shown(offers: Offers) -> str | list[str]:
    return str(offers) if isinstance(offers, str) else sorted(set(offers))


def _facts(facts: AgencyFacts) -> dict[str, Any]:
    return {field.name: getattr(facts, field.name) for field in fields(facts)}


def _open_facts(facts: GatewayFacts) -> dict[str, Any]:
    """What may be written down of an account at a gateway."""
    shown = ("agency_id", "base_url", "collection_account_id", "enabled")
    return {name: getattr(facts, name) for name in shown}


async def _record(
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
