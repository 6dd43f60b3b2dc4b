"""Which rig belongs to which adapter: each module of this folder that names its `RIG`."""

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from adapters.registry import ADAPTERS
from payments.gateway_info import GatewayKind
from tests.support import rigs
from tests.support.rigs.contract import AdapterRig, FeedRig, GatewayRig


def _found() -> dict[str, Callable[[], Any]]:
    made: dict[str, Callable[[], Any]] = {}
    for module in pkgutil.iter_modules(rigs.__path__):
        if module.name == __name__.rpartition(".")[2]:
            continue
        rig: Callable[[], Any] | None = getattr(
            import_module(f"{rigs.__name__}.{module.name}"), "RIG", None
        )
        if rig is not None:
            made[module.name] = rig
    return made


#: adapter → its rig, whatever kind it is
RIGS: Final[Mapping[str, Callable[[], AdapterRig]]] = _found()


def _of_kind(kind: GatewayKind) -> dict[str, Any]:
    return {n: rig for n, rig in RIGS.items() if n in ADAPTERS and ADAPTERS[n].info.kind is kind}


GATEWAY_RIGS: Final[Mapping[str, Callable[[], GatewayRig]]] = _of_kind(GatewayKind.GATEWAY)
BILLER_RIGS: Final[Mapping[str, Callable[[], AdapterRig]]] = _of_kind(GatewayKind.BILLER)
FEED_RIGS: Final[Mapping[str, Callable[[], FeedRig]]] = _of_kind(GatewayKind.FEED)
