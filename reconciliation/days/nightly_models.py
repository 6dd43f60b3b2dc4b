"""Rows of the nightly schedule: when days are reconciled by themselves, and which have been."""

from datetime import date, datetime, time

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from core.db import moment
from core.guards import after_create, append_only


class NightlySchedule(SQLModel, table=True):
    """At which time of a working day (Vietnam) the days of accounts are reconciled, from a day on.

    It is for one account, or for all of a body and its units that have none of their own. The last
    one that has begun holds; one without a time ends it. A row is never changed.
    """

    __tablename__ = "nightly_schedule"
    __table_args__ = (
        Index(
            "uq_nightly_schedule_account",
            "collection_account_id",
            "valid_from",
            unique=True,
            postgresql_where=text("collection_account_id IS NOT NULL"),
        ),
        Index(
            "uq_nightly_schedule_agency",
            "agency_id",
            "valid_from",
            unique=True,
            postgresql_where=text("collection_account_id IS NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    collection_account_id: str | None = Field(default=None, foreign_key="collection_account.id")
    valid_from: date
    #: None where nothing is done by itself any more
    at: time | None = None
    created_by: str
    created_at: datetime = moment()


class NightlyRun(SQLModel, table=True):
    """One business day of one account that the schedule reconciles, and how far that is.

    It is `done` in the transaction that stores its run; `running` is somebody's for as long as
    they leave signs of life; what failed is `waiting` for its next try.
    """

    __tablename__ = "nightly_run"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'waiting', 'done')", name="state"),
        CheckConstraint("reconciliation_id IS NULL OR state = 'done'", name="run_is_done"),
        Index("ix_nightly_run_open", "state", postgresql_where=text("state <> 'done'")),
    )

    collection_account_id: str = Field(primary_key=True, foreign_key="collection_account.id")
    business_on: date = Field(primary_key=True)
    due_at: datetime = moment()
    state: str
    #: whose it is while it is running: a name of its own for each try
    claimed_by: str
    beat_at: datetime = moment()
    tries: int = 1
    next_try_at: datetime = moment()
    #: why the last try failed: a code or the name of an error, nothing of anybody
    error: str | None = None
    #: None of a day that was closed before its night came
    reconciliation_id: str | None = Field(default=None, foreign_key="reconciliation.id")
    done_at: datetime | None = moment(default=None)


after_create(NightlySchedule, append_only("nightly_schedule"))
