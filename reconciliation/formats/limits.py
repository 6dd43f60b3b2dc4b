"""How much of a statement is taken at most, whatever its format. Pure."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken at most; a busy treasury account has some thousands of rows a day."""

    size: int = 64 * 2**20
    rows: int = 1_000_000
    cell: int = 4_000


LIMITS: Final = Limits()
