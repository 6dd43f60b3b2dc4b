"""Revisions of the schema, for tests that upgrade a database of before."""

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from app.migrations.run import configuration


def before(revision: str) -> str:
    """The revision that comes before one."""
    found = ScriptDirectory.from_config(configuration()).get_revision(revision)
    assert found is not None
    assert isinstance(found.down_revision, str)
    return found.down_revision


def downgrade_to(url: str, revision: str) -> None:
    """Take down every migration after `revision`."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        command.downgrade(configuration(connection), revision)
        connection.commit()
    engine.dispose()
