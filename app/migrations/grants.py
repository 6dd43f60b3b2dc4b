"""What the database role of `serve` and `worker` may do: exactly what they need, and own nothing.

Who owns tables can switch their guards off, empty them, and change what was only to be added to.
The running service must not: it reads all tables, adds to them, changes rows where rows change, and
takes rows away only where they serve for a while.
"""

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from app.tables import PASSING, metadata
from core.errors import NotFound

#: Tables whose rows are only ever added: a trigger says so.
_APPEND_ONLY = text("""
    SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE t.tgname = 'append_only' AND c.relnamespace = CAST(current_schema() AS regnamespace)
""")
_ROLE = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
_SCHEMA = text("SELECT current_schema()")
_DATABASE = text("SELECT current_database()")


def grant(url: str, role: str) -> None:
    """Give a role its rights on every table, and take away any others; the caller owns the tables.

    Raises `NotFound` where there is no such role, and what the database says.
    """
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            if connection.execute(_ROLE, {"role": role}).scalar() is None:
                raise NotFound(f"There is no database role {role}: CREATE ROLE {role} LOGIN …")
            for statement in _statements(connection, role):
                connection.execute(text(statement))
    finally:
        engine.dispose()


def _statements(connection: Connection, role: str) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    to, schema = quote(role), quote(connection.execute(_SCHEMA).scalar_one())
    database = quote(connection.execute(_DATABASE).scalar_one())
    append_only = set(connection.execute(_APPEND_ONLY).scalars())
    statements = [
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {to}",
        f"GRANT USAGE ON SCHEMA {schema} TO {to}",
        # A statement's rows pass through a table that is gone with their transaction.
        f"GRANT TEMPORARY ON DATABASE {database} TO {to}",
        f"GRANT SELECT ON TABLE alembic_version TO {to}",
    ]
    for table in sorted(metadata.tables):
        rights = ["SELECT", "INSERT"]
        if table not in append_only:
            rights.append("UPDATE")
        if table in PASSING:
            rights.append("DELETE")
        statements.append(f"GRANT {', '.join(rights)} ON TABLE {quote(table)} TO {to}")
    return statements
