"""In which states a stall stands, the best first; `payments.billing.reports.standings` says when.

Pure.
"""

from typing import Final, Literal, get_args

StandingState = Literal["paid", "part", "owed", "overdue", "waived", "empty"]
STANDING_STATES: Final[tuple[StandingState, ...]] = get_args(StandingState)
