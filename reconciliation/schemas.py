"""Shapes that several rooms of reconciling take and give. Amounts are whole đồng."""

import re

from pydantic import BaseModel


def plain_day(value: object) -> object:
    """The same value. Raises ValueError for what is no day like 2026-11-23."""
    if not isinstance(value, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is None:
        raise ValueError("must be a day like 2026-11-23")
    return value


class Tally(BaseModel):
    """How many, and their sum."""

    count: int
    sum: int


class BalanceWarning(BaseModel):
    """A balance that does not follow from the rows before it; `row` null is the closing one."""

    row: int | None
    expected: int
    told: int
    detail: str


class RefusalError(BaseModel):
    """One thing that is wrong with a file, and where."""

    field: str
    code: str
    detail: str
