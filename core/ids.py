"""Identifiers of our own things: a prefix that says what it is, then a UUIDv7 in hex.

`bill_019abc…`: the UUID's first 48 bits are milliseconds (RFC 9562 §5.7), so rows are inserted
at the end of an index and sort by age. An identifier is not a secret and opens nothing.
"""

import re
import secrets
from datetime import datetime
from threading import Lock

from core import clock
from core.errors import FieldError, Invalid

_PREFIX = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_ID = re.compile(r"([a-z][a-z0-9]*(?:_[a-z0-9]+)*)_([0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15})")

# The 74 bits beside the time, version and variant are one number. In a new millisecond it is
# drawn at random with its top bit clear; within one, it grows by a random step (RFC 9562 §6.2,
# method 2), so neighbours cannot be counted off and a forked process does not repeat its parent.
_TAIL_BITS = 74
_FRESH_BITS = _TAIL_BITS - 1
_STEP_BITS = 32


class _Generator:
    """UUIDv7 values as integers, strictly increasing within the process; safe across threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._millisecond = 0
        self._tail = 0

    def next(self) -> int:
        millisecond = clock.unix_milliseconds()
        with self._lock:
            if millisecond > self._millisecond:
                self._millisecond = millisecond
                self._tail = secrets.randbits(_FRESH_BITS)
            else:  # the same millisecond, or the clock went back
                self._tail += 1 + secrets.randbits(_STEP_BITS)
                if self._tail >> _TAIL_BITS:
                    self._millisecond += 1
                    self._tail = secrets.randbits(_FRESH_BITS)
            head, tail = self._millisecond, self._tail
        return head << 80 | 0x7 << 76 | tail >> 62 << 64 | 0b10 << 62 | tail & (1 << 62) - 1


_generator = _Generator()


def new_id(prefix: str) -> str:
    """A new identifier `prefix_` + 32 hex digits, greater than every earlier one of the process.

    Raises ValueError if `prefix` is not lower-case words joined by underscores.
    """
    if _PREFIX.fullmatch(prefix) is None:
        raise ValueError(f"{prefix!r} cannot be the prefix of an identifier")
    return f"{prefix}_{_generator.next():032x}"


def first_id(prefix: str, at: datetime) -> str:
    """Where identifiers made from `at` (aware) on begin: none of them sorts before it.

    It is no identifier itself.
    """
    return f"{prefix}_{max(int(at.timestamp() * 1000), 0):012x}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the form of an identifier with this very prefix."""
    match = _ID.fullmatch(text)
    return match is not None and match[1] == prefix


def prefix_of(text: str) -> str:
    """What kind of thing an identifier names. Raises `Invalid` if it has not the form of one."""
    match = _ID.fullmatch(text)
    if match is None:
        detail = "This is not one of our identifiers."
        raise Invalid(detail, code="invalid_id", errors=[FieldError("id", "invalid_id", detail)])
    return match[1]
