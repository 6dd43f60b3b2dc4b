"""Figures for the operator's instruments: counted by the worker now and then, read by each scrape.

Counting a million bills takes a second; a scrape that did it would let anybody who may scrape keep
the database busy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col

from core import clock
from core.db import moment
from core.sessions import ReadSession, WriteSession
from core.statements import values_of


class Figure(SQLModel, table=True):
    """A figure of one kind, as it was counted last."""

    __tablename__ = "figure"

    name: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    value: int = Field(sa_column=Column(BigInteger, nullable=False))
    counted_at: datetime = moment()


@dataclass(frozen=True, slots=True)
class FigureValue:
    """A figure of one kind: how many, or how many đồng, and when it was counted."""

    name: str
    kind: str
    value: int
    counted_at: datetime


async def keep_figures(
    session: WriteSession, counted: Mapping[str, Iterable[tuple[str, int]]]
) -> None:
    """Put what was counted, by name as kinds with their values, in the place of what was there."""
    now = clock.now()
    await session.write(delete(Figure))
    rows = [
        {"name": name, "kind": kind, "value": value, "counted_at": now}
        for name, kinds in counted.items()
        for kind, value in kinds
    ]
    if rows:
        # Another worker may have counted at the same time: whoever is last has counted, too.
        new = insert(Figure)
        values = {"value": new.excluded.value, "counted_at": new.excluded.counted_at}
        keys = [col(Figure.name), col(Figure.kind)]
        await session.write_each(new.on_conflict_do_update(index_elements=keys, set_=values), rows)


async def list_figures(session: ReadSession) -> list[FigureValue]:
    """Every figure, as it was counted last."""
    return await session.all(values_of(FigureValue, Figure))
