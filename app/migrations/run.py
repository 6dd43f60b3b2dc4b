"""Applying migrations: one process at a time, and never waiting long behind a running payment.

An advisory lock lets one process migrate; the others wait for it and find nothing left to do. A
migration that cannot get a table's lock in time fails cleanly and is run again later, rather than
queueing every payment behind it.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from core.pooler import BehindPooler, is_pooled

MIGRATE_DIRECTLY = (
    "LEPHI_DATABASE_URL leads through a pooler. Migrate with the address of PostgreSQL itself: the "
    "lock that lets one process migrate at a time does not outlive a transaction there."
)

#: Advisory lock of the one process that may migrate at a time.
LOCK = 0x6C65706869_02


def configuration(connection: Connection | None = None) -> Config:
    """Alembic's configuration for this package's migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = "head", *, lock_timeout_ms: int = 5000) -> list[str]:
    """Bring the database at `url` to a revision, waiting for each table's lock at most so long.

    Gives the revisions that this call applied, oldest first. Raises what the database says on
    failure, and `BehindPooler` where a pooler stands in between: the lock that keeps two migrators
    apart is the connection's own. Then nothing of the failed step remains.
    """
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            if is_pooled(connection):
                raise BehindPooler(MIGRATE_DIRECTLY)
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.execute(text(f"SET lock_timeout = {lock_timeout_ms:d}"))
            # Read only now: who held the lock before us may have done it all.
            steps = _missing(connection, revision)
            connection.commit()
            command.upgrade(configuration(connection), revision)
            connection.commit()
            return steps
    finally:
        engine.dispose()


def pending(url: str) -> list[str]:
    """The revisions that the database at `url` does not have yet, oldest first."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return _missing(connection, "head")
    finally:
        engine.dispose()


def _missing(connection: Connection, revision: str) -> list[str]:
    """What leads from the database's revision to this one, oldest first."""
    script = ScriptDirectory.from_config(configuration())
    current = MigrationContext.configure(connection).get_current_revision()
    steps = list(script.iterate_revisions(revision, current or "base"))
    return [step.revision for step in reversed(steps)]
