"""Which rig belongs to which registered adapter."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.support.rigs.contract import FeedRig, GatewayRig
from tests.support.rigs.paygov import PayGovRig
from tests.support.rigs.sepay import SePayRig

GATEWAY_RIGS: Final[Mapping[str, Callable[[], GatewayRig]]] = {"paygov": PayGovRig}
FEED_RIGS: Final[Mapping[str, Callable[[], FeedRig]]] = {"sepay": SePayRig}
