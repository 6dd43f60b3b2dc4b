"""What one owner's catalogue holds now, as a change of it has to know it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from payments.catalogue.rules.schedule import Schedule
from payments.catalogue.upkeep.entries import Entry

#: What tells an entry from the others of its table and owner.
Key = tuple[str | date, ...]


@dataclass(frozen=True, slots=True)
class OwnedCatalogue:
    """The catalogue as one owner may change it; `agency_id` None is the nation.

    `entries` are the owner's own, by table and key. `procedures` and `fees` are the codes that its
    entries may name, and `schedule` is what holds for it, other owners' entries included.
    """

    agency_id: str | None
    entries: Mapping[str, Mapping[Key, Entry]]
    procedures: frozenset[str]
    fees: frozenset[str]
    schedule: Schedule

    def find(self, entry: Entry) -> Entry | None:
        """The entry of the same table and key, as it is now."""
        return self.entries.get(entry.table, {}).get(entry.natural_key)
