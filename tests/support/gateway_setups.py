"""The accounts at gateways and feeds that the tests' systems have: one line for each provider.

`EVERY` is what `build_system` seeds unless told otherwise. A journey that pays through a gateway
runs once for each of `PAYING`: whoever adds a gateway adds it there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.sandbox.books import BankAccount, Merchant
from adapters.sandbox.state import SandboxState
from app.seed.agency import DEMO_ACCOUNT

#: Our name of the account in its callback's path.
ACCOUNT: Final = "test"

MERCHANT: Final = {
    "partner_code": "PAYGOV-TEST",
    "access_key": "access-of-a-test",
    "secret_key": "secret-of-a-test",
    "token": "token-of-a-test",
    "service_code": "LEPHI",
}
FEED_SECRET: Final = "feed-secret-of-a-test"


@dataclass(frozen=True, slots=True)
class GatewaySetup:
    """An account at a provider: what we know of it, and how the sandbox comes to know of us.

    `enrol` opens it at a sandbox, which calls back at the address it is given.
    """

    name: str
    credentials: Mapping[str, str] = field(repr=False)
    enrol: Callable[[SandboxState, str], object]

    @property
    def callback_path(self) -> str:
        """Where the provider tells us what happened."""
        return f"/callbacks/{self.name}/{ACCOUNT}"


def merchant_calling(callback_url: str) -> Merchant:
    """Our account at PayGov."""
    return Merchant(**MERCHANT, callback_url=callback_url)


def bank_account_calling(feed_url: str) -> BankAccount:
    """The body's account at the bank, which SePay tells of."""
    return BankAccount(DEMO_ACCOUNT, feed_url, FEED_SECRET)


PAYGOV: Final = GatewaySetup(
    "paygov", MERCHANT, lambda sandbox, url: sandbox.register(merchant_calling(url))
)
SEPAY: Final = GatewaySetup(
    "sepay",
    {"account_number": DEMO_ACCOUNT, "secret": FEED_SECRET},
    lambda sandbox, url: sandbox.bank.open(bank_account_calling(url)),
)

#: Gateways that a payer is sent to.
PAYING: Final = (PAYGOV,)
EVERY: Final = (*PAYING, SEPAY)


def enrol(sandbox: SandboxState, base_url: str) -> None:
    """Open every account at a sandbox, calling back a service at `base_url`."""
    for setup in EVERY:
        setup.enrol(sandbox, f"{base_url}{setup.callback_path}")
