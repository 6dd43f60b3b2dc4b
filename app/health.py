"""Health and figures for the operator's instruments."""

import math

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from app.figures import MEANINGS
from core import clock, heartbeats
from core.db import DatabaseDep, DatabaseUnavailable, ReadSessionDep
from core.figures import list_figures
from core.json import dumps
from core.statements import ReadSql
from payments.incoming.rejections import REGISTRY

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


#: Whether the server, or what it was told, lets nothing be written.
_READ_ONLY = ReadSql(
    bool, "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"
)


@router.get("/health/ready")
async def ready(database: DatabaseDep) -> Response:
    """The process can take payments: the database answers and takes writes.

    `degraded` names what else does not work. Payments go on without a worker, so that a balancer
    must not take this process out for it; receipts wait.
    """
    try:
        async with database.transaction() as session:
            read_only = await session.one(_READ_ONLY)
            silent = await heartbeats.is_silent(session)
    except DatabaseUnavailable:
        read_only = silent = True
    if read_only:
        return Response('{"status":"unavailable"}', 503, media_type="application/json")
    told = {"status": "ok"} | ({"degraded": ["worker"]} if silent else {})
    return Response(dumps(told), 200, media_type="application/json")


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
    silence = await heartbeats.find_silence(session)
    age.set(math.inf if silence is None else silence.total_seconds())
    told = generate_latest(registry) + generate_latest(REGISTRY)
    return Response(told, media_type=CONTENT_TYPE_LATEST)
