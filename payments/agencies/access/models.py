"""Staff and API keys."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from core.db import moment


class StaffUser(SQLModel, table=True):
    """A person who works for an agency."""

    __tablename__ = "staff_user"

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str
    roles: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    created_at: datetime = moment()
    disabled_at: datetime | None = moment(default=None)


class ApiKey(SQLModel, table=True):
    """A key of an agency's system, with its scopes, or of a person (`staff_id` set)."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("kind IN ('system', 'person')", name="kind"),
        CheckConstraint("(kind = 'person') = (staff_id IS NOT NULL)", name="person_has_staff"),
        CheckConstraint("(kind = 'system') = (cardinality(scopes) > 0)", name="system_has_scopes"),
    )

    id: str = Field(primary_key=True)
    agency_id: str = Field(foreign_key="agency.id", index=True)
    kind: str
    staff_id: str | None = Field(default=None, foreign_key="staff_user.id")
    label: str
    hash: str = Field(unique=True)
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None)
    #: what a system's key is for; a person's acts with the person's roles
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    #: since when it is in force; None while it waits for a second person
    confirmed_at: datetime | None = moment(default=None)
