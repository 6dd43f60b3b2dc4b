"""At which gateways a bill can be paid: those of its agency that take what is left of it."""

from core.errors import Conflict, NotFound, Unavailable
from core.money import format_vnd
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import AgencyValue, GatewayAccountValue
from payments.context import Context
from payments.gateway_info import GatewayInfo, GatewayKind
from payments.ports import GatewayUnavailable


class GatewayNotOffered(NotFound):
    """The bill's agency has no account at this gateway."""

    code = "gateway_not_offered"


class AmountNotTaken(Conflict):
    """The gateway takes no payment of what is left of the bill: choose another way to pay."""

    code = "amount_not_taken"


class GatewayResting(Unavailable):
    """The gateway has not answered for a while: nobody is sent there; choose another way."""

    code = "gateway_resting"


class GatewayCrowded(GatewayUnavailable):
    """Too many attempts at the gateway wait for its answer: nothing was sent; try again."""

    code = "gateway_crowded"


async def offered_gateways(
    context: Context, agency: AgencyValue, amount: int, session: WriteSession | None = None
) -> list[tuple[GatewayAccountValue, GatewayInfo]]:
    """The gateways that a citizen can pay `amount` đồng through, each with what it says of itself.

    In their body's order, those that do not answer now (`Breakers.list_resting`) after the others.
    A feed only tells of money that has come, and a name that no adapter has cannot be paid at.
    """
    resting = await context.breakers.list_resting(session)
    taking = [
        (account, info)
        for account, info in await paying_accounts(context, agency, session)
        if info.takes(amount, account.access.credentials)
    ]
    return sorted(taking, key=lambda one: one[0].id in resting)


async def choose_gateway(
    context: Context, agency: AgencyValue, gateway: str, session: WriteSession | None = None
) -> tuple[GatewayAccountValue, GatewayInfo]:
    """The agency's account at a gateway, and what that is: of several the first that answers.

    Raises `GatewayNotOffered`.
    """
    resting = await context.breakers.list_resting(session)
    named = [
        one for one in await paying_accounts(context, agency, session) if one[0].gateway == gateway
    ]
    for account, info in sorted(named, key=lambda one: one[0].id in resting):
        return account, info
    raise GatewayNotOffered(f"Cơ quan này không nhận thanh toán qua {gateway}.")


def check_limits(account: GatewayAccountValue, info: GatewayInfo, amount: int) -> None:
    """Raises `AmountNotTaken` unless the gateway takes a payment of `amount` đồng."""
    if info.takes(amount, account.access.credentials):
        return
    least, greatest = info.limits(account.access.credentials)
    bounds = [f"từ {format_vnd(least)}"] if least is not None else []
    bounds += [f"đến {format_vnd(greatest)}"] if greatest is not None else []
    raise AmountNotTaken(
        f"{info.title_vi} chỉ nhận mỗi lần {' '.join(bounds)}; còn phải nộp "
        f"{format_vnd(amount)}. Hãy chọn cách khác."
    )


async def paying_accounts(
    context: Context, agency: AgencyValue, session: ReadSession | None
) -> list[tuple[GatewayAccountValue, GatewayInfo]]:
    """The accounts that payers of an agency's bills may be sent to: its own, or those of the
    nearest body above it that has any; whatever they take, and whether or not they rest."""

    def pays(name: str) -> bool:
        info = context.gateways.find_info(name)
        return info is not None and info.kind is GatewayKind.GATEWAY

    accounts = await context.agencies.list_gateways(agency, pays, session)
    found = [(account, context.gateways.find_info(account.gateway)) for account in accounts]
    return [(account, info) for account, info in found if info is not None]
