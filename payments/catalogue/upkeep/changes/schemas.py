"""Planned changes of a schedule as the API shows them. Pure."""

from datetime import date
from typing import Self

from pydantic import BaseModel, Field

from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.changes.planned import Change, ChangeKind, DayOfChanges


class ChangeOut(BaseModel):
    """One fee that is not as on the day before.

    `before_…` and `after_…` say the tariff and whatever else differs, in words; `before_…` is null
    if the fee begins, `after_…` if it ends. `kind` is the weightiest thing that changes.
    """

    fee: str
    name_vi: str
    name_en: str
    procedure: str | None
    kind: ChangeKind
    before_vi: str | None
    before_en: str | None
    after_vi: str | None
    after_en: str | None

    @classmethod
    def of(cls, change: Change) -> Self:
        """The change."""
        before, after = change.before or _NOTHING, change.after or _NOTHING
        return cls(
            fee=change.fee_code,
            name_vi=change.fee_name.vi,
            name_en=change.fee_name.en,
            procedure=change.procedure_code,
            kind=change.kind,
            before_vi=before.vi or None,
            before_en=before.en or None,
            after_vi=after.vi or None,
            after_en=after.en or None,
        )


class DayOfChangesOut(BaseModel):
    """All fees that change on one Vietnamese day; `count` says how many."""

    day: date
    count: int
    changes: list[ChangeOut]

    @classmethod
    def of(cls, found: DayOfChanges) -> Self:
        """The day."""
        changes = [ChangeOut.of(change) for change in found.changes]
        return cls(day=found.day, count=len(changes), changes=changes)


class ChangesOut(BaseModel):
    """The days from `from` to the end of `to` on which some fee changes, in order."""

    # `from` is a word of the language.
    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    days: list[DayOfChangesOut]

    @classmethod
    def of(cls, first: date, last: date, found: tuple[DayOfChanges, ...]) -> Self:
        """What was found between two days."""
        return cls(first=first, last=last, days=[DayOfChangesOut.of(day) for day in found])


_NOTHING = LocalizedText("", "")
