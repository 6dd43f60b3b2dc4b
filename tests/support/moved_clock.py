"""A machine whose clock is put forward or back under running processes, without touching ours.

A file holds by how many seconds; every process whose environment names it believes it at once.
"""

import os
from datetime import datetime, time, timedelta, tzinfo
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from core import clock

#: Names the file in a process's environment.
VARIABLE = "MOVED_CLOCK"


def follow_the_moved_clock() -> None:
    """From now on `core.clock` of this process goes as the file says, if one is named."""
    named = os.environ.get(VARIABLE)
    if named is None:
        return
    file = Path(named)

    def now(zone: tzinfo | None = None) -> datetime:
        return datetime.now(zone) + timedelta(seconds=float(file.read_text() or 0))

    known = SimpleNamespace(now=now, combine=datetime.combine, min=SimpleNamespace(time=time))
    mock.patch.object(clock, "datetime", known).start()


def move_clock(file: Path, by: timedelta) -> None:
    """Put the clock of whoever follows this file forward, or back, from the true time."""
    fresh = file.with_suffix(".new")
    fresh.write_text(str(by.total_seconds()))
    fresh.replace(file)  # never seen empty
