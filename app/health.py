"""Health and figures for the operator's instruments."""

import math

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Boolean, cast, func, or_
from sqlmodel import select

from app import children
from app.disk import LEAST_FREE, free_bytes
from app.figures import MEANINGS
from app.parts import Parts
from core import clock, clocks, heartbeats, refusals
from core.db import DatabaseDep, DatabaseUnavailable, ReadSessionDep
from core.deadlines import allow
from core.figures import list_figures
from core.json import dumps
from payments.incoming import rejections

#: Whoever asks whether we are ready asks again soon.
_READY_SECONDS = 1.5

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


#: Whether the server, or what it was told, lets nothing be written.
_READ_ONLY = select(
    or_(
        func.pg_is_in_recovery(),
        cast(func.current_setting("transaction_read_only"), Boolean),
    )
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


@router.get("/metrics")
async def metrics(session: ReadSessionDep) -> Response:
    """Figures as the worker counted them last, and of this process, in Prometheus' text format."""
    registry = CollectorRegistry()
    gauges = {
        name: Gauge(name, meaning, ["kind"], registry=registry)
        for name, meaning in MEANINGS.items()
    }
    counted_at = None
    for figure in await list_figures(session):
        counted_at = figure.counted_at
        if figure.name in gauges:
            gauges[figure.name].labels(figure.kind).set(float(figure.value))
    old = Gauge(
        "lephi_figures_age_seconds",
        "Seconds since the figures of the database were counted; +Inf if they never were",
        registry=registry,
    )
    old.set(math.inf if counted_at is None else (clock.now() - counted_at).total_seconds())
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
