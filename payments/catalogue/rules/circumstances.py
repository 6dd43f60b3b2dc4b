"""What is known of a person and a matter on a day, as far as it decides about reliefs. Pure."""

from dataclasses import dataclass
from datetime import date

from core.errors import FieldError
from core.folding import without_marks


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What decides about reliefs on a Vietnamese day.

    `claims` are grounds, or codes of reliefs; `born_on` is the birth date of the person the
    matter is about; `asset` names what may be favoured once a year (a plate, a parcel of land).
    """

    on: date
    channel: str = "counter"
    claims: frozenset[str] = frozenset()
    born_on: date | None = None
    asset: str | None = None

    @property
    def age(self) -> int | None:
        """Full years on the day; who was born on 29 February grows older on 1 March."""
        if self.born_on is None:
            return None
        reached = (self.on.month, self.on.day) >= (self.born_on.month, self.born_on.day)
        return self.on.year - self.born_on.year - (not reached)

    @property
    def asset_name(self) -> str:
        """The asset's name as it is compared: "29A-123.45" and "29a 12345" are one.

        Letters without marks, and digits: however it was typed, it is the same parcel or plate. A
        slash stays, for parcel 12/3 is not parcel 1/23. Empty where there is no asset.
        """
        if self.asset is None:
            return ""
        plain = without_marks(self.asset.upper(), compatible=True)
        kept = (char for char in plain if char.isascii() and (char.isalnum() or char == "/"))
        return "".join(kept).strip("/")

    def faults(self) -> list[FieldError]:
        """A birth date that nobody can have, and an asset without a name."""
        faults = []
        born_on, today = self.born_on, self.on
        if born_on is not None and not (today.year - 150 <= born_on.year and born_on <= today):
            detail = "Ngày sinh ở tương lai hoặc quá xa."
            faults.append(FieldError("relief.born_on", "out_of_range", detail))
        if self.asset is not None and not self.asset_name:
            detail = "Mã tài sản phải có chữ hoặc số."
            faults.append(FieldError("relief.asset", "empty", detail))
        return faults
