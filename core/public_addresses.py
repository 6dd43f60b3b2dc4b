"""Which network addresses are anybody's on the internet, and which lead into somebody's house.

*Pure.* What others name as a place to call must never be one that only we can reach: this machine,
the network it stands in, a link's own addresses (those of a cloud's metadata are among them), and
every way to write such an address inside another.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

#: IPv6 addresses that carry an IPv4 address in their last 32 bits (RFC 6052, RFC 4291).
_CARRYING: Final = tuple(ip_network(one) for one in ("64:ff9b::/96", "::ffff:0:0/96", "::/96"))
#: What the library may call global: a provider's shared addresses (RFC 6598), those of protocols
#: (RFC 6890), a site's own as they once were (RFC 3879), those of a site's own translators, which
#: carry an IPv4 address at a place that only the site knows (RFC 8215), and those of relays that
#: are gone (6to4, RFC 7526), of which one patch of the library says this and another that.
_CLOSED: Final = tuple(
    ip_network(one)
    for one in ("100.64.0.0/10", "192.0.0.0/24", "fec0::/10", "64:ff9b:1::/48", "2002::/16")
)


def is_public(address: str) -> bool:
    """Whether the address, and any that it carries inside, is one of the open internet.

    False for what is no address at all.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_open(one) for one in _meant(found))


def is_address(host: str) -> bool:
    """Whether a host is written as an address, and no name is to be asked for."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Whether the address is this machine's own, written plainly."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_open(address: IPv4Address | IPv6Address) -> bool:
    closed = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not closed and not any(address in one for one in _CLOSED)


def _meant(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address that a packet comes to: what is carried inside, else itself."""
    if isinstance(address, IPv4Address):
        return [address]
    if any(address in network for network in _CARRYING):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.teredo is not None:
        return [address, *address.teredo]
    return [address]
