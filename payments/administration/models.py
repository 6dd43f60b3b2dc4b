"""Secrets that wait for a second person."""

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from core.db import moment


class ProposedSecret(SQLModel, table=True):
    """The secret of something that was asked for, sealed; it goes when that is decided."""

    __tablename__ = "proposed_secret"

    #: what the approval is about
    object_id: str = Field(primary_key=True)
    #: JSON of names and values, encrypted
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = moment()
