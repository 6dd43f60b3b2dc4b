"""Rows of what gateways and feeds have told us."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlmodel import Field, SQLModel

from core.db import moment

#: How the event key of a notice begins that could not be read: nobody knows what it tells of.
UNREADABLE = "unreadable:"


class Callback(SQLModel, table=True):
    """An authentic callback: as it came, what its adapter verified, and what became of it."""

    __tablename__ = "callback"
    __table_args__ = (
        CheckConstraint("state IN ('received', 'applied', 'set_aside')", name="state"),
        UniqueConstraint("gateway_account_id", "event_key"),
        Index("ix_callback_due", "due_at", postgresql_where=text("state = 'received'")),
        Index(
            "ix_callback_set_aside",
            "received_at",
            "id",
            postgresql_where=text("state = 'set_aside'"),
        ),
    )

    id: str = Field(primary_key=True)
    gateway_account_id: str = Field(foreign_key="gateway_account.id")
    #: what happened to which money: the same event twice has the same key
    event_key: str
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    state: str
    result: str | None = None
    attempts: int = 0
    received_at: datetime = moment()
    applied_at: datetime | None = moment(default=None)
    #: the verified value (encrypted JSON, see `notice_json`); none in rows of older versions
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    #: when the worker tries to apply it, unless the request that brought it has
    due_at: datetime = moment(sa_column_kwargs={"server_default": func.now()})
    last_error: str | None = None
