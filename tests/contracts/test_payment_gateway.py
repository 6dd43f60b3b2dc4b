"""Every registered gateway keeps the contract of `payments.ports.PaymentGateway`."""

import pytest

from adapters.registry import ADAPTERS
from payments.gateway_info import GatewayKind
from tests.support.gateway_checks import CHECKS
from tests.support.rigs.every import GATEWAY_RIGS

GATEWAYS = [name for name, made in ADAPTERS.items() if made.info.kind is GatewayKind.GATEWAY]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", GATEWAYS)
async def test_the_gateway_keeps_its_promise(name: str, check: str) -> None:
    rig = GATEWAY_RIGS[name]()
    async with rig.running():
        await CHECKS[check](rig)
