"""What two people decide about a market: what its stalls cost, what else costs, what is let off.

A tariff begins on a day that no run has billed yet, and the one before it ends on the day before. A
waiver counts from when it is approved: bills of its days that nobody has paid are made anew.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, insert, update
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict, FieldError, Invalid
from core.sessions import ReadSession, WriteSession
from payments.billing.loading import MarketValue
from payments.billing.markets import get_market, lock_alike, lock_market
from payments.billing.models import (
    BillingRun,
    ChargeTariffRow,
    Market,
    Stall,
    StallCharge,
    StallTariffRow,
    StallWaiverRow,
)
from payments.billing.rebilling import list_standing, rebill
from payments.billing.setting_up import get_stall
from payments.books.approvals import ApprovalKind, ApprovalKinds, ApprovalValue, Subject

STALL_TARIFF: Final = "stall_tariff"
CHARGE_TARIFF: Final = "charge_tariff"
STALL_WAIVER: Final = "stall_waiver"


class TariffStands(Conflict):
    """A tariff of that kind begins on that day or later: choose a later day."""

    code = "tariff_stands"


class PeriodBilled(Conflict):
    """A run has billed that day already: a tariff begins on a day that is not billed yet."""

    code = "period_billed"


def market_kinds(cipher: Cipher) -> ApprovalKinds:
    """The kinds of approvals about markets."""
    return {
        STALL_TARIFF: ApprovalKind(_look_at_stall_tariff, _begin_stall_tariff),
        CHARGE_TARIFF: ApprovalKind(_look_at_charge_tariff, _begin_charge_tariff),
        STALL_WAIVER: ApprovalKind(_look_at_waiver, partial(_grant, cipher)),
    }


async def _subject(session: WriteSession, wanted: Mapping[str, Any]) -> tuple[MarketValue, Subject]:
    market = await get_market(session, str(wanted["market"]))
    await lock_market(session, market.id)
    return market, _subject_of(market, wanted)


def _subject_of(market: MarketValue, wanted: Mapping[str, Any]) -> Subject:
    return Subject(market.agency_id, {**wanted, "market": market.code})


async def _look_at_stall_tariff(
    session: WriteSession, _: str, wanted: Mapping[str, Any]
) -> Subject:
    market = await get_market(session, str(wanted["market"]))
    await lock_alike(session, market)
    subject = _subject_of(market, wanted)
    begins = date.fromisoformat(wanted["valid_from"])
    row = StallTariffRow
    own = (
        col(row.agency_id) == market.agency_id,
        col(row.market_class) == wanted["market_class"],
        col(row.kind) == wanted["kind"],
    )
    later = (
        await session.first(select(row.id).where(*own, col(row.valid_from) >= begins))
    ) is not None
    alike = (
        col(Market.agency_id) == market.agency_id,
        col(Market.market_class) == wanted["market_class"],
    )
    await _check_begin(session, later, begins, alike)
    return subject


async def _look_at_charge_tariff(
    session: WriteSession, _: str, wanted: Mapping[str, Any]
) -> Subject:
    market, subject = await _subject(session, wanted)
    begins = date.fromisoformat(wanted["valid_from"])
    row = ChargeTariffRow
    own = (
        col(row.market_id) == market.id,
        col(row.kind) == wanted["kind"],
        col(row.code) == wanted["code"],
    )
    later = (
        await session.first(select(row.id).where(*own, col(row.valid_from) >= begins))
    ) is not None
    await _check_begin(session, later, begins, (col(Market.id) == market.id,))
    return subject


async def _check_begin(
    session: ReadSession, later: bool, begins: date, markets: tuple[ColumnElement[bool], ...]
) -> None:
    if later:
        detail = "Đã có biểu giá bắt đầu từ ngày này hoặc sau đó."
        raise TariffStands(detail, errors=[FieldError("valid_from", "tariff_stands", detail)])
    billed = (
        select(BillingRun.id)
        .join(Market, col(Market.id) == col(BillingRun.market_id))
        .where(*markets, col(BillingRun.last_on) >= begins)
    )
    if await session.first(billed.limit(1)) is not None:
        detail = "Đã lập khoản thu cho ngày này; biểu giá mới phải bắt đầu sau các kỳ đã lập."
        raise PeriodBilled(detail, errors=[FieldError("valid_from", "period_billed", detail)])


async def _begin_stall_tariff(
    session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    wanted = approval.wanted
    market = await get_market(session, str(wanted["market"]))
    row = StallTariffRow
    own = (
        col(row.agency_id) == market.agency_id,
        col(row.market_class) == wanted["market_class"],
        col(row.kind) == wanted["kind"],
    )
    facts = {
        "agency_id": market.agency_id,
        "frontage_surcharges": list(wanted["frontage_surcharges"]),
    }
    names = ("market_class", "kind", "per", "rate", "vat_included", "vat_percent", "basis")
    return await _begin(session, row, own, facts | {n: wanted[n] for n in names}, approval, actor)


async def _begin_charge_tariff(
    session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    wanted = approval.wanted
    market = await get_market(session, str(wanted["market"]))
    row = ChargeTariffRow
    own = (
        col(row.market_id) == market.id,
        col(row.kind) == wanted["kind"],
        col(row.code) == wanted["code"],
    )
    names = (
        *("kind", "code", "name", "name_en", "per", "rate", "vat_included", "vat_percent"),
        "basis",
    )
    facts = {"market_id": market.id} | {name: wanted[name] for name in names}
    return await _begin(session, row, own, facts, approval, actor)


async def _begin(
    session: WriteSession,
    row: type[StallTariffRow] | type[ChargeTariffRow],
    own: tuple[ColumnElement[bool], ...],
    facts: Mapping[str, Any],
    approval: ApprovalValue,
    actor: str,
) -> dict[str, Any]:
    """End what holds on the day before, and have the new one hold."""
    begins = date.fromisoformat(approval.wanted["valid_from"])
    ended = update(row).where(
        *own,
        col(row.valid_from) < begins,
        col(row.valid_to).is_(None) | (col(row.valid_to) >= begins),
    )
    await session.write(ended.values(valid_to=begins - timedelta(days=1)))
    new = {
        **facts,
        "id": approval.object_id,
        "valid_from": begins,
        "valid_to": None,
        "approval_id": approval.id,
        "created_at": clock.now(),
    }
    await session.write(insert(row), new)
    action = f"{approval.kind}.begun"
    await audit.record(
        session, actor=actor, action=action, object_id=approval.object_id, details=approval.wanted
    )
    return {"tariff": approval.object_id}


async def _look_at_waiver(session: WriteSession, _: str, wanted: Mapping[str, Any]) -> Subject:
    market, subject = await _subject(session, wanted)
    if wanted["stall"] is not None:
        stall = await get_stall(session, str(wanted["stall"]), [market.agency_id])
        if stall.market_id != market.id:
            detail = "Sạp này không thuộc chợ này."
            raise Invalid(detail, errors=[FieldError("stall", "unknown", detail)])
    return subject


async def _grant(
    cipher: Cipher, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    wanted = approval.wanted
    market = await get_market(session, str(wanted["market"]))
    first, last = (date.fromisoformat(wanted[name]) for name in ("first_on", "last_on"))
    row = {
        "id": approval.object_id,
        "market_id": market.id,
        "stall_id": wanted["stall"],
        "first_on": first,
        "last_on": last,
        "percent": wanted.get("percent", 0),
        "amount": wanted.get("amount_each", 0),
        "reason": wanted["reason"],
        "basis": wanted["basis"],
        "approval_id": approval.id,
        "created_at": clock.now(),
    }
    await session.write(insert(StallWaiverRow), row)
    of_market = col(StallCharge.stall_id).in_(
        select(Stall.id).where(col(Stall.market_id) == market.id)
    )
    only = None if wanted["stall"] is None else [str(wanted["stall"])]
    standing = await list_standing(session, only, of_market, first, last)
    done = await rebill(session, standing, market.agency_id, cipher, actor=actor, strict=False)
    outcome = {"waiver": approval.object_id, "billed_anew": done.anew, "paid_already": done.kept}
    await audit.record(
        session,
        actor=actor,
        action="stall_waiver.granted",
        object_id=approval.object_id,
        details=outcome,
    )
    return outcome
