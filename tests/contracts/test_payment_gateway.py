"""Every registered gateway keeps the contract of `payments.ports.PaymentGateway`."""

import pytest

from adapters.registry import GATEWAYS
from tests.support.gateway_checks import CHECKS
from tests.support.rigs.every import GATEWAY_RIGS


def test_every_registered_gateway_has_a_rig() -> None:
    assert set(GATEWAYS) == set(GATEWAY_RIGS)
    assert GATEWAYS


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", GATEWAYS)
async def test_the_gateway_keeps_its_promise(name: str, check: str) -> None:
    rig = GATEWAY_RIGS[name]()
    async with rig.running():
        await CHECKS[check](rig)


@pytest.mark.parametrize("name", GATEWAYS)
async def test_the_registry_makes_an_adapter_that_knows_its_name(name: str) -> None:
    rig = GATEWAY_RIGS[name]()
    gateway = GATEWAYS[name](rig.account)
    assert gateway.name == name
    assert gateway.account == rig.account
    await gateway.aclose()
