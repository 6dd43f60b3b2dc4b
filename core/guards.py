"""Rules that the database keeps by itself, as SQL: rows that are only ever added.

The text is run by the migration, and by `create_all` through the listeners below, so that a fresh
schema and a migrated one are equal.
"""

from sqlalchemy import DDL, event
from sqlmodel import SQLModel

CREATE_APPEND_ONLY = """
CREATE FUNCTION forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""

DROP_APPEND_ONLY = "DROP FUNCTION IF EXISTS forbid_change()"


def append_only(table: str) -> str:
    """The trigger that refuses to change or delete rows of a table."""
    return (
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION forbid_change()"
    )


def lasting(table: str) -> str:
    """The trigger that refuses to empty a table; it costs nothing but where somebody tries."""
    return (
        f"CREATE TRIGGER lasting BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION forbid_change()"
    )


def after_create(model: type[SQLModel], *statements: str) -> None:
    """Run statements after `create_all` has made the model's table."""
    table = SQLModel.metadata.tables[str(model.__tablename__)]
    for statement in statements:
        event.listen(table, "after_create", executing(statement))


def executing(statement: str) -> DDL:
    """A statement as something that can be listened with."""
    # A % in it stands for itself.
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # not annotated


event.listen(SQLModel.metadata, "before_create", executing(CREATE_APPEND_ONLY))
event.listen(SQLModel.metadata, "after_drop", executing(DROP_APPEND_ONLY))
