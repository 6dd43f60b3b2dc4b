"""How often somebody was refused who was not known, or may not: counted since this process began.

The codes are ours, so that there are few of them; nothing of the request is in a figure.
"""

from prometheus_client import CollectorRegistry, Counter

#: What `/metrics` shows beside the figures of the database.
REGISTRY = CollectorRegistry()

_REFUSED = Counter(
    "lephi_access_refused",
    "Requests of nobody known, or of somebody who may not, since this process began",
    ["code"],
    registry=REGISTRY,
)


def count_refused(code: str) -> None:
    """Count one; `code` is that of the problem which was answered."""
    _REFUSED.labels(code).inc()
