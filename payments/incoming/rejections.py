"""How many callbacks were refused, by gateway and reason: counted in this process since it began.

Nothing of a refused callback is written down, so the database cannot count them. Both labels have
few values: an address that names no gateway of ours is `unknown`, whatever it names.
"""

from prometheus_client import CollectorRegistry, Counter

from payments.ports import CallbackFault

#: What `/metrics` shows beside the figures of the database.
REGISTRY = CollectorRegistry()

_REJECTED = Counter(
    "lephi_callbacks_rejected",
    "Callbacks that were refused or set aside unread, since this process began",
    ["gateway", "reason"],
    registry=REGISTRY,
)

UNKNOWN = "unknown"


def count_rejected(gateway: str | None, fault: CallbackFault) -> None:
    """Count one; `gateway` is a name that an adapter bears, None for any other."""
    _REJECTED.labels(UNKNOWN if gateway is None else gateway, fault.value).inc()
