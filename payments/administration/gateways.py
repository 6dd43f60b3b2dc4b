"""Deeds about accounts at gateways and feeds. Credentials are a deed's secret, never shown."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import col, select

from core.errors import NotFound
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from payments.administration.bodies import REHEARSING
from payments.administration.deeds import Administration, Deed, DeedKind, Execution, in_force
from payments.agencies.gateways import configure_gateway
from payments.agencies.listing import GatewayEntry, list_gateways
from payments.agencies.models import CollectionAccount, GatewayAccountRow
from payments.agencies.queries import get_account_id, get_agency_id
from payments.books.approvals import Subject

#: What of an account at a gateway can be shown as it was and as it is to be.
_SHOWN = ("base_url", "collection_account", "enabled", "rank")


async def configured_gateway(
    session: ReadSession, wanted: Mapping[str, Any], credentials: Mapping[str, str] | None
) -> Deed:
    """To add an account at a gateway or feed, or to change what is given of it.

    `wanted` names the `agency` and the `collection_account` by their codes, the `gateway`, and its
    `account`; what is left out, or None, stays.
    """
    row = GatewayAccountRow
    known = await session.first(
        select(row.id).where(row.gateway == wanted["gateway"], row.account == wanted["account"])
    )
    told = {name: value for name, value in wanted.items() if value is not None}
    if known is None:
        told["only_new"] = True  # nor may it be there when it is done
    if credentials is not None:
        told["credentials"] = sorted(credentials)
    return Deed("configure_gateway", known or new_id("set"), told, credentials)


def only_disables(deed: Deed) -> bool:
    """Whether it takes an account at a gateway away from payers and changes nothing else."""
    changes = deed.wanted.keys() - {"agency", "gateway", "account"}
    return changes == {"enabled"} and deed.wanted["enabled"] is False


async def _look(session: WriteSession, administration: Administration, deed: Deed) -> Subject:
    await session.lock_first(
        select(GatewayAccountRow.id).where(GatewayAccountRow.id == deed.object_id)
    )
    entry = await _find(session, deed.object_id)
    agency_id = await get_agency_id(session, str(deed.wanted["agency"]))
    accounts = [deed.wanted.get("collection_account")]
    before: dict[str, Any] = {}
    if entry is not None:
        accounts.append(entry.collection_account)
        before = {name: getattr(entry, name) for name in _SHOWN if name in deed.wanted}
    async with session.rehearsal():
        await _configure(session, Execution(administration, REHEARSING, confirmed=False), deed)
    after = {name: value for name, value in in_force(deed).items() if name not in before}
    figures = {"before": before, "after": after | {name: deed.wanted[name] for name in before}}
    owners = [await _owner(session, code) for code in accounts if code is not None]
    # Whoever chooses the key that a feed signs with says what has arrived on its account, for
    # every body below that: who asks and who decides must see them all.
    return Subject(agency_id, figures, others=tuple(owners))


async def _configure(session: WriteSession, execution: Execution, deed: Deed) -> str:
    facts = {k: v for k, v in deed.wanted.items() if k not in ("agency", "collection_account")}
    if facts.pop("credentials", None) is not None and deed.secret is None:
        raise NotFound("Bí mật của đề nghị này không còn được giữ.")
    collection = await _redirects(session, deed, deed.object_id)
    return await configure_gateway(
        session,
        execution.administration.cipher,
        execution.administration.knowledge,
        agency_id=await get_agency_id(session, str(deed.wanted["agency"])),
        collection_account_id=collection,
        credentials=deed.secret,
        actor=execution.actor,
        **facts,
    )


async def _redirects(session: WriteSession, deed: Deed, _: str) -> str | None:
    code = deed.wanted.get("collection_account")
    return None if code is None else await get_account_id(session, str(code))


async def _find(session: ReadSession, gateway_account_id: str) -> GatewayEntry | None:
    page = await list_gateways(session, None, only=gateway_account_id)
    return page.items[0] if page.items else None


async def _owner(session: ReadSession, code: str) -> str:
    """The id of the body whose collection account has this code."""
    account_id = await get_account_id(session, code)
    owner = select(CollectionAccount.agency_id).where(col(CollectionAccount.id) == account_id)
    return await session.one(owner)


KINDS: Mapping[str, DeedKind] = {"configure_gateway": DeedKind(_look, _configure, _redirects)}
