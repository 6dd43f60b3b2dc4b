"""How far the books have been checked: where the next look at what is new begins.

A checkpoint is marked with the key that seals the chain, so that nobody can say for us that we
have looked.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, LargeBinary, insert
from sqlmodel import Field, SQLModel, col

from core import clock
from core.audit import LinkValue, Sealer
from core.db import moment
from core.sessions import ReadSession, WriteSession
from core.statements import values_of


class Checkpoint(SQLModel, table=True):
    """A check of the books that found nothing: everything up to a link of the chain holds."""

    __tablename__ = "checkpoint"

    id: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True)
    )
    at: datetime = moment()
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    seal: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    #: whether everything was looked at, and not only what was new
    whole: bool


async def find_checkpoint(session: ReadSession, sealer: Sealer) -> LinkValue | None:
    """The link up to which the books were found to hold; None if we never said so of any."""
    wanted = values_of(LinkValue, Checkpoint).order_by(col(Checkpoint.id).desc()).limit(1)
    last = await session.first(wanted)
    if last is None or last.seal is None or last.seal != sealer.mark(last.seq, last.hash):
        return None
    return last


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When the books were last found to hold, and whether everything was looked at."""

    at: datetime
    whole: bool


async def find_last_check(session: ReadSession) -> LastCheck | None:
    """The last check that found nothing, None if there was none."""
    return await session.first(
        values_of(LastCheck, Checkpoint).order_by(col(Checkpoint.id).desc()).limit(1)
    )


async def set_checkpoint(
    session: WriteSession, sealer: Sealer, link: LinkValue, *, whole: bool
) -> None:
    """Note that everything up to a link was looked at and holds."""
    row = {
        "at": clock.now(),
        "seq": link.seq,
        "hash": link.hash,
        "seal": sealer.mark(link.seq, link.hash),
        "whole": whole,
    }
    await session.write(insert(Checkpoint), row)
