"""Every registered feed keeps the contract of `payments.ports.CreditFeed`."""

import pytest

from adapters.registry import FEEDS
from tests.support.feed_checks import CHECKS
from tests.support.rigs.every import FEED_RIGS


def test_every_registered_feed_has_a_rig() -> None:
    assert set(FEEDS) == set(FEED_RIGS)
    assert FEEDS


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", FEEDS)
def test_the_feed_keeps_its_promise(name: str, check: str) -> None:
    CHECKS[check](FEED_RIGS[name]())


@pytest.mark.parametrize("name", FEEDS)
def test_the_registry_makes_a_feed_that_knows_its_name(name: str) -> None:
    rig = FEED_RIGS[name]()
    feed = FEEDS[name](rig.account)
    assert feed.name == name
    assert feed.account == rig.account
