"""What the database's errors mean to whoever asked for something: which of them pass, and how."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.errors import Unavailable

#: SQLSTATEs after which the whole transaction may be tried again: serialisation failure,
#: deadlock, lock time-out, the server going away before the commit was sent, and a server that
#: takes no writes because another one is taking over.
_RETRYABLE = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25006"}
#: Those after which trying at once would only make it worse: a statement that took too long, no
#: memory.
_LATER = {"57014", "53000", "53200", "53400"}
_DISK_FULL = "53100"

_BUSY = "Hệ thống đang bận, vui lòng thử lại."
_FULL = "Cơ sở dữ liệu hết chỗ lưu trữ, chưa ghi nhận được. Hãy gửi lại sau ít phút."


class DatabaseUnavailable(Unavailable):
    """The database cannot be used at the moment: try again shortly, with the same key.

    Nothing was written, unless the connection was lost while a transaction was being committed;
    then nobody knows, and the repeat finds out. `again` says whether trying at once may help.
    """

    code = "database_unavailable"
    again = True


class DatabaseFull(DatabaseUnavailable):
    """The database's disk is full: nothing was written. Try again later."""

    code = "storage_full"
    again = False


class RowBusy(DatabaseUnavailable):
    """Enough others wait for the same row already: nothing was written. Try again shortly."""

    code = "row_busy"


def as_unavailable(error: Exception) -> DatabaseUnavailable | None:
    """What an error of the kind that goes away is told as; None for one that does not."""
    state = _state_of(error)
    if state == _DISK_FULL:
        return DatabaseFull(_FULL)
    if state in _LATER:
        unavailable = DatabaseUnavailable(_BUSY)
        unavailable.again = False
        return unavailable
    return DatabaseUnavailable(_BUSY) if is_passing(error) else None


def is_passing(error: Exception) -> bool:
    """Whether a database error is of the kind that goes away: collision, restart, full pool."""
    if isinstance(error, PoolTimeout | InterfaceError):
        return True
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        state = _state_of(error)
        return state in _RETRYABLE or (isinstance(error, OperationalError) and state is None)
    if isinstance(error, psycopg.Error):
        lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        return error.sqlstate in _RETRYABLE or lost
    return False


def _state_of(error: Exception) -> str | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None
