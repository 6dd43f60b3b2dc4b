"""Whether a pooler (PgBouncer) stands between us and PostgreSQL, and whether it is set up for us.

In transaction mode each transaction may have another server connection. Prepared statements, locks
and settings of a connection are then somebody else's, and options at the start of a connection are
refused or dropped. A pooler shows itself: the process id that it gives at the start of a connection
is not that of the server process that answers.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.pool import NullPool

from core.errors import LephiError

#: What the role must have set, for the start of a connection cannot; "0" is no limit.
LIMITS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

_NOT_TOLD = (
    "LEPHI_DATABASE_URL leads through a pooler: set LEPHI_BEHIND_POOLER=true, or name PostgreSQL "
    "itself. Without it, prepared statements and time limits of a connection are lost."
)


class BehindPooler(LephiError):
    """This cannot be done through a pooler: name PostgreSQL itself."""

    code = "behind_pooler"


@dataclass(frozen=True, slots=True)
class Pooler:
    """A pooler that was found, and what is wrong with how it is used."""

    faults: tuple[str, ...]

    @property
    def detail(self) -> str:
        """What an operator reads."""
        return " ".join(self.faults) or "found, and set up as it must be"


def is_pooled(connection: Connection) -> bool:
    """Whether another program answers for the server at the other end of a connection."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise BehindPooler("The connection is closed.")
    told: int = driver.info.backend_pid
    answering: int = connection.execute(select(func.pg_backend_pid())).scalar_one()
    return told != answering


def look_for_pooler(url: str, *, expected: bool) -> Pooler | None:
    """The pooler at an address with its faults, None where there is none.

    `expected` is what the settings say. Raises what the database says.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args={"prepare_threshold": None})
    try:
        with engine.connect() as connection:
            if not is_pooled(connection):
                return None
            if not expected:
                return Pooler((_NOT_TOLD,))
            values = {
                name: connection.execute(select(func.current_setting(name))).scalar_one()
                for name in (*LIMITS, "timezone")
            }
    finally:
        engine.dispose()
    faults = [f"The role has no {name}: ALTER ROLE … SET {name}." for name in LIMITS
              if values[name] == "0"]  # fmt: skip
    if values["timezone"] != "UTC":
        faults.append(f"The role's timezone is {values['timezone']}: ALTER ROLE … SET timezone.")
    return Pooler(tuple(faults))
