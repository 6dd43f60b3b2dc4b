"""How much of a statement is taken at most, whatever its format. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from reconciliation.formats.rows import StatementRefused, fault_of_file

#: A bank may date a line to tomorrow; further ahead a date is mistyped.
AHEAD: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at most; a busy treasury account has some thousands of rows a day."""

    size: int = 64 * 2**20
    rows: int = 1_000_000
    cell: int = 4_000


LIMITS: Final = Limits()


def check_size(content: bytes, limits: Limits) -> None:
    """Raise `StatementRefused` where a file is larger than what is taken."""
    if len(content) > limits.size:
        detail = f"Tệp lớn hơn {limits.size:,} byte.".replace(",", ".")
        raise StatementRefused([fault_of_file("too_large", detail)])
