"""What the database's errors mean to whoever asked for something: which of them pass, and how."""

import psycopg
from sqlalchemy import Identity
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import SQLModel

from core.errors import Unavailable

#: SQLSTATEs after which the whole transaction may be tried again: serialisation failure,
#: deadlock, lock time-out, the server going away before the commit was sent, and a server that
#: takes no writes because another one is taking over.
_RETRYABLE = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "53300", "25006"}
#: Those after which trying at once would only make it worse: a statement that took too long, no
#: memory.
_LATER = {"57014", "53000", "53200", "53400"}
_DISK_FULL = "53100"
_TAKEN = "23505"

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


class CounterBehind(DatabaseUnavailable):
    """A number that the database gives by itself was taken already: nothing was written.

    A counter goes back where PostgreSQL stops hard soon after the database was copied from a
    template that had counted, before its next checkpoint. Each try takes the next number, so that
    it passes; an operator can end it at once (docs/operate.md).
    """


def as_unavailable(error: Exception) -> DatabaseUnavailable | None:
    """What an error of the kind that goes away is told as; None for one that does not."""
    state = _state_of(error)
    if state == _DISK_FULL:
        return DatabaseFull(_FULL)
    if state in _LATER:
        unavailable = DatabaseUnavailable(_BUSY)
        unavailable.again = False
        return unavailable
    if state == _TAKEN and _is_of_a_counter(error):
        return CounterBehind(_BUSY)
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


def _is_of_a_counter(error: Exception) -> bool:
    """Whether what is there already is a key that nobody but the database's counter gives."""
    cause = _cause_of(error)
    if cause is None or cause.diag.table_name is None:
        return False
    table = SQLModel.metadata.tables.get(cause.diag.table_name)
    if table is None or cause.diag.constraint_name != table.primary_key.name:
        return False
    return any(isinstance(column.identity, Identity) for column in table.primary_key)


def _state_of(error: Exception) -> str | None:
    cause = _cause_of(error)
    return None if cause is None else cause.sqlstate


def _cause_of(error: Exception) -> psycopg.Error | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause if isinstance(cause, psycopg.Error) else None
