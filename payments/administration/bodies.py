"""Deeds about bodies and the accounts that their money arrives on."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from sqlmodel import col, select

from core.errors import Conflict, NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.administration.deeds import Administration, Deed, DeedKind, Execution, in_force
from payments.agencies.accounts import confirm_account, set_virtual_prefix
from payments.agencies.commands import (
    NewAccount,
    NewAgency,
    change_agency,
    create_account,
    create_agency,
)
from payments.agencies.listing import AccountEntry, AgencyEntry, list_accounts, list_agencies
from payments.agencies.models import Agency, CollectionAccount
from payments.agencies.offers import named
from payments.agencies.queries import find_agency, get_agency_id
from payments.books.approvals import Subject

#: Who is named where a deed is only tried: nothing of that is kept.
REHEARSING = "system:rehearsal"


class AlreadyConfirmed(Conflict):
    """Two people stand by this account already: there is nothing to confirm."""

    code = "already_confirmed"


def new_agency(wanted: Mapping[str, Any]) -> Deed:
    """To make a body, or a unit of one: the fields of `NewAgency`, the `parent` by its code."""
    return Deed("create_agency", new_id("set"), wanted)


def changed_agency(agency_id: str, changes: Mapping[str, Any]) -> Deed:
    """To change facts of a body; a `parent` by its code, None for a body of its own."""
    return Deed("change_agency", agency_id, changes)


def new_account(wanted: Mapping[str, Any]) -> Deed:
    """To write down a collection account: the fields of `NewAccount`, the `agency` by its code."""
    told = dict(wanted)
    told["cut_off"] = wanted["cut_off"].isoformat("minutes")
    opened = wanted.get("opened_on")
    told["opened_on"] = None if opened is None else opened.isoformat()
    return Deed("create_account", new_id("set"), told)


def confirmed_account(account_id: str) -> Deed:
    """To stand by an account that one person alone has written down or sent money to."""
    return Deed("confirm_account", account_id, {})


def prefixed_account(account_id: str, prefix: str | None, *, digits: bool = False) -> Deed:
    """To send an account's payers to virtual accounts under this prefix; None: to itself.

    With `digits` a reference follows as sixteen of them; nothing follows no prefix.
    """
    digits = digits and prefix is not None
    wanted = {"virtual_prefix": prefix} | ({"virtual_digits": True} if digits else {})
    return Deed("set_virtual_prefix", account_id, wanted)


async def _look_at_new_agency(
    session: WriteSession, administration: Administration, deed: Deed
) -> Subject:
    parent = await get_agency_id(session, str(deed.wanted["parent"]))
    async with session.rehearsal():
        await _create_agency(session, _trying(administration), deed)
    return Subject(parent, in_force(deed))


async def _create_agency(session: WriteSession, execution: Execution, deed: Deed) -> str:
    facts = dict(deed.wanted)
    parent = facts.pop("parent", None)
    above = None if parent is None else await get_agency_id(session, parent)
    new = NewAgency(**facts, parent_id=above)
    knowledge = execution.administration.knowledge
    return await create_agency(session, new, knowledge, actor=execution.actor)


async def _look_at_agency(
    session: WriteSession, administration: Administration, deed: Deed
) -> Subject:
    await session.lock_first(select(Agency.id).where(Agency.id == deed.object_id))
    entry = await _agency(session, deed.object_id)
    before: dict[str, Any] = {name: _fact(entry, name) for name in deed.wanted}
    async with session.rehearsal():
        await _change_agency(session, _trying(administration), deed)
    figures = {"agency": entry.code, "before": before, "after": dict(deed.wanted)}
    # Whoever moves a body must see where it stood and where it is to stand.
    parents = [told["parent"] for told in (before, deed.wanted) if told.get("parent")]
    others = [await get_agency_id(session, code) for code in parents]
    return Subject(deed.object_id, figures, others=tuple(others))


def _fact(entry: AgencyEntry, name: str) -> object:
    return named(entry.offers, entry.codes) if name == "offers" else getattr(entry, name)


async def _change_agency(session: WriteSession, execution: Execution, deed: Deed) -> str:
    changes = dict(deed.wanted)
    if "parent" in changes:
        parent = changes.pop("parent")
        changes["parent_id"] = None if parent is None else await get_agency_id(session, parent)
    knowledge = execution.administration.knowledge
    await change_agency(session, deed.object_id, changes, knowledge, actor=execution.actor)
    return deed.object_id


async def _account_of_moved(session: WriteSession, deed: Deed, agency_id: str) -> str | None:
    """The account that a body's money goes to now that it stands below another one."""
    if "parent" not in deed.wanted:
        return None
    moved = await find_agency(session, agency_id)
    return None if moved is None or moved.account is None else moved.account.id


