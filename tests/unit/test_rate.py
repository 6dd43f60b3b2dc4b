"""Whose turns they are: one address, or the network of one customer."""

import pytest

from app.web.rate import network_of


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("unknown", "unknown"),
    ],
)
def test_a_customer_has_one_address_or_one_network(address: str, whose: str) -> None:
    assert network_of(address) == whose
