"""Rows of the layouts that bodies have saved for files of theirs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import json_field, moment
from core.guards import after_create, append_only


class SavedLayout(SQLModel, table=True):
    """A layout of columns under a name of a body's own, one version of it.

    Files are read by the version that has begun last; a version is never changed.
    """

    __tablename__ = "saved_layout"
    __table_args__ = (
        CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,63}$'", name="name"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("kind IN ('statement', 'settlement')", name="kind"),
        UniqueConstraint("agency_id", "kind", "name", "version"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id")
    name: str
    version: int
    valid_from: date
    #: with the keys of mappings.toml, or of a gateway's layouts.toml
    layout: dict[str, Any] = json_field()
    created_by: str
    created_at: datetime = moment()
    #: of which files it is: a bank's statements, or gateways' settlements
    kind: str = "statement"


after_create(SavedLayout, append_only("saved_layout"))
