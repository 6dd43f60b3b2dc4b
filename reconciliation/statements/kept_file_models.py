"""Rows of files that somebody looks at before they are taken in."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from core.db import moment


class HeldFile(SQLModel, table=True):
    """A file that was sent to be looked at: kept for an hour, encrypted, for who sent it alone."""

    __tablename__ = "kept_file"
    __table_args__ = (
        CheckConstraint("num_nonnulls(account, gateway, debts) = 1", name="one_place"),
        Index("ix_kept_file_created_at", "created_at"),
    )

    id: str = Field(primary_key=True)
    staff_id: str = Field(foreign_key="staff_user.id")
    #: whose statement it is said to be: the code of a collection account
    account: str | None = None
    #: or whose settlement: `gateway/account`, as its callbacks name it
    gateway: str | None = None
    file_name: str
    size: int
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
    #: or which list of debts it is said to be: `kind/agency/list`
    debts: str | None = None
