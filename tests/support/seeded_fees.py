"""The catalogue of the seed's files as values, without a database."""

from collections.abc import Mapping

from app.seed.catalogue import read_seed
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import FeeValue, Schedule
from payments.catalogue.upkeep.entries import Entry, FeeEntry, ReliefEntry


def seeded_fees(local: Mapping[str, str] | None = None) -> tuple[FeeValue, ...]:
    """The national fees, and those of the local schedules that `local` gives to an agency."""
    return tuple(
        entry.value(owner) for entry, owner in _entries(local) if isinstance(entry, FeeEntry)
    )


def seeded_reliefs(local: Mapping[str, str] | None = None) -> tuple[ReliefValue, ...]:
    """The reliefs, as `seeded_fees`."""
    return tuple(
        entry.value(owner) for entry, owner in _entries(local) if isinstance(entry, ReliefEntry)
    )


def seeded_schedule(local: Mapping[str, str] | None = None) -> Schedule:
    """A schedule of the seed: the nation's, and the local ones of one agency."""
    owners = tuple(dict.fromkeys((local or {}).values()))
    return Schedule(seeded_fees(local), seeded_reliefs(local), owners)


def _entries(local: Mapping[str, str] | None) -> list[tuple[Entry, str | None]]:
    seed = read_seed()
    found: list[tuple[Entry, str | None]] = [(entry, None) for entry in seed.national]
    for name, agency_id in (local or {}).items():
        found.extend((entry, agency_id) for entry in seed.local.get(name, ()))
    return found
