"""The accounts at gateways and feeds that the tests' systems have: one line for each provider.

`EVERY` is what `build_system` seeds unless told otherwise. The main journey and the crash tests pay
through `PAYING`. A gateway need not be added here: `tests/journeys/test_every_gateway.py` opens an
account at each that is registered.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.sandbox.engine.state import SandboxState
from app.seed.agency import DEMO_ACCOUNT, DEMO_HOLDER

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
    """An account at a provider: its name in the registry, and what it gave us."""

    name: str
    credentials: Mapping[str, str] = field(repr=False)

    @property
    def callback_path(self) -> str:
        """Where the provider tells us what happened."""
        return f"/callbacks/{self.name}/{ACCOUNT}"


PAYGOV: Final = GatewaySetup("paygov", MERCHANT)
VNPAY: Final = GatewaySetup(
    "vnpay", {"tmn_code": "TESTTMN1", "hash_secret": "SECRETOFATEST", "refund": "yes"}
)
SEPAY: Final = GatewaySetup("sepay", {"account_number": DEMO_ACCOUNT, "secret": FEED_SECRET})

#: Gateways that a payer is sent to.
PAYING: Final = (PAYGOV, VNPAY)
EVERY: Final = (*PAYING, SEPAY)


def enrol(sandbox: SandboxState, base_url: str) -> None:
    """Open every account at a sandbox, calling back a service at `base_url`."""
    for setup in EVERY:
        there = f"{base_url}{setup.callback_path}"
        sandbox.open(setup.name, setup.credentials, there, DEMO_HOLDER)
