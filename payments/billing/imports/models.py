"""Rows of files of stalls: how far each is, and what of it is still to be taken.

The rows themselves hold names and telephones: they are sealed in `stall_batch`, and go when they
are taken.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from core.db import json_field, moment

#: What a file has added before its first batch.
NOTHING_ADDED: Final[Mapping[str, Any]] = {
    "stalls": 0,
    "vendors": 0,
    "contracts": 0,
    "known": 0,
    "mended_phones": 0,
    "mended_rows": [],
}
#: Of how many vendors the rows are told whose phone was mended.
MOST_ROWS_TOLD: Final = 200


class StallImport(SQLModel, table=True):
    """A file of stalls: `loading` while rows of it are to be taken, `done`, or `stopped`.

    One is `stopped` where somebody else has written meanwhile what contradicts a row: what its
    batches took before stays, and the file goes on from there once it is mended.
    """

    __tablename__ = "stall_import"
    __table_args__ = (
        CheckConstraint("state IN ('loading', 'done', 'stopped')", name="state"),
        CheckConstraint("(state = 'loading') = (finished_at IS NULL)", name="finished"),
        CheckConstraint("row_count BETWEEN 1 AND 100000", name="row_count"),
        CheckConstraint("rows_done BETWEEN 0 AND row_count", name="rows_done"),
        CheckConstraint("state <> 'done' OR rows_done = row_count", name="all_done"),
        Index("ix_stall_import_market_id", "market_id", "id"),
        Index(
            "uq_stall_import_loading",
            "market_id",
            unique=True,
            postgresql_where=text("state = 'loading'"),
        ),
    )

    id: str = Field(primary_key=True)
    market_id: str = Field(foreign_key="market.id")
    file_name: str
    sha256: str
    row_count: int
    #: rows that were there already or have been taken
    rows_done: int
    state: str
    #: how many stalls, vendors and contracts it added, how many rows were there already, of how
    #: many vendors the phone got back its leading 0, and in which rows; files of before lack these
    added: dict[str, Any] = json_field()
    #: why it was stopped: fields, codes and details, as the API tells faults
    faults: list[dict[str, str]] = json_field()
    created_by: str
    created_at: datetime = moment()
    finished_at: datetime | None = moment(default=None)


class StallBatch(SQLModel, table=True):
    """Rows of some stalls that are not taken yet, sealed; they go in the transaction that takes."""

    __tablename__ = "stall_batch"

    import_id: str = Field(primary_key=True, foreign_key="stall_import.id")
    number: int = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
