"""How a statement's file is to be read. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from reconciliation.formats.limits import LIMITS, Limits
from reconciliation.formats.mappings import Mapping


@dataclass(frozen=True, slots=True)
class ReadingTask:
    """How a file is to be read, beside its content.

    `mapping` is what the caller named, `on` the day by which it is judged, `account_number` that of
    the account it should be of ("" takes any), `encoding` the name of one of `decoding.ENCODINGS`
    where the caller says it. `layout` is one that the account's body has saved under that name, and
    stands for ours. `forced` believes amounts that seem to have lost their thousands.
    `tell` hears now and then how many rows were read.
    """

    mapping: str
    on: date
    account_number: str = ""
    encoding: str | None = None
    layout: Mapping | None = None
    forced: bool = False
    limits: Limits = LIMITS
    tell: Callable[[int], None] | None = field(default=None, repr=False)
