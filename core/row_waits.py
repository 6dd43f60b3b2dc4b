"""Who waits for a lock: few for one row, and never so many that nobody else gets a connection.

Whoever waits for a lock holds a connection meanwhile, and a process has few. So of those that want
one row, two come to the database, one that has it and one that is next; and once half of the
connections have been waiting for a while, whatever they wait for, nobody else may. The others are
told `RowBusy` there and then, give their connection back, and try again (`Database.run`) or tell
their caller to.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from core.db_errors import RowBusy
from core.sessions import WriteSession

#: How many may want one lock at once.
_AT_ONE: Final = 2
#: Who has not got a lock after so many seconds waits for somebody, and not for the network.
_WAITING: Final = 0.1
#: The key in a session's `info`.
WAITS: Final = "row waits"

_BUSY = "Khoản này đang được xử lý ở nơi khác; vui lòng thử lại."


class RowWaits:
    """The waits of one process; `most` is how many connections may spend their time so."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._at: dict[str, int] = {}
        #: since when, the longest first
        self._since: dict[object, float] = {}

    @contextmanager
    def waiting(self, name: str) -> Iterator[None]:
        """Wait for the lock of this name during the block. Raises `RowBusy`."""
        here = self._at.get(name, 0)
        if here >= _AT_ONE or self._are_many():
            raise RowBusy(_BUSY)
        self._at[name] = here + 1
        mine = object()
        self._since[mine] = time.monotonic()
        try:
            yield
        finally:
            del self._since[mine]
            left = self._at[name] - 1
            if left:
                self._at[name] = left
            else:
                del self._at[name]

    def _are_many(self) -> bool:
        if len(self._since) < self._most:
            return False
        last = next(islice(self._since.values(), self._most - 1, None))
        return last < time.monotonic() - _WAITING


@contextmanager
def waiting(session: WriteSession, name: str) -> Iterator[None]:
    """Wait for a lock during the block, in the session's process. Raises `RowBusy`."""
    waits: RowWaits | None = session.info.get(WAITS)
    if waits is None:
        yield
        return
    with waits.waiting(name):
        yield
