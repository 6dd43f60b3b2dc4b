"""Which column of a statement means what: read from mappings.toml, dated, per bank.

Keys of an entry:

- `code`, `title`, `valid_from` and `valid_to` (last day, left out while it is in use);
- `title_en`: the title for English readers, who else see the Vietnamese one;
- `delimiters`: those the export may have; the one under which the header is found is the one;
- `header_within`: among how many first rows the header stands (1 unless said);
- `times`: formats of `booked_at`, strptime's or "iso";
- `columns`: names of `booked_at` and `narrative`, and where there are any `reference`, `bank_ref`
  and `balance`;
- `amount`: `kind` "direction" (an amount in `column`, and in `direction` one of `credit_words` or
  `debit_words`), "sides" (`credit_column` and `debit_column`) or "signed" (`column`; negative is a
  debit), and the `style` of the numbers: `thousands`, `decimals`, `suffixes`;
- `present`: further columns that must be there, `unique`: columns without a repeated value,
  `must_equal`: columns with one fixed value;
- `skip`: rows whose first words are these tell nothing (opening balance);
- `trailer`: first words of the row of `totals` and of the row with the `count` of rows, and
  whether they are `required`; what they say must agree with the rows.

Pure.
"""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter

from core.days import holds_on
from core.errors import FieldError, Invalid
from reconciliation.formats.cells import NumberStyle

# A misspelt key would silently mean its default.
_NOTHING_ELSE: Final = ConfigDict(extra="forbid")


class UnknownMapping(Invalid):
    """No statement layout of this code on this day: use one of those listed."""

    code = "unknown_mapping"


@dataclass(frozen=True, slots=True)
class AmountColumns:
    """Where an amount and its side stand; see `amount` above for which fields are filled."""

    kind: Literal["direction", "sides", "signed"]
    style: NumberStyle = field(default_factory=NumberStyle)
    column: str = ""
    direction: str = ""
    credit_words: tuple[str, ...] = ()
    debit_words: tuple[str, ...] = ()
    credit_column: str = ""
    debit_column: str = ""

    __pydantic_config__ = _NOTHING_ELSE

    @property
    def names(self) -> tuple[str, ...]:
        """The columns this reads."""
        named = (self.column, self.direction, self.debit_column, self.credit_column)
        return tuple(filter(None, named))


@dataclass(frozen=True, slots=True)
class Trailer:
    """The rows after the last: what they begin with, "" where there is none."""

    totals: str = ""
    count: str = ""
    required: bool = False

    __pydantic_config__ = _NOTHING_ELSE


@dataclass(frozen=True, slots=True)
class Mapping:
    """The layout of one statement export, as long as it was in use."""

    code: str
    title: str
    valid_from: date
    times: tuple[str, ...]
    columns: dict[str, str]
    amount: AmountColumns
    valid_to: date | None = None
    delimiters: tuple[str, ...] = (",",)
    header_within: int = 1
    present: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    must_equal: dict[str, str] = field(default_factory=dict)
    skip: tuple[str, ...] = ()
    trailer: Trailer = Trailer()
    title_en: str = ""

    __pydantic_config__ = _NOTHING_ELSE

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that must be in the header."""
        named = (*self.columns.values(), *self.amount.names, *self.present)
        return tuple(dict.fromkeys((*named, *self.unique, *self.must_equal)))

    def is_valid(self, on: date) -> bool:
        """Whether statements of that day have this layout."""
        return holds_on(on, self.valid_from, self.valid_to)


def get_mapping(code: str, on: date) -> Mapping:
    """The layout of that code on that day. Raises `UnknownMapping`."""
    for mapping in list_mappings():
        if mapping.code == code and mapping.is_valid(on):
            return mapping
    known = ", ".join(sorted({m.code for m in list_mappings() if m.is_valid(on)}))
    detail = f"Không có mẫu sao kê {code!r} cho ngày {on:%d/%m/%Y}; các mẫu hiện có: {known}."
    raise UnknownMapping(detail, errors=[FieldError("mapping", UnknownMapping.code, detail)])


@cache
def list_mappings() -> tuple[Mapping, ...]:
    """Every layout there is or was, as mappings.toml has them."""
    text = files("reconciliation.formats").joinpath("mappings.toml").read_text("utf-8")
    return read_mappings(text)


def read_mappings(text: str) -> tuple[Mapping, ...]:
    """The layouts in a text of TOML. Raises ValueError if one is wrong, or two overlap."""
    mappings = TypeAdapter(tuple[Mapping, ...]).validate_python(tomllib.loads(text)["mapping"])
    for place, one in enumerate(mappings):
        for other in mappings[:place]:
            later = max(one.valid_from, other.valid_from)
            if one.code == other.code and one.is_valid(later) and other.is_valid(later):
                raise ValueError(f"two layouts {one.code} are valid on {later}")
    return mappings
