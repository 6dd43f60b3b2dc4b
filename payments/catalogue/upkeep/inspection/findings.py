"""What an inspection of the catalogue found, as values that say what to do next. Pure."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.days import day_text
from payments.catalogue.rules.spans import FOREVER, Span
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import CatalogueTable


class Level(StrEnum):
    """An error makes a fee wrong or impossible on the asked day; a warning may come to that."""

    ERROR = "error"
    WARNING = "warning"


class FindingCode(StrEnum):
    """What can be found, for machines."""

    #: days between two rows of one thing on which it is not in force
    GAP = "gap"
    #: days on which one thing has two rows
    OVERLAP = "overlap"
    #: a fee or relief ends and nothing follows
    ENDS = "ends"
    #: a procedure has no fee in force
    NO_FEE = "no_fee"
    #: a procedure has fees that it always takes and fees to choose from
    MIXED_CHARGES = "mixed_charges"
    #: a fee of a procedure that is not there
    UNKNOWN_PROCEDURE = "unknown_procedure"
    #: the legal text that something rests on is not in force
    EXPIRED_BASIS = "expired_basis"
    #: a basis names a legal text that is not in the catalogue
    UNKNOWN_TEXT = "unknown_text"
    #: a basis names no legal text by its number in full
    UNCLEAR_BASIS = "unclear_basis"
    #: a fee of a procedure has no sub-item, as if it were no state revenue
    NO_SUB_ITEM = "no_sub_item"
    #: a fee's sub-item is not in the budget index
    MISSING_SUB_ITEM = "missing_sub_item"
    #: a fee's nature is not that of what is booked under its sub-item
    OTHER_NATURE = "other_nature"
    #: one code is that of several procedures
    CLASHING_CODES = "clashing_codes"
    #: a fee's sub-item is in the budget index, but nobody has confirmed it
    UNCONFIRMED_SUB_ITEM = "unconfirmed_sub_item"
    #: a relief from a fee that is not there
    UNKNOWN_FEE = "unknown_fee"
    #: a relief holds on days on which the fee is not in force
    IDLE_RELIEF = "idle_relief"
    #: figures that were not read in the law's text
    UNCONFIRMED = "unconfirmed"
    #: figures that nobody has checked for long
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `words` say what is wrong and what to do next, without the subject.

    `subject` is the code of what it is about, in `table` (None: several tables); `owner` is the
    code of the agency whose it is, None for the nation's. `span` are the days concerned, if any;
    `items` names everything that a summary counts.
    """

    level: Level
    code: FindingCode
    table: CatalogueTable | None
    subject: str
    words: LocalizedText
    span: Span | None = None
    owner: str | None = None
    items: tuple[str, ...] = ()

    @property
    def first_day(self) -> date | None:
        """The first day concerned."""
        return None if self.span is None else self.span[0]

    @property
    def last_day(self) -> date | None:
        """The last day concerned; None also where no end is known."""
        return None if self.span is None or self.span[1] == FOREVER else self.span[1]

    @property
    def order(self) -> tuple[str, str, date, str, str]:
        """Errors first, like by like, then by day and subject."""
        first = self.first_day or date.min
        return self.level, self.code, first, self.subject, self.owner or ""


def level_on(span: Span, on: date) -> Level:
    """An error if the days concerned hold the asked one, otherwise a warning."""
    return Level.ERROR if span[0] <= on <= span[1] else Level.WARNING


def told_span(span: Span) -> LocalizedText:
    """Days in words: "từ 01/01/2027 đến hết 28/02/2027"; one day alone by its name."""
    first, last = day_text(span[0]), day_text(span[1])
    if span[0] == span[1]:
        return LocalizedText(f"ngày {first}", f"on {first}")
    if span[1] == FOREVER:
        return LocalizedText(f"từ {first}", f"from {first}")
    return LocalizedText(f"từ {first} đến hết {last}", f"from {first} to the end of {last}")


def listed(items: tuple[str, ...], most: int = 5) -> str:
    """The first few of some codes: "a, b, …"."""
    return ", ".join(items[:most]) + (", …" if len(items) > most else "")
