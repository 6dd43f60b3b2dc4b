"""Setting up a body: units and accounts. Commands take a session and never commit.

What is given has passed a schema (`payments.agencies.schemas`) or is ours; here it is held against
what is there. Every change leaves an audit entry with what was and what is, never a credential.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, time
from typing import Any, TypeAlias

from sqlalchemy import String, cast, delete, func, insert, update
from sqlalchemy.dialects.postgresql import insert as insert_or_not
from sqlmodel import col, select

from core import clock
from core.errors import FieldError, Invalid, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.banks import BANKS, CHECKED_ON
from payments.agencies.changes import CodeTaken, Knowledge, record_change
from payments.agencies.models import DEFAULT_CUT_OFF, Agency, AgencyOffer, CollectionAccount
from payments.agencies.offers import Offering, named
from payments.agencies.tree import reaches

#: What is offered: codes of procedures, "all", or "parent".
Offers: TypeAlias = Sequence[str] | str

#: Fewer letters and digits than this are in the narratives of too many payers.
LEAST_SETTLEMENT_LETTERS = 5

#: One at a time changes who stands below whom: two moves at once could make a circle.
LOCK_TREE = select(cast(func.pg_advisory_xact_lock(7811604131234001), String))


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
    cut_off: time = DEFAULT_CUT_OFF
    unlisted_bank: bool = False
    opened_on: date | None = None


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


async def create_agency(
    session: WriteSession, new: NewAgency, knowledge: Knowledge, *, actor: str
) -> str:
    """Make a body or a unit; its id. Raises `Taken`, or `Invalid` for a procedure there is not."""
    offers = new.offers
    if offers is None:
        offers = () if new.parent_id is None else Offering.PARENT
    offers = await _meant_offers(session, offers, new.parent_id, knowledge)
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
        raise CodeTaken(f"There is an agency {new.code} already.")
    await _write_choice(session, agency_id, offers)
    facts = {name: row[name] for name in row if name not in ("id", "created_at", "offers")}
    after = facts | {"offers": _shown(offers)}
    await record_change(session, actor, "agency.created", agency_id, {}, after)
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
        await session.all(LOCK_TREE)
    before = await session.lock_first(values_of(AgencyFacts, Agency).where(Agency.id == agency_id))
    if before is None:
        raise NotFound("Không có cơ quan này.")
    chosen = await _choice(session, agency_id)
    offers: Offers = changes.get("offers", named(before.offers, chosen))
    after = replace(before, **(dict(changes) | {"offers": _kind(offers)}))
    if "parent_id" in changes:
        await _check_parent(session, agency_id, after.parent_id)
    if "offers" in changes or "parent_id" in changes:
        offers = await _meant_offers(session, offers, after.parent_id, knowledge)
    was = _facts(before) | {"offers": _shown(named(before.offers, chosen))}
    now = _facts(after) | {"offers": _shown(offers)}
    if was == now:
        return False
    written = {name: getattr(after, name) for name in changes}
    await session.write(update(Agency).where(col(Agency.id) == agency_id).values(written))
    if "offers" in changes:
        await _write_choice(session, agency_id, offers)
    await record_change(session, actor, "agency.changed", agency_id, was, now)
    return True


async def create_account(
    session: WriteSession, new: NewAccount, *, actor: str, confirmed: bool
) -> str:
    """Make a collection account; its id. Raises `Taken`, or `Invalid` for a BIN no bank has.

    One that only one person has said is not `confirmed`: payers see that (`accounts`).
    """
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
        raise CodeTaken(f"This account is there already under the code {known}.")
    row = {
        "id": new_id("acct"),
        "agency_id": new.agency_id,
        "code": new.code,
        "bank_bin": new.bank_bin,
        "account_number": new.number,
        "account_name": new.holder,
        "cut_off": new.cut_off,
        "created_at": clock.now(),
        "kind": new.kind,
        "opened_on": new.opened_on,
        "confirmed_at": clock.now() if confirmed else None,
    }
    made = insert_or_not(CollectionAccount).values(row).on_conflict_do_nothing()
    if not await session.write(made):
        raise CodeTaken(f"There is a collection account {new.code} already.")
    told = ("id", "created_at", "confirmed_at")
    after: dict[str, Any] = {name: row[name] for name in row if name not in told}
    after["confirmed"] = confirmed
    after["cut_off"] = new.cut_off.isoformat("minutes")
    after["opened_on"] = None if new.opened_on is None else new.opened_on.isoformat()
    await record_change(session, actor, "account.created", str(row["id"]), {}, after)
    return str(row["id"])


async def set_settlement_words(
    session: WriteSession, account_id: str, words: Sequence[str], *, actor: str
) -> None:
    """Say by which words gateways pay over to an account, in place of those said before.

    A credit whose narrative holds one of them pays no bill by itself. Raises `Invalid` for words
    with fewer than `LEAST_SETTLEMENT_LETTERS` letters and digits, which anybody may write.
    """
    faults = [
        FieldError(f"words.{place}", "too_short", f"{one!r} could stand in any narrative.")
        for place, one in enumerate(words)
        if sum(char.isalnum() for char in one) < LEAST_SETTLEMENT_LETTERS
    ]
    if faults:
        raise Invalid(faults[0].detail, errors=faults)
    which = col(CollectionAccount.id) == account_id
    before = await session.lock_one(select(CollectionAccount.settlement_words).where(which))
    if before != list(words):
        changed = update(CollectionAccount).where(which)
        await session.write(changed.values(settlement_words=list(words)))
        was, now = {"settlement_words": before}, {"settlement_words": list(words)}
        await record_change(session, actor, "account.changed", account_id, was, now)


async def _check_parent(session: WriteSession, agency_id: str, parent_id: str | None) -> None:
    """Raise `Invalid` where the parent is the agency itself or stands below it."""
    if parent_id is not None and await reaches(session, agency_id, parent_id):
        detail = "The parent is the body itself or one of its units."
        raise Invalid(detail, errors=[FieldError("parent", "circle", detail)])


async def _meant_offers(
    session: WriteSession, offers: Offers, parent_id: str | None, knowledge: Knowledge
) -> Offers:
    """The offer by the codes that procedures are kept under, whichever of their codes were named.

    Raises `Invalid` for what there is not, and for a code of several procedures, which it names.
    """
    if offers == Offering.PARENT and parent_id is None:
        detail = "A body without a parent has nobody's offer to take over."
        raise Invalid(detail, errors=[FieldError("offers", "no_parent", detail)])
    if isinstance(offers, str):
        return offers
    known = await knowledge.procedures(session, list(offers))
    faults = []
    for place, code in enumerate(offers):
        meant = known.get(code, ())
        if not meant:
            faults.append(("unknown", place, f"There is no procedure {code}."))
        elif len(meant) > 1:
            several = f"{code} stands for {', '.join(meant)}: name those you offer."
            faults.append(("ambiguous", place, several))
    if faults:
        errors = [FieldError(f"offers.{place}", kind, detail) for kind, place, detail in faults]
        raise Invalid(errors[0].detail, errors=errors)
    return tuple(dict.fromkeys(known[code][0] for code in offers))


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
