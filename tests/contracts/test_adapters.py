"""Every adapter says truly what it is, and what is kept of its notices stays readable."""

import pytest

from adapters.registry import ADAPTERS
from adapters.sandbox.engine.discovery import dialects
from tests.support.adapter_checks import CHECKS
from tests.support.rigs.every import RIGS


def test_every_adapter_has_a_rig_and_a_sandbox_dialect() -> None:
    assert ADAPTERS
    assert set(ADAPTERS) == set(RIGS) == set(dialects())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ADAPTERS)
async def test_the_adapter_keeps_its_promise(name: str, check: str) -> None:
    rig = RIGS[name]()
    async with rig.running():
        await CHECKS[check](rig)


@pytest.mark.parametrize("name", ADAPTERS)
def test_credentials_made_up_for_a_demonstration_will_do(name: str) -> None:
    made_up = dialects()[name].demo_credentials("DEMO00000001")
    assert ADAPTERS[name].info.check(made_up) == []
    assert made_up != dialects()[name].demo_credentials("DEMO00000001"), "always the same secrets"
