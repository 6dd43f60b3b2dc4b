"""Places that are told what happens, and what each was told, is being told, or was not."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import moment


class WebhookEndpoint(SQLModel, table=True):
    """A receiver of a body's events: its address, its secrets, and how it stands."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (CheckConstraint("last_sequence >= 0", name="last_sequence"),)

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    url: str
    #: what it is told of; empty for everything
    types: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    #: encrypted, as is the one before while both sign
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_secret: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, nullable=True)
    )
    previous_until: datetime | None = moment(default=None)
    #: switched off, messages are numbered and wait
    enabled: bool = True
    #: the number of its newest message; each has the next
    last_sequence: int = Field(default=0, sa_type=BigInteger)
    #: how often in a row it has not taken what it was sent
    failures: int = 0
    #: a message was set aside just now: the next one shows whether the receiver lives
    probing: bool = False
    due_at: datetime = moment()
    leased_until: datetime | None = moment(default=None)
    #: which lease this is; whoever has an older one marks nothing
    turn: int = 0
    created_at: datetime = moment()
    removed_at: datetime | None = moment(default=None)


class EventMessage(SQLModel, table=True):
    """One event as one receiver is told of it: its number there, and what became of it."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "sequence"),
        CheckConstraint("state IN ('waiting', 'acknowledged', 'set_aside')", name="state"),
        Index(
            "ix_webhook_message_unacknowledged",
            "endpoint_id",
            "state",
            "sequence",
            postgresql_where=text("state <> 'acknowledged'"),
        ),
    )

    #: the `webhook-id`: the same at every try
    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoint.id")
    sequence: int = Field(sa_type=BigInteger)
    type: str
    version: int
    #: what it happened to
    object_id: str
    told_at: datetime = moment()
    state: str = "waiting"
    attempts: int = 0
    #: what the receiver answered last, None where it did not
    last_status: int | None = None
    last_error: str | None = None
    #: from when its three days are counted
    waits_since: datetime = moment()
    tried_at: datetime | None = moment(default=None)
    acknowledged_at: datetime | None = moment(default=None)
