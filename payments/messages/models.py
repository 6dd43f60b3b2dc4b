"""Channels that bodies send messages through, and each message: to whom, and what became of it.

No personal data stands here: a message names whose data it is for (`subject_id`), and number, name
and text are put together when it is sent.
"""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, Integer, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.db import json_field, moment

_KINDS = "('sms', 'zns', 'email')"


class MessageChannel(SQLModel, table=True):
    """A body's account at a provider of messages; one of a kind stands at a time."""

    __tablename__ = "message_channel"
    __table_args__ = (
        CheckConstraint(f"kind IN {_KINDS}", name="kind"),
        Index(
            "uq_message_channel_standing",
            "agency_id",
            "kind",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "ix_message_channel_renewal",
            "renewal_due_at",
            postgresql_where=text("renewal_due_at IS NOT NULL AND removed_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    kind: str
    #: the name that recipients see: a brand name, an official account, an address
    sender: str
    #: whether texts keep their marks; an SMS without takes fewer parts
    accents: bool
    #: address and credentials of the provider's own names, as JSON, encrypted
    access: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    removed_at: datetime | None = moment(default=None)
    #: when its tokens are asked for anew; None: never by itself
    renewal_due_at: datetime | None = moment(default=None)
    #: which asking this is; whoever has an older one writes nothing
    renewal_turn: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    #: how often in a row there were none, and why; without a secret
    renewal_failures: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    renewal_fault: str | None = None
    #: when its token ends; None where that is not known
    token_until: datetime | None = moment(default=None)


class PayerMessage(SQLModel, table=True):
    """Something that somebody is to be told, once; `once` is unique over all of them.

    `waiting` to be sent, `sending` at this moment, `unknown` whether the provider has it, `sent`,
    `dropped` since it was not true any more, or `set_aside` for people.
    """

    __tablename__ = "payer_message"
    __table_args__ = (
        UniqueConstraint("once"),
        CheckConstraint("kind IN ('reminder', 'receipt')", name="kind"),
        CheckConstraint(f"channel IN {_KINDS}", name="channel"),
        CheckConstraint("language IN ('vi', 'en')", name="language"),
        CheckConstraint(
            "state IN ('waiting', 'sending', 'unknown', 'sent', 'dropped', 'set_aside')",
            name="state",
        ),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("delivery IN ('delivered', 'failed')", name="delivery"),
        CheckConstraint("(delivery IS NULL) = (reported_at IS NULL)", name="reported"),
        Index(
            "ix_payer_message_provider_ref",
            "provider_ref",
            postgresql_where=text("provider_ref IS NOT NULL"),
        ),
        Index(
            "ix_payer_message_due",
            "due_at",
            postgresql_where=text("state IN ('waiting', 'sending', 'unknown')"),
        ),
        Index("ix_payer_message_agency_id", "agency_id", "id"),
        # What the operator's figures count; most messages were sent and are in none of these.
        Index(
            "ix_payer_message_open",
            "state",
            postgresql_where=text("state IN ('waiting', 'sending', 'unknown', 'set_aside')"),
        ),
    )

    #: what the provider knows it by: the same at every try
    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    kind: str
    once: str
    #: what it tells of: a vendor's period, a receipt
    object_id: str
    #: whose personal data says where it goes
    subject_id: str
    channel: str
    language: str = "vi"
    #: what the text is put together from; no personal data
    facts: dict[str, str] = json_field()
    state: str = "waiting"
    #: when it is looked at again: to be sent, or since whoever was sending it has gone; None: never
    due_at: datetime | None = moment(default=None)
    #: from when its day is counted
    waits_since: datetime = moment()
    #: which taking up this is; whoever has an older one marks nothing
    turn: int = 0
    attempts: int = 0
    #: how many parts its SMS had, None for other channels
    parts: int | None = None
    #: the provider's own name of it
    provider_ref: str | None = None
    #: why it is not sent, without the recipient
    last_error: str | None = None
    created_at: datetime = moment()
    tried_at: datetime | None = moment(default=None)
    sent_at: datetime | None = moment(default=None)
    #: whether it reached the recipient, as its provider told, and when that was told
    delivery: str | None = None
    reported_at: datetime | None = moment(default=None)
