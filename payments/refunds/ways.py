"""By which ways money of a payment can go back: the body's own transfer, always, or its gateway."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import col

from core.errors import Conflict, FieldError, NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.bills.models import Payment
from payments.context import Context
from payments.gateway_info import Capability, GatewayInfo


class WayNotOpen(Conflict):
    """The payment's gateway cannot give its money back: ask for a transfer instead."""

    code = "way_not_open"


@dataclass(frozen=True, slots=True)
class _TakenMoney:
    """Where a payment's money was taken."""

    agency_id: str
    kind: str
    gateway: str
    gateway_account_id: str | None
    gateway_ref: str | None
    order_ref: str | None
    credited: int | None


@dataclass(frozen=True, slots=True)
class WayBack:
    """Whether a payment's gateway can give money back: `gateway_account_id` says through which.

    It is None where it cannot, and `why_not` says why: `by_transfer` (the money came to the account
    by itself), `not_offered` (the gateway has no such call), `not_contracted` (it has not opened
    the call to this account). `gateway` is what the gateway says of itself, where one took it.
    """

    gateway_account_id: str | None
    gateway: GatewayInfo | None
    why_not: str | None = None


async def way_back_of(
    context: Context, session: ReadSession, payment_id: str, agency_ids: Collection[str]
) -> WayBack:
    """Whether the gateway of a payment of these agencies can give back. Raises `NotFound`."""
    wanted = values_of(_TakenMoney, Payment).where(col(Payment.id) == payment_id)
    money = await session.first(wanted)
    if money is None or money.agency_id not in agency_ids:
        raise NotFound("Không có khoản thanh toán này.")
    info = context.gateways.find_info(money.gateway)
    at_gateway = money.kind == "attempt" and money.gateway_ref and money.order_ref
    if info is None or money.gateway_account_id is None or not at_gateway:
        return WayBack(None, info, "by_transfer")
    if Capability.REFUND not in info.capabilities:
        return WayBack(None, info, "not_offered")
    account = await context.agencies.get_gateway_by_id(money.gateway_account_id, session)
    if not info.can(Capability.REFUND, account.access.credentials):
        return WayBack(None, info, "not_contracted")
    return WayBack(account.id, info)


async def get_way_back(
    context: Context, session: ReadSession, payment_id: str, agency_ids: Collection[str]
) -> str:
    """The account at a gateway that can give the payment's money back.

    Raises `NotFound` and `WayNotOpen`.
    """
    found = await way_back_of(context, session, payment_id, agency_ids)
    if found.gateway_account_id is None:
        detail = "Cổng của khoản thanh toán này không hoàn trả được: hãy chọn chuyển khoản."
        raise WayNotOpen(detail, errors=[FieldError("way", found.why_not or "", detail)])
    return found.gateway_account_id
