"""Every gateway and feed there is, by name. Adding one is a line here, a rig and a docs page.

The contract suite runs over these two tables; an entry without a rig fails it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from adapters.bank_feeds.sepay import SePayFeed
from adapters.paygov.gateway import PayGov
from core.errors import FieldError, NotFound
from payments.ports import CreditFeed, GatewayAccount, PaymentGateway

GATEWAYS: Final[Mapping[str, Callable[[GatewayAccount], PaymentGateway]]] = {
    "paygov": PayGov,
}

FEEDS: Final[Mapping[str, Callable[[GatewayAccount], CreditFeed]]] = {
    "sepay": SePayFeed,
}

#: The credentials of each, by its own names: whether an account must have it.
CREDENTIALS: Final[Mapping[str, Mapping[str, bool]]] = {
    "paygov": {
        "partner_code": True,
        "access_key": True,
        "secret_key": True,
        "token": True,
        "service_code": True,
        "lgsp_access_token": False,
    },
    "sepay": {"account_number": True, "secret": True, "previous_secret": False},
}


def check_credentials(name: str, credentials: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with the credentials of an account at `name`, by field; none if nothing is.

    Raises `NotFound` for a gateway or feed that there is not, naming those that there are.
    """
    known = CREDENTIALS.get(name)
    if known is None:
        raise NotFound(f"There is no gateway or feed {name}: choose {', '.join(CREDENTIALS)}.")
    faults = [
        FieldError(f"credentials.{field}", "missing", f"{name} needs it.")
        for field, needed in known.items()
        if needed and not credentials.get(field, "").strip()
    ]
    faults += [
        FieldError(f"credentials.{field}", "unknown", f"{name} has no credential of this name.")
        for field in credentials
        if field not in known
    ]
    return faults


class Directory:
    """Implements `payments.ports.GatewayDirectory`; keeps one client for each account.

    An account whose address or credentials changed gets a new adapter. The old one is kept until
    `aclose`, because a call may still be running on it.
    """

    def __init__(self) -> None:
        self._gateways: dict[tuple[str, str], PaymentGateway] = {}
        self._feeds: dict[tuple[str, str], CreditFeed] = {}
        self._retired: list[PaymentGateway] = []

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        """The adapter for a gateway account; `NotFound` if none of that name is registered."""
        key = (account.gateway, account.account)
        known = self._gateways.get(key)
        if known is not None and known.account == account:
            return known
        make = GATEWAYS.get(account.gateway)
        if make is None:
            raise NotFound(f"no payment gateway is called {account.gateway!r}")
        made = make(account)
        if known is not None:
            self._retired.append(known)
        self._gateways[key] = made
        return made

    def feed(self, account: GatewayAccount) -> CreditFeed:
        """The adapter for a credit feed account; `NotFound` if none of that name is registered."""
        key = (account.gateway, account.account)
        known = self._feeds.get(key)
        if known is not None and known.account == account:
            return known
        make = FEEDS.get(account.gateway)
        if make is None:
            raise NotFound(f"no credit feed is called {account.gateway!r}")
        self._feeds[key] = make(account)
        return self._feeds[key]

    def is_feed(self, name: str) -> bool:
        """Whether `name` is a credit feed rather than a payment gateway."""
        return name in FEEDS

    async def aclose(self) -> None:
        """Close every client that was handed out."""
        every = [*self._gateways.values(), *self._retired]
        self._gateways.clear()
        self._feeds.clear()
        self._retired.clear()
        for gateway in every:
            await gateway.aclose()
