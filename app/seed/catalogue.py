"""Puts the procedures of `procedures.toml` into the database, as often as one likes.

Seeding again changes only what the file says differently. Rows that are not in the file stay: they
belong to whoever put them there.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import col, select, text

from core import clock
from core.db import AsyncSession
from core.ids import new_id
from payments.catalogue import models
from payments.catalogue.schedule import Certainty
from payments.catalogue.search import search_text
from payments.fees import rule_from


@dataclass(frozen=True, slots=True)
class Counts:
    """What seeding did, in rows of both tables."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
        )


class SeedFee(BaseModel):
    """A fee of the file; `schedule` names the local schedule it belongs to, None is national."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schedule: str | None = None
    code: str
    name_vi: str
    name_en: str
    unit_vi: str
    unit_en: str
    kind: str
    rule: dict[str, Any]
    sub_item: str = Field(pattern=r"^\d{4}$")
    basis: str = Field(min_length=1)
    source: str = Field(min_length=1)
    certainty: Certainty
    checked_on: date
    valid_from: date
    valid_to: date | None = None

    def columns(self) -> dict[str, Any]:
        """The columns that do not name the row. Raises `Invalid` for a faulty rule."""
        columns = self.model_dump(exclude={"schedule", "code", "valid_from", "rule"})
        return columns | {"rule": rule_from(self.kind, self.rule).to_data()}


class SeedProcedure(BaseModel):
    """A procedure of the file with its fees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name_vi: str
    name_en: str
    field: str
    code_certainty: Certainty
    fee: tuple[SeedFee, ...]

    def columns(self) -> dict[str, Any]:
        """The columns that do not name the row."""
        found = search_text(self.code, self.name_vi, self.name_en, self.field)
        return self.model_dump(exclude={"code", "fee"}) | {"search_text": found}


def read_procedures() -> tuple[SeedProcedure, ...]:
    """The procedures of the file. Raises pydantic's ValidationError for a faulty one."""
    document = tomllib.loads(files("app.seed").joinpath("procedures.toml").read_text("utf-8"))
    return tuple(SeedProcedure.model_validate(entry) for entry in document["procedure"])


async def seed_catalogue(
    session: AsyncSession,
    *,
    local: Mapping[str, str] | None = None,
    procedures: Sequence[SeedProcedure] | None = None,
) -> Counts:
    """Add the file's procedures and fees, or bring them up to date; the caller commits.

    `local` says which agency collects by which local schedule ({"ha-noi": agency_id}); fees of
    other local schedules are left out. A procedure is known by its code, a fee by its owner, code
    and `valid_from`.
    """
    # Two seedings at once would both find a row missing; the lock ends with the transaction.
    await session.scalar(text("SELECT pg_advisory_xact_lock(hashtext('seed_catalogue'))"))
    wanted = read_procedures() if procedures is None else procedures
    counts, ids = await _seed_procedures(session, wanted)
    return counts + await _seed_fees(session, wanted, ids, local or {})


async def _seed_procedures(
    session: AsyncSession, wanted: Sequence[SeedProcedure]
) -> tuple[Counts, dict[str, str]]:
    codes = [procedure.code for procedure in wanted]
    rows = await session.exec(select(models.Procedure).where(col(models.Procedure.code).in_(codes)))
    known = {row.code: row for row in rows}
    counts = Counts()
    for procedure in wanted:
        row = known.get(procedure.code)
        if row is not None:
            counts += _bring_up_to_date(row, procedure.columns())
            continue
        now = clock.now()
        row = models.Procedure(
            id=new_id("proc"),
            code=procedure.code,
            created_at=now,
            updated_at=now,
            **procedure.columns(),
        )
        session.add(row)
        known[procedure.code] = row
        counts += Counts(added=1)
    await session.flush()
    return counts, {code: row.id for code, row in known.items()}


async def _seed_fees(
    session: AsyncSession,
    wanted: Sequence[SeedProcedure],
    procedure_ids: Mapping[str, str],
    local: Mapping[str, str],
) -> Counts:
    in_use = select(models.Fee).where(
        col(models.Fee.procedure_id).in_(list(procedure_ids.values()))
    )
    known = {(row.agency_id, row.code, row.valid_from): row for row in await session.exec(in_use)}
    counts = Counts()
    missing: list[models.Fee] = []
    for procedure in wanted:
        for fee in procedure.fee:
            if fee.schedule is not None and fee.schedule not in local:
                continue
            owner = None if fee.schedule is None else local[fee.schedule]
            row = known.get((owner, fee.code, fee.valid_from))
            if row is not None:
                counts += _bring_up_to_date(row, fee.columns())
                continue
            now = clock.now()
            missing.append(
                models.Fee(
                    id=new_id("fee"),
                    code=fee.code,
                    procedure_id=procedure_ids[procedure.code],
                    agency_id=owner,
                    valid_from=fee.valid_from,
                    created_at=now,
                    updated_at=now,
                    **fee.columns(),
                )
            )
    # A fee that ends makes room for the one that follows it: first the ends, then the new rows.
    await session.flush()
    session.add_all(missing)
    await session.flush()
    return counts + Counts(added=len(missing))


def _bring_up_to_date(row: models.Procedure | models.Fee, columns: Mapping[str, Any]) -> Counts:
    differing = {name: value for name, value in columns.items() if getattr(row, name) != value}
    if not differing:
        return Counts(unchanged=1)
    for name, value in differing.items():
        setattr(row, name, value)
    row.updated_at = clock.now()
    return Counts(changed=1)
