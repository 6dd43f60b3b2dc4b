"""What the flows of reconciling need beside a session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from core.background import Background
from core.calendar import Calendar
from core.crypto import Cipher
from core.db import Database

#: Runs a function somewhere that does not block the event loop.
Elsewhere = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ReconciliationContext:
    """What reconciling needs."""

    database: Database
    cipher: Cipher = field(repr=False)
    elsewhere: Elsewhere
    #: runs a function on an open file in a process that is begun for it and ends with it
    apart: Elsewhere
    background: Background
    calendar: Calendar
    #: asks an attempt's gateway now; what it says, None where nothing is clear
    ask: Callable[[str], Awaitable[str | None]]
    #: keys the hashes of request bodies
    request_key: bytes = field(repr=False)
