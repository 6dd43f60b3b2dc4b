"""What is known of a person and a matter on a day, as far as it decides about reliefs. Pure."""

from dataclasses import dataclass
from datetime import date

from core.errors import FieldError


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides about reliefs on a Vietnamese day.

    `claims` are grounds, or codes of reliefs; `born_on` is the birth date of the person the
    matter is about; `identified` says that the payer's personal number is told, under which a
    relief once a year is counted. The number itself decides nothing and is not here.
    """

    on: date
    channel: str = "counter"
    claims: frozenset[str] = frozenset()
    born_on: date | None = None
    identified: bool = False

    @property
    def age(self) -> int | None:
        """Full years on the day; who was born on 29 February grows older on 1 March."""
        if self.born_on is None:
            return None
        reached = (self.on.month, self.on.day) >= (self.born_on.month, self.born_on.day)
        return self.on.year - self.born_on.year - (not reached)

    def faults(self) -> list[FieldError]:
        """A birth date that nobody can have."""
        faults = []
        born_on, today = self.born_on, self.on
        if born_on is not None and not (today.year - 150 <= born_on.year and born_on <= today):
            detail = "Ngày sinh ở tương lai hoặc quá xa."
            faults.append(FieldError("relief.born_on", "out_of_range", detail))
        return faults
