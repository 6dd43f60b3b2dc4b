"""No test talks to the world: connections leave this process for loopback and unix sockets only."""

import ipaddress
import sys
from collections.abc import Callable

_LOCAL_NAMES = frozenset({"localhost", "", "*"})
_GUARDED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})


class NetworkBlocked(Exception):
    """A test tried to reach something beyond this machine."""


def is_local(host: object) -> bool:
    """Whether a host, as the socket functions take it, is this machine."""
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name.lower() in _LOCAL_NAMES or name.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    # The unspecified address is what servers bind; connecting to it stays here, too.
    return address.is_loopback or address.is_unspecified


def block_the_network() -> None:
    """Refuse, from now on and in this whole process, to resolve or reach anything but ourselves."""
    sys.addaudithook(_guard())


def _guard() -> Callable[[str, tuple[object, ...]], None]:
    def guard(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _GUARDED:
            return
        target = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        if isinstance(target, tuple):  # an internet address; unix sockets are strings or bytes
            target = target[0]
        elif event != "socket.getaddrinfo":
            return
        if not is_local(target):
            raise NetworkBlocked(f"tests reach this machine only, not {target!r}")

    return guard
