"""Puts the catalogue's files into the database, as often as one likes.

Seeding again changes only what the files say differently.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from core.sessions import WriteSession
from payments.catalogue.upkeep.entries import (
    Entry,
    FeeEntry,
    LegalReferenceEntry,
    ProcedureEntry,
    ReliefEntry,
    SubItemEntry,
)
from payments.catalogue.upkeep.proposals.rows import decided_by_people
from payments.catalogue.upkeep.writing import Counts, lock_catalogue, write_entries


@dataclass(frozen=True, slots=True)
class Seed:
    """What the files hold: national entries, and those of each local schedule by its name."""

    national: tuple[Entry, ...]
    local: Mapping[str, tuple[Entry, ...]]


def read_seed() -> Seed:
    """The seed's files. Raises pydantic's ValidationError or `Invalid` for a faulty one."""
    national: list[Entry] = []
    local: dict[str, list[Entry]] = {}
    for entry, schedule in _entries():
        (national if schedule is None else local.setdefault(schedule, [])).append(entry)
    return Seed(tuple(national), {name: tuple(entries) for name, entries in local.items()})


def local_fees() -> frozenset[str]:
    """The codes of fees that only local schedules have: each province sets them for itself.

    National reliefs name some of them, whether a body of such a province is here or not.
    """
    seed = read_seed()
    of_nation = {one.code for one in seed.national if isinstance(one, FeeEntry)}
    local = (one for entries in seed.local.values() for one in entries)
    return frozenset(one.code for one in local if isinstance(one, FeeEntry)) - of_nation


async def seed_catalogue(
    session: WriteSession, *, local: Mapping[str, str] | None = None, seed: Seed | None = None
) -> Counts:
    """Add what the files say, or bring it up to date; the caller commits.

    `local` says which agency collects by which local schedule ({"ha-noi": agency_id}); other local
    schedules are left out. What two people have changed is theirs from then on: the files say
    nothing more about a code that an applied proposal has added or changed.
    """
    wanted = seed or read_seed()
    await lock_catalogue(session)
    owners: list[tuple[str | None, tuple[Entry, ...]]] = [(None, wanted.national)]
    owners += [(owner, wanted.local.get(name, ())) for name, owner in (local or {}).items()]
    counts = Counts()
    for agency_id, entries in owners:
        theirs = await decided_by_people(session, agency_id)
        ours = [one for one in entries if (one.table, one.natural_key[0]) not in theirs]
        counts += await write_entries(session, ours, agency_id)
        counts += Counts(unchanged=len(entries) - len(ours))
    return counts


def _entries() -> Iterable[tuple[Entry, str | None]]:
    """Every entry with the local schedule it belongs to."""
    for document in _documents():
        for table in document.get("legal_reference", ()):
            yield LegalReferenceEntry.model_validate(table), None
        for table in document.get("sub_item", ()):
            yield SubItemEntry.model_validate(table), None
        for table in document.get("procedure", ()):
            fees = table.pop("fee", ())
            procedure = ProcedureEntry.model_validate(table)
            yield procedure, None
            for fee in fees:
                schedule = fee.pop("schedule", None)
                yield FeeEntry.model_validate(fee | {"procedure": procedure.code}), schedule
        for fee in document.get("fee", ()):
            schedule = fee.pop("schedule", None)
            yield FeeEntry.model_validate(fee), schedule
        for relief in document.get("relief", ()):
            schedule = relief.pop("schedule", None)
            yield ReliefEntry.model_validate(relief), schedule


def _documents() -> Iterable[dict[str, Any]]:
    here = files("app.seed")
    for folder in (here, here.joinpath("procedures")):
        found = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else ()
        for file in found:
            if file.name.endswith(".toml"):
                yield tomllib.loads(file.read_text("utf-8"))
