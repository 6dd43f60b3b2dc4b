"""Health and figures for the operator's instruments."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text

from core.db import DatabaseDep, DatabaseUnavailable, SessionDep

router = APIRouter(include_in_schema=False)


@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/health/ready")
async def ready(database: DatabaseDep) -> Response:
    """The process can take payments: the database answers and takes writes."""
    try:
        async with database.transaction() as session:
            read_only = await session.scalar(
                text("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
            )
    except DatabaseUnavailable:
        read_only = True
    if read_only:
        return Response('{"status":"unavailable"}', 503, media_type="application/json")
    return Response('{"status":"ok"}', 200, media_type="application/json")


_COUNTS = {
    "lephi_bills": ("Bills by status", "SELECT status, count(*) FROM bill GROUP BY 1"),
    "lephi_payments": ("Payments by status", "SELECT status, count(*) FROM payment GROUP BY 1"),
    "lephi_outbox_deliveries": (
        "Deliveries that are waiting or set aside",
        "SELECT state, count(*) FROM outbox_delivery WHERE state <> 'done' GROUP BY 1",
    ),
    "lephi_callbacks": ("Callbacks by state", "SELECT state, count(*) FROM callback GROUP BY 1"),
    "lephi_suspense_dong": (
        "Open money in suspense or refundable, in đồng",
        "SELECT place, sum(amount) FROM suspense_item WHERE closed_at IS NULL GROUP BY 1",
    ),
    "lephi_alerts": (
        "Audit entries that call for a person",
        # Entries are never changed: those of before migration 0003 bear the word of then.
        "SELECT CASE action WHEN 'payment.discord' THEN 'payment.conflicting_notice'"
        " ELSE action END, count(*) FROM audit_entry WHERE action IN ('payment.discord',"
        " 'payment.conflicting_notice', 'payment.held', 'callback.unknown_order') GROUP BY 1",
    ),
}


@router.get("/metrics")
async def metrics(session: SessionDep) -> Response:
    """Figures from the database, in the Prometheus text format."""
    registry = CollectorRegistry()
    for name, (meaning, query) in _COUNTS.items():
        gauge = Gauge(name, meaning, ["kind"], registry=registry)
        for kind, value in (await session.execute(text(query))).all():
            gauge.labels(kind).set(float(value))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
