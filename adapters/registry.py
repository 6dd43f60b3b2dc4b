"""Every gateway and feed there is. Adding one is a line here, its folder, a rig and a docs row.

The contract suite runs over this table; an entry without a rig fails it.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Final, Protocol, cast

from adapters.bank_feeds.casso import CassoFeed
from adapters.bank_feeds.sepay import SePayFeed
from adapters.dvcqg.gateway import PortalPlatform
from adapters.momo.gateway import MoMo
from adapters.paygov.gateway import PayGov
from adapters.payos.gateway import PayOS
from adapters.stripe.gateway import StripeCheckout
from adapters.thuho.gateway import Biller
from adapters.viettel.gateway import ViettelMoney
from adapters.vnpay.gateway import VNPay
from adapters.zalopay.gateway import ZaloPay
from core.errors import FieldError, NotFound
from payments.gateway_info import GatewayInfo, GatewayKind
from payments.ports import GatewayAccount, NoticeReader, PaymentGateway


class AdapterClass(Protocol):
    """A class of adapters: it says what it is, and makes one for an account."""

    @property
    def info(self) -> GatewayInfo:
        """What it says of itself, without an account."""
        ...

    def __call__(self, account: GatewayAccount) -> NoticeReader:
        """The adapter of an account. Raises `GatewayMisuse` naming credentials it cannot use."""
        ...


_CLASSES: Final[tuple[AdapterClass, ...]] = (
    PayGov,
    SePayFeed,
    VNPay,
    MoMo,
    ZaloPay,
    CassoFeed,
    PayOS,
    StripeCheckout,
    PortalPlatform,
    Biller,
    ViettelMoney,
)

ADAPTERS: Final[Mapping[str, AdapterClass]] = {made.info.name: made for made in _CLASSES}


def infos() -> list[GatewayInfo]:
    """What every adapter says of itself, in the order of the registry."""
    return [adapter.info for adapter in ADAPTERS.values()]


def info(name: str) -> GatewayInfo:
    """What the adapter of that name says of itself. Raises `NotFound`, naming those there are."""
    if name not in ADAPTERS:
        raise NotFound(f"There is no gateway or feed {name!r}; there are: {', '.join(ADAPTERS)}.")
    return ADAPTERS[name].info


def check_credentials(name: str, credentials: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with an account's credentials, field by field; empty if they will do.

    Never tells a value. Raises `NotFound` for a name that is not registered.
    """
    return info(name).check(credentials)


class Directory:
    """Implements `payments.ports.GatewayDirectory`; keeps one client for each account.

    An account whose address or credentials changed gets a new adapter. While its secrets are
    rotated it has two. An older one is kept until `aclose`, because a call may still be running on
    it.
    """

    def __init__(self) -> None:
        #: the latest first, two at most
        self._readers: dict[tuple[str, str], list[NoticeReader]] = {}
        self._retired: list[NoticeReader] = []

    def find_info(self, name: str) -> GatewayInfo | None:
        """What the adapter of that name says of itself; None if none is registered."""
        adapter = ADAPTERS.get(name)
        return None if adapter is None else adapter.info

    def reader(self, account: GatewayAccount) -> NoticeReader:
        """The adapter of a gateway's or feed's account; `NotFound` if none is registered."""
        key = (account.gateway, account.account)
        known = self._readers.setdefault(key, [])
        for one in known:
            if one.account == account:
                return one
        make: Callable[[GatewayAccount], NoticeReader] | None = ADAPTERS.get(account.gateway)
        if make is None:
            raise NotFound(f"no gateway or feed is called {account.gateway!r}")
        made = make(account)
        self._retired += known[1:]
        self._readers[key] = [made, *known[:1]]
        return made

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        """The adapter of a gateway's account; `NotFound` if no gateway of that name is."""
        made = self.reader(account)
        if made.info.kind is not GatewayKind.GATEWAY:
            raise NotFound(f"no payment gateway is called {account.gateway!r}")
        return cast("PaymentGateway", made)  # the contract suite checks that its kind is true

    async def aclose(self) -> None:
        """Close every client that was handed out."""
        every = [*chain.from_iterable(self._readers.values()), *self._retired]
        self._readers.clear()
        self._retired.clear()
        for reader in every:
            await reader.aclose()
