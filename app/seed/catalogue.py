"""Puts the catalogue's files into the database, as often as one likes.

Seeding again changes only what the files say differently.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from core.errors import Invalid
from core.sessions import WriteSession
from payments.catalogue.models import Fee, FeeShare, Relief
from payments.catalogue.upkeep.entries import (
    DatedEntry,
    Entry,
    FeeEntry,
    LegalReferenceEntry,
    ProcedureEntry,
    ReliefEntry,
    ShareEntry,
    SubItemEntry,
)
from payments.catalogue.upkeep.proposals.rows import decided_by_people
from payments.catalogue.upkeep.writing import Counts, known_rows, lock_catalogue, write_entries

#: By which local schedules the demo's body collects: a ward of Hà Nội, allotted its costs.
DEMO_SCHEDULES: Final = ("ha-noi", "khoan-chi-phi")


@dataclass(frozen=True, slots=True)
class Seed:
    """What the files hold: national entries, and those of each local schedule by its name.

    A local schedule is what a province sets, or one of the shares that the law lets bodies keep.
    """

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
    nothing more about a code that an applied proposal has added or changed. Raises `Invalid` where
    two schedules tell one agency different things, now or by what an earlier call has told it.
    """
    wanted = seed or read_seed()
    _refuse_contradictions(wanted, local or {})
    await lock_catalogue(session)
    owners: list[tuple[str | None, tuple[Entry, ...]]] = [(None, wanted.national)]
    owners += [(owner, wanted.local.get(name, ())) for name, owner in (local or {}).items()]
    counts = Counts()
    for agency_id, entries in owners:
        theirs = await decided_by_people(session, agency_id)
        ours = [one for one in entries if (one.table, one.natural_key[0]) not in theirs]
        if agency_id is not None:
            await _refuse_another_schedule(session, wanted, agency_id, ours)
        counts += await write_entries(session, ours, agency_id)
        counts += Counts(unchanged=len(entries) - len(ours))
    return counts


def _refuse_contradictions(seed: Seed, local: Mapping[str, str]) -> None:
    """Of two schedules for one agency the later would silently win."""
    told: dict[tuple[object, ...], str] = {}
    for name, agency_id in local.items():
        for entry in seed.local.get(name, ()):
            other = told.setdefault((agency_id, entry.table, *entry.natural_key), name)
            if other != name:
                raise Invalid(f"{other} and {name} contradict each other: name one for each body.")


async def _refuse_another_schedule(
    session: WriteSession, seed: Seed, agency_id: str, entries: Sequence[Entry]
) -> None:
    """What another schedule has told an agency before would change for days that are long past."""
    told_by = {
        (one.table, one.natural_key, one.basis): name
        for name, some in seed.local.items()
        for one in some
        if isinstance(one, DatedEntry)
    }
    for table in sorted({one.table for one in entries}):
        known = await known_rows(session, table, agency_id)
        for entry in entries:
            row = known.get(entry.natural_key) if entry.table == table else None
            if not isinstance(entry, DatedEntry) or not isinstance(row, Fee | Relief | FeeShare):
                continue
            other = told_by.get((table, entry.natural_key, row.basis))
            if row.basis != entry.basis and other is not None:
                raise Invalid(
                    f"This body was told {other} before, and its reports have counted with it:"
                    " from which day it is otherwise, two people say (docs/fees.md)."
                )


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
        for share in document.get("share", ()):
            schedule = share.pop("schedule", None)
            for code in share.pop("codes"):
                yield ShareEntry.model_validate(share | {"code": code}), schedule


def _documents() -> Iterable[dict[str, Any]]:
    here = files("app.seed")
    for folder in (here, here.joinpath("procedures")):
        found = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else ()
        for file in found:
            if file.name.endswith(".toml"):
                yield tomllib.loads(file.read_text("utf-8"))
