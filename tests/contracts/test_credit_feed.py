"""Every registered feed keeps the contract of `payments.ports.CreditFeed`."""

import pytest

from adapters.registry import ADAPTERS
from payments.gateway_info import GatewayKind
from tests.support.feed_checks import CHECKS
from tests.support.rigs.every import FEED_RIGS

FEEDS = [name for name, made in ADAPTERS.items() if made.info.kind is GatewayKind.FEED]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", FEEDS)
def test_the_feed_keeps_its_promise(name: str, check: str) -> None:
    CHECKS[check](FEED_RIGS[name]())
