"""The directory of adapters: one client for an account, a new one when the account changes."""

from dataclasses import replace

import pytest

from adapters.registry import ADAPTERS, Directory, check_credentials, info, infos
from core.errors import NotFound
from payments.gateway_info import GatewayKind
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
    feed = directory.reader(SEPAY)
    assert directory.reader(replace(SEPAY)) is feed
    rotated = replace(SEPAY, credentials={**SEPAY.credentials, "secret": "n"})
    assert directory.reader(rotated) != feed


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
        directory.gateway(SEPAY)
    with pytest.raises(NotFound):
        directory.reader(replace(SEPAY, gateway="nobody"))
    with pytest.raises(NotFound, match="paygov, sepay"):
        info("nobody")
    assert directory.find_info("nobody") is None


def test_the_registry_tells_what_there_is_without_an_account() -> None:
    assert [one.name for one in infos()] == list(ADAPTERS)
    assert info("paygov").kind is GatewayKind.GATEWAY
    assert info("sepay").kind is GatewayKind.FEED


def test_credentials_are_checked_field_by_field_and_never_told() -> None:
    assert check_credentials("sepay", SEPAY.credentials) == []
    faults = check_credentials("sepay", {"secret": "hush hush", "colour": "red"})
    assert [(one.field, one.code) for one in faults] == [
        ("colour", "unknown"),
        ("secret", "malformed"),
        ("account_number", "missing"),
    ]
    assert "hush" not in repr(faults)
