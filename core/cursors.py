"""Pages of a list: ask for one row more than a page holds, and give a cursor where it came.

A list in the order of a plain key has that key for a cursor. One that is ordered by time has the
place of its last row, written so that nobody takes it for something to build themselves.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from core.errors import FieldError, Invalid
from core.ids import is_id

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list; `next_cursor` asks for those that follow, None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def page_of(found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> Page[T]:
    """The page of at most `limit` rows, from up to `limit` + 1 that were found."""
    items = tuple(found[:limit])
    return Page(items, cursor(items[-1]) if len(found) > limit else None)


def write_cursor(at: datetime, object_id: str) -> str:
    """The place of a row in a list by time (aware) and id."""
    place = json.dumps([at.isoformat(), object_id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def read_cursor(cursor: str, *prefixes: str) -> tuple[datetime, str]:
    """The place that `write_cursor` wrote, of a row whose id has one of these prefixes.

    Raises `Invalid` for a cursor that we did not make.
    """
    try:
        told, object_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        at = datetime.fromisoformat(told)
        if at.tzinfo is None or not any(is_id(object_id, one) for one in prefixes):
            raise ValueError("not the place of a row")
    except (ValueError, TypeError, RecursionError):
        raise Invalid(
            "Con trỏ trang không hợp lệ.",
            errors=[FieldError("cursor", "invalid", "Use next_cursor as it was given.")],
        ) from None
    return at, object_id
