"""Messages as frozen values: what was to be told to whom, and what became of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import col

from core.cursors import Page, page_of
from core.errors import NotFound
from core.sessions import ReadSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.messages.models import PayerMessage

PayerMessageState = Literal["waiting", "sending", "unknown", "sent", "dropped", "set_aside"]


@dataclass(frozen=True, slots=True)
class PayerMessageValue:
    """A message without recipient and text; `agency` is its body's code.

    `object_id` is what it tells of, `subject_id` whose personal data says where it goes; `parts` is
    how many parts its SMS had, `delivery` whether it arrived where its provider told.
    """

    id: str
    agency: str
    kind: str
    object_id: str
    subject_id: str
    channel: str
    language: str
    state: str
    attempts: int
    parts: int | None
    last_error: str | None
    due_at: datetime | None
    created_at: datetime
    tried_at: datetime | None
    sent_at: datetime | None
    delivery: str | None
    reported_at: datetime | None


_MESSAGES = values_of(PayerMessageValue, PayerMessage, agency=col(Agency.code)).join(
    Agency, col(Agency.id) == col(PayerMessage.agency_id)
)


async def get_message(
    session: ReadSession, message_id: str, within: Collection[str] | None
) -> PayerMessageValue:
    """A message of one of the bodies `within` (None: of any). Raises `NotFound`."""
    wanted = _MESSAGES.where(col(PayerMessage.id) == message_id)
    if within is not None:
        wanted = wanted.where(col(PayerMessage.agency_id).in_(within))
    found = await session.first(wanted)
    if found is None:
        raise NotFound("Không có tin nhắn này.")
    return found


async def list_messages(
    session: ReadSession,
    within: Collection[str] | None,
    *,
    state: PayerMessageState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[PayerMessageValue]:
    """The messages of some bodies (None: of all), the newest first; of one state only."""
    row = PayerMessage
    wanted = _MESSAGES.order_by(col(row.id).desc()).limit(limit + 1)
    if within is not None:
        wanted = wanted.where(col(row.agency_id).in_(within))
    if state is not None:
        wanted = wanted.where(col(row.state) == state)
    if cursor is not None:
        wanted = wanted.where(col(row.id) < cursor)
    return page_of(await session.all(wanted), limit, lambda one: one.id)
