"""What a collector's phone tells of the walk. Amounts are whole đồng; `done_at` is by its clock.

The phone makes an action's `id` before it shows the action as done, and tells it again under that
id until it is answered.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, TypeAdapter

from core.schemas import RequestModel
from payments.billing.schemas import Day
from payments.bills.schemas import InstantIn

#: How many actions may be told at once.
MOST_ACTIONS = 200

_HEX = "[0-9a-f]"
ActionId = Annotated[
    str,
    StringConstraints(pattern=rf"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}$"),
]
#: What a phone calls itself.
Device = Annotated[str, StringConstraints(pattern=r"^[0-9a-z-]{8,64}$")]
_ThingId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,100}$")]
_Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
_Amount = Annotated[int, Field(ge=1, le=10**10)]
_Number = Annotated[int, Field(ge=1, le=10**9)]


class _DoneIn(RequestModel):
    id: ActionId
    device: Device
    done_at: InstantIn

    @property
    def at(self) -> datetime:
        """When it was done, as the phone says."""
        return self.done_at


class CashActionIn(_DoneIn):
    """Cash for a stall, under a numbered slip; `owed` is what the phone's list said was owed."""

    kind: Literal["cash"]
    stall: _ThingId
    amount: _Amount
    number: _Number
    owed: Annotated[int, Field(ge=0, le=10**13)] = 0


class TicketActionIn(_DoneIn):
    """Entry tickets of one rate, paid in cash; `code` is the rate's."""

    kind: Literal["ticket"]
    market: _ThingId
    code: _Code
    quantity: Annotated[int, Field(ge=1, le=100)]
    amount: _Amount
    number: _Number


class ReadingActionIn(_DoneIn):
    """What a stall's meter shows."""

    kind: Literal["reading"]
    stall: _ThingId
    meter: Literal["electricity", "water"]
    shows: Annotated[int, Field(ge=0, le=999_999_999)]
    read_on: Day
    began_anew: bool = False


class VisitActionIn(_DoneIn):
    """That the collector was there, and took nothing."""

    kind: Literal["visit"]
    stall: _ThingId
    finding: Literal["absent", "refused", "closed"]


class VoidActionIn(_DoneIn):
    """That a slip was spoilt: its number is used by nothing."""

    kind: Literal["void"]
    number: _Number


WalkActionIn: TypeAlias = Annotated[
    CashActionIn | TicketActionIn | ReadingActionIn | VisitActionIn | VoidActionIn,
    Field(discriminator="kind"),
]
#: Reads one action. Raises `pydantic.ValidationError`.
WALK_ACTION: TypeAdapter[WalkActionIn] = TypeAdapter(WalkActionIn)