async def _look_at_new_account(
    session: WriteSession, administration: Administration, deed: Deed
) -> Subject:
    owner = await get_agency_id(session, str(deed.wanted["agency"]))
    async with session.rehearsal():
        await _create_account(session, _trying(administration), deed)
    return Subject(owner, in_force(deed))


async def _create_account(session: WriteSession, execution: Execution, deed: Deed) -> str:
    facts = dict(deed.wanted)
    owner = await get_agency_id(session, facts.pop("agency"))
    opened = facts.pop("opened_on", None)
    new = NewAccount(
        **facts | {"cut_off": time.fromisoformat(facts["cut_off"])},
        agency_id=owner,
        opened_on=None if opened is None else date.fromisoformat(opened),
    )
    return await create_account(session, new, actor=execution.actor, confirmed=execution.confirmed)


async def _this_account(_: WriteSession, __: Deed, account_id: str) -> str | None:
    return account_id


async def _look_at_account(session: WriteSession, _: Administration, deed: Deed) -> Subject:
    waiting = select(CollectionAccount.id).where(
        CollectionAccount.id == deed.object_id, col(CollectionAccount.confirmed_at).is_(None)
    )
    if await session.lock_first(waiting) is None:
        raise AlreadyConfirmed("Tài khoản thu này đã có hai người xác nhận.")
    entry = await _account(session, deed.object_id)
    figures = _where_money_goes(entry) | {"virtual_prefix": entry.virtual_prefix}
    return Subject(await get_agency_id(session, entry.agency), figures)


def _where_money_goes(entry: AccountEntry) -> dict[str, Any]:
    return {
        "account": entry.code,
        "bank_bin": entry.bank_bin,
        "number": entry.account_number,
        "holder": entry.account_name,
    }


async def _look_at_prefix(
    session: WriteSession, administration: Administration, deed: Deed
) -> Subject:
    await session.lock_first(
        select(CollectionAccount.id).where(CollectionAccount.id == deed.object_id)
    )
    async with session.rehearsal():
        await _set_prefix(session, _trying(administration), deed)
    entry = await _account(session, deed.object_id)
    # That there is none is a figure too: who decides must read it.
    before: dict[str, Any] = {"virtual_prefix": entry.virtual_prefix or False}
    after: dict[str, Any] = {"virtual_prefix": deed.wanted["virtual_prefix"] or False}
    digits = bool(deed.wanted.get("virtual_digits"))
    if digits or entry.virtual_digits:
        before["virtual_digits"], after["virtual_digits"] = entry.virtual_digits, digits
    figures = _where_money_goes(entry) | {"before": before, "after": after}
    return Subject(await get_agency_id(session, entry.agency), figures)


async def _set_prefix(session: WriteSession, execution: Execution, deed: Deed) -> str:
    prefix = deed.wanted["virtual_prefix"]
    digits = bool(deed.wanted.get("virtual_digits"))
    await set_virtual_prefix(session, deed.object_id, prefix, digits=digits, actor=execution.actor)
    return deed.object_id


async def _confirm(session: WriteSession, execution: Execution, deed: Deed) -> str:
    await confirm_account(session, deed.object_id, actor=execution.actor)
    return deed.object_id


async def _agency(session: ReadSession, agency_id: str) -> AgencyEntry:
    page = await list_agencies(session, None, only=agency_id)
    if not page.items:
        raise NotFound("Không có cơ quan này.")
    return page.items[0]


async def _account(session: ReadSession, account_id: str) -> AccountEntry:
    page = await list_accounts(session, None, only=account_id)
    return page.items[0]


def _trying(administration: Administration) -> Execution:
    return Execution(administration, REHEARSING, confirmed=False)


KINDS: Mapping[str, DeedKind] = {
    "create_agency": DeedKind(_look_at_new_agency, _create_agency),
    "change_agency": DeedKind(_look_at_agency, _change_agency, _account_of_moved),
    "create_account": DeedKind(_look_at_new_account, _create_account, _this_account),
    "confirm_account": DeedKind(_look_at_account, _confirm),
    "set_virtual_prefix": DeedKind(_look_at_prefix, _set_prefix, _this_account),
}
