"""Receivers of webhooks and what each was told, as frozen values."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import col, func, select

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.webhooks.models import EventMessage, WebhookEndpoint

MessageState = Literal["waiting", "acknowledged", "set_aside"]


@dataclass(frozen=True, slots=True)
class WebhookEndpointValue:
    """A receiver without its secrets; `agency` is its body's code."""

    id: str
    agency_id: str
    agency: str
    url: str
    types: list[str]
    enabled: bool
    last_sequence: int
    failures: int
    #: when it is called again, where something waits
    due_at: datetime
    previous_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookMessageValue:
    """A message and what became of it."""

    id: str
    sequence: int
    type: str
    version: int
    object_id: str
    told_at: datetime
    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    tried_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True, slots=True)
class UnacknowledgedCount:
    """How many messages of a receiver wait, and how many were set aside."""

    waiting: int
    set_aside: int


@dataclass(frozen=True, slots=True)
class _StateCount:
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class _EndpointStateCount:
    endpoint_id: str
    state: str
    count: int


_ENDPOINTS = (
    values_of(WebhookEndpointValue, WebhookEndpoint, agency=col(Agency.code).label("agency"))
    .join(Agency, col(Agency.id) == col(WebhookEndpoint.agency_id))
    .where(col(WebhookEndpoint.removed_at).is_(None))
)


async def get_endpoint(
    session: ReadSession, endpoint_id: str, within: Collection[str] | None
) -> WebhookEndpointValue:
    """A receiver of one of the bodies `within` (None: of any). Raises `NotFound`."""
    wanted = _ENDPOINTS.where(col(WebhookEndpoint.id) == endpoint_id)
    if within is not None:
        wanted = wanted.where(col(WebhookEndpoint.agency_id).in_(within))
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có nơi nhận thông báo này.")
    return found


async def list_endpoints(
    session: ReadSession,
    within: Collection[str] | None,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WebhookEndpointValue]:
    """The receivers of some bodies (None: of all), the oldest first."""
    wanted = _ENDPOINTS.order_by(col(WebhookEndpoint.id)).limit(limit + 1)
    if within is not None:
        wanted = wanted.where(col(WebhookEndpoint.agency_id).in_(within))
    if cursor is not None:
        wanted = wanted.where(col(WebhookEndpoint.id) > cursor)
    return page_of(await session.all(wanted), limit, lambda one: one.id)


async def list_messages(
    session: ReadSession,
    endpoint_id: str,
    *,
    states: Collection[str] | None = None,
    after: int = 0,
    limit: int = 100,
) -> Page[WebhookMessageValue]:
    """The messages of a receiver in their order, numbered above `after`; of some states only."""
    row = EventMessage
    wanted = values_of(WebhookMessageValue, row).where(
        col(row.endpoint_id) == endpoint_id, col(row.sequence) > after
    )
    if states is not None:
        wanted = wanted.where(col(row.state).in_(states))
    found = await session.all(wanted.order_by(col(row.sequence)).limit(limit + 1))
    return page_of(found, limit, lambda one: str(one.sequence))


async def list_newest_messages(
    session: ReadSession,
    endpoint_id: str,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Page[WebhookMessageValue]:
    """The messages of a receiver, the newest first, numbered below `before`; of one state only."""
    row = EventMessage
    wanted = values_of(WebhookMessageValue, row).where(col(row.endpoint_id) == endpoint_id)
    if state is not None:
        wanted = wanted.where(col(row.state) == state)
    if before is not None:
        wanted = wanted.where(col(row.sequence) < before)
    found = await session.all(wanted.order_by(col(row.sequence).desc()).limit(limit + 1))
    return page_of(found, limit, lambda one: str(one.sequence))


async def list_unacknowledged_counts(
    session: ReadSession, endpoint_ids: Collection[str]
) -> dict[str, UnacknowledgedCount]:
    """For each of these receivers how many messages wait, and how many were set aside."""
    row = EventMessage
    counted = values_of(_EndpointStateCount, row, count=func.count()).where(
        col(row.endpoint_id).in_(endpoint_ids), col(row.state) != "acknowledged"
    )
    told = await session.all(counted.group_by(col(row.endpoint_id), col(row.state)))
    found = {(one.endpoint_id, one.state): one.count for one in told}
    return {
        one: UnacknowledgedCount(found.get((one, "waiting"), 0), found.get((one, "set_aside"), 0))
        for one in endpoint_ids
    }


async def count_unacknowledged(session: ReadSession, endpoint_id: str) -> UnacknowledgedCount:
    """How many messages of a receiver wait, and how many were set aside."""
    row = EventMessage
    counted = values_of(_StateCount, row, count=func.count()).where(
        col(row.endpoint_id) == endpoint_id, col(row.state) != "acknowledged"
    )
    found = {one.state: one.count for one in await session.all(counted.group_by(col(row.state)))}
    return UnacknowledgedCount(found.get("waiting", 0), found.get("set_aside", 0))


async def count_endpoints(session: ReadSession, agency_id: str) -> int:
    """How many receivers a body has."""
    row = WebhookEndpoint
    counted = select(func.count()).where(
        col(row.agency_id) == agency_id, col(row.removed_at).is_(None)
    )
    return await session.one(counted)
