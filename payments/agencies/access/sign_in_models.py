"""How people are signed in: sessions, second factors, codes for when one is lost, sign-ons."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import moment


class StaffSession(SQLModel, table=True):
    """Somebody who is signed in, in one browser; of its token only a hash is known.

    `proved_at` is when the second factor was given: before that it opens nothing but that.
    """

    __tablename__ = "staff_session"
    __table_args__ = (
        CheckConstraint("created_at <= seen_at AND created_at < ends_at", name="in_order"),
    )

    id: str = Field(primary_key=True)
    staff_id: str = Field(foreign_key="staff_user.id", index=True)
    token_hash: str = Field(unique=True)
    created_at: datetime = moment()
    seen_at: datetime = moment()
    ends_at: datetime = moment(index=True)
    proved_at: datetime | None = moment(default=None)
    ended_at: datetime | None = moment(default=None)
    #: where it came from and what with, for its owner to know it by
    network: str
    browser: str


class StaffFactor(SQLModel, table=True):
    """A person's second factor, its secret sealed; it counts from `confirmed_at` on.

    `last_step` is the step of the last code that was taken: a code opens once.
    """

    __tablename__ = "staff_factor"

    staff_id: str = Field(primary_key=True, foreign_key="staff_user.id")
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    confirmed_at: datetime | None = moment(default=None)
    last_step: int = 0


class RecoveryCode(SQLModel, table=True):
    """A code that stands once for the second factor; of its 80 random bits a hash is known."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("staff_id", "hash"),)

    id: str = Field(primary_key=True)
    staff_id: str = Field(foreign_key="staff_user.id")
    hash: str
    created_at: datetime = moment()
    used_at: datetime | None = moment(default=None)


class SignOn(SQLModel, table=True):
    """An OpenID Connect provider of a body, by which its people and its units' sign in."""

    __tablename__ = "sign_on"

    agency_id: str = Field(primary_key=True, foreign_key="agency.id")
    issuer: str
    client_id: str
    secret: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
