"""Health and figures for the operator's instruments."""

import math
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import SQLColumnExpression, func
from sqlmodel import col

from app import children
from app.disk import LEAST_FREE, free_bytes
from app.parts import Parts
from core import clocks, heartbeats, refusals
from core.audit import AuditEntry
from core.db import DatabaseDep, DatabaseUnavailable, ReadSessionDep
from core.deadlines import allow
from core.json import dumps
from core.outbox import OutboxDelivery
from core.statements import ReadSql, ValueSelect, values_of
from payments.bills.models import Bill, Payment
from payments.books.models import SuspenseItem
from payments.books.suspense import is_waiting
from payments.incoming import rejections
from payments.incoming.models import Callback

#: Whoever asks whether we are ready asks again soon.
_READY_SECONDS = 1.5

router = APIRouter(include_in_schema=False)

_CONFLICTING = "payment.conflicting_notice"


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


#: Whether the server, or what it was told, lets nothing be written.
_READ_ONLY = ReadSql(
    bool, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
)


@router.get("/health/ready")
async def ready(request: Request, database: DatabaseDep) -> Response:
    """The process can take payments: the database answers and takes writes, and has room for them.

    503 names in `failed` what is not so. `degraded` names what else does not work. Payments go on
    without a worker, so that a balancer must not take this process out for it; receipts wait. They
    wait for clocks that disagree too.
    """
    allow(_READY_SECONDS)
    try:
        async with database.transaction() as session:
            read_only = await session.one(_READ_ONLY)
            degraded = {
                "worker": await heartbeats.is_silent(session),
                "clock": await clocks.find_disagreement(session) is not None,
            }
    except DatabaseUnavailable:
        read_only, degraded = True, {}
    failed = [*(["database"] if read_only else []), *(["storage"] if database.is_full() else [])]
    if failed:
        told = dumps({"status": "unavailable", "failed": failed})
        return Response(told, 503, {"Retry-After": "5"}, "application/json")
    parts: Parts = request.app.state.parts
    degraded["children"] = parts.children.is_failing()
    degraded["disk"] = free_bytes(parts.settings.data_dir) < LEAST_FREE
    lacking = [name for name, is_so in degraded.items() if is_so]
    answer = {"status": "ok"} | ({"degraded": lacking} if lacking else {})
    return Response(dumps(answer), 200, media_type="application/json")


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of one kind: how many, or how many đồng."""

    kind: str
    value: int


_COUNT = func.count()


def _by(
    column: SQLColumnExpression[str], value: SQLColumnExpression[int] = _COUNT
) -> ValueSelect[_Figure]:
    """How many rows there are of each kind, or another figure of them."""
    return values_of(_Figure, kind=column, value=value).group_by(column)


_FIGURES: dict[str, tuple[str, ValueSelect[_Figure]]] = {
    "lephi_bills": ("Bills by status", _by(col(Bill.status))),
    "lephi_payments": ("Payments by status", _by(col(Payment.status))),
    "lephi_outbox_deliveries": (
        "Deliveries that are waiting or set aside",
        _by(col(OutboxDelivery.state)).where(OutboxDelivery.state != "done"),
    ),
    "lephi_callbacks": ("Callbacks by state", _by(col(Callback.state))),
    "lephi_suspense_dong": (
        "Open money in suspense or refundable, in đồng",
        _by(col(SuspenseItem.place), func.sum(SuspenseItem.amount)).where(
            col(SuspenseItem.closed_at).is_(None), is_waiting()
        ),
    ),
    "lephi_alerts": (
        "Audit entries that call for a person",
        # Entries are never changed: those of before migration 0003 bear the word of then.
        _by(func.replace(AuditEntry.action, "payment.discord", _CONFLICTING)).where(
            col(AuditEntry.action).in_(
                (
                    "payment.discord",
                    _CONFLICTING,
                    "payment.possible_duplicate",
                    "payment.dated_ahead",
                    "payment.returned_by_bank",
                    "payment.held",
                    "callback.unknown_order",
                )
            )
        ),
    ),
}


@router.get("/metrics")
async def metrics(session: ReadSessionDep) -> Response:
    """Figures from the database and of this process, in the Prometheus text format."""
    registry = CollectorRegistry()
    for name, (meaning, figures) in _FIGURES.items():
        gauge = Gauge(name, meaning, ["kind"], registry=registry)
        for figure in await session.all(figures):
            gauge.labels(figure.kind).set(float(figure.value))
    working = Gauge("lephi_workers", "Workers with a sign of life", registry=registry)
    working.set(await heartbeats.count_beating(session))
    age = Gauge(
        "lephi_worker_silence_seconds",
        "Seconds since the newest sign of life of any worker; +Inf if there was none",
        registry=registry,
    )
    apart = Gauge(
        "lephi_clock_drift_seconds",
        "Seconds that the database's clock is ahead of the machine's",
        registry=registry,
    )
    apart.set((await clocks.measure_drift(session)).total_seconds())
    jumped = Gauge(
        "lephi_clock_jump_seconds",
        "Seconds that the machine's clock was put forward since this process began",
        registry=registry,
    )
    jumped.set(round(clocks.measure_jump().total_seconds(), 3))
    silence = await heartbeats.find_silence(session)
    age.set(math.inf if silence is None else silence.total_seconds())
    ours = (rejections.REGISTRY, refusals.REGISTRY, children.REGISTRY)
    counted = (generate_latest(one) for one in (registry, *ours))
    return Response(b"".join(counted), media_type=CONTENT_TYPE_LATEST)
