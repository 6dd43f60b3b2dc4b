"""What a citizen typed into a procedure's form: kept as typed, and read strictly. Pure."""

import re
from dataclasses import dataclass, field

from core.errors import FieldError

#: Whole đồng, plain or with its thousands parted by one kind of mark; a decimal is no such text.
_AMOUNT = re.compile(r"[0-9]+|[0-9]{1,3}(?:([., \u00a0\u202f])[0-9]{3})(?:\1[0-9]{3})*")
_CURRENCY = re.compile(r"\s*(?:đ|₫|đồng|vnd|vnđ)\.?$", re.IGNORECASE)

#: How an application is handed in, where that decides about a relief.
CHANNELS = ("online", "counter")


@dataclass(frozen=True, slots=True)
class TypedForm:
    """The fields of the form. `quantities` has one for each unit to be counted.

    `extras` are codes of fees that are wished for, `more` the counts of those that are counted.
    """

    quantities: tuple[str, ...] = ()
    copies: str = "1"
    value: str = ""
    channel: str = ""
    extras: frozenset[str] = field(default_factory=frozenset)
    more: tuple[str, ...] = ()

    @property
    def handed_in(self) -> str:
        """How the application is handed in: one of `CHANNELS`, online where nothing else is said.

        A form may send anything as `channel`; only this may be kept.
        """
        return self.channel if self.channel in CHANNELS else "online"

    def quantity(self, position: int) -> str:
        """The count for the unit at `position`, 1 where nothing was sent."""
        return self.quantities[position] if position < len(self.quantities) else "1"

    def of_extra(self, position: int) -> str:
        """The count for the counted extra at `position`, 1 where nothing was sent."""
        return self.more[position] if position < len(self.more) else "1"

    def as_data(self) -> dict[str, object]:
        """The same as JSON values."""
        return {
            "quantities": list(self.quantities),
            "copies": self.copies,
            "value": self.value,
            "channel": self.channel,
            "extras": sorted(self.extras),
            "more": list(self.more),
        }


def count(text: str) -> int:
    """A count as typed; what is no plain number becomes 0, which no fee accepts."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def amount(text: str) -> int | None:
    """Whole đồng as Vietnamese write them ("1.500.000.000 đ"); None for an empty text.

    Raises `ValueError` for anything that could be read in two ways, such as "1,5" or "2 tỷ".
    """
    text = _CURRENCY.sub("", text.strip())
    if not text:
        return None
    if _AMOUNT.fullmatch(text) is None:
        raise ValueError("not an amount in whole đồng")
    return int(re.sub("[^0-9]", "", text))


def value_faults(text: str) -> list[FieldError]:
    """What is wrong with the value as typed, if it cannot be read."""
    try:
        amount(text)
    except ValueError:
        detail = "Hãy ghi bằng chữ số, đơn vị đồng, ví dụ 1.500.000.000."
        return [FieldError("value", "not_an_integer", detail)]
    return []
