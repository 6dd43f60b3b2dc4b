"""The directory of adapters: one client for an account, a new one when the account changes."""

from dataclasses import replace

import pytest

from adapters.registry import Directory
from core.errors import NotFound
from payments.ports import GatewayAccount, GatewayDirectory

PAYGOV = GatewayAccount(
    "paygov",
    "thu",
    "https://pay.example",
    {"partner_code": "P", "access_key": "A", "secret_key": "S", "token": "T", "service_code": "C"},
)
SEPAY = GatewayAccount("sepay", "thu", "", {"secret": "S", "account_number": "1"})


async def test_an_account_keeps_its_adapter_until_it_changes() -> None:
    directory: GatewayDirectory = Directory()
    first = directory.gateway(PAYGOV)
    assert directory.gateway(replace(PAYGOV)) is first
    assert directory.gateway(replace(PAYGOV, account="other")) is not first
    turned = replace(PAYGOV, credentials={**PAYGOV.credentials, "secret_key": "new"})
    assert directory.gateway(turned) is not first
    assert directory.gateway(turned).account.credentials["secret_key"] == "new"
    feed = directory.feed(SEPAY)
    assert directory.feed(replace(SEPAY)) is feed
    assert directory.feed(replace(SEPAY, credentials={**SEPAY.credentials, "secret": "n"})) != feed


async def test_closing_closes_the_old_ones_too() -> None:
    directory = Directory()
    first = directory.gateway(PAYGOV)
    second = directory.gateway(replace(PAYGOV, base_url="https://other.example"))
    closed = []
    for gateway in (first, second):
        close = gateway.aclose

        async def noted(close: object = close) -> None:
            closed.append(close)

        gateway.aclose = noted  # type: ignore[method-assign]  # seen, not done
    await directory.aclose()
    assert len(closed) == 2
    assert directory.gateway(PAYGOV) is not first


def test_a_name_that_is_not_registered_is_not_found() -> None:
    directory = Directory()
    with pytest.raises(NotFound):
        directory.gateway(replace(PAYGOV, gateway="sepay"))
    with pytest.raises(NotFound):
        directory.feed(replace(SEPAY, gateway="paygov"))
    assert directory.is_feed("sepay")
    assert not directory.is_feed("paygov")
    assert not directory.is_feed("nobody")
