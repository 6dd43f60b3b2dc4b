"""What the database role that we run under could do beyond what the service needs."""

from dataclasses import dataclass

from core.sessions import ReadSession
from core.statements import ReadSql


@dataclass(frozen=True, slots=True)
class DatabaseRole:
    """The role of this connection, and what it could do."""

    name: str
    #: tables that it owns, itself or as a member of their owner's role; all, for a superuser
    owned: int
    #: tables that it could empty, and tables only ever added to that it could change
    emptied: int
    creates: bool

    @property
    def excess(self) -> str:
        """What it should not be able to do, in words; empty for a role that owns nothing."""
        found = []
        if self.owned:
            found.append(f"owns {self.owned} tables")
        if self.emptied:
            found.append(f"could empty or rewrite {self.emptied} tables")
        if self.creates:
            found.append("could create things beside ours")
        return ", ".join(found)


#: What the role of this connection is and could do to the tables of our schema.
_ROLE = ReadSql(
    DatabaseRole,
    """
SELECT CAST(current_user AS text) AS name,
  count(*) FILTER (WHERE pg_has_role(c.relowner, 'MEMBER')) AS owned,
  count(*) FILTER (WHERE has_table_privilege(c.oid, 'TRUNCATE')
    OR has_table_privilege(c.oid, 'TRIGGER')
    OR (has_table_privilege(c.oid, 'UPDATE') AND EXISTS (SELECT 1 FROM pg_trigger t
      WHERE t.tgrelid = c.oid AND t.tgname = 'append_only'))) AS emptied,
  has_schema_privilege(current_schema(), 'CREATE') AS creates
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace)
""",
)


async def get_role(session: ReadSession) -> DatabaseRole:
    """The role that this session runs under."""
    return await session.one(_ROLE)
