"""The tree of agencies: who stands above whom, and whom a body reaches."""

from dataclasses import dataclass

from core.sessions import ReadSession
from core.statements import ReadSql, load_sql, values_of
from payments.agencies.models import Agency

_SQL = load_sql("payments.agencies", "tree")

#: The ids of an agency and of the bodies above it, the nearest first.
_LINEAGE = ReadSql(str, _SQL["lineage"])

#: The ids of an agency and of everything below it.
_REACH = ReadSql(str, _SQL["reach"])


@dataclass(frozen=True, slots=True)
class Branch:
    """An agency and the bodies above it, the nearest first, itself left out."""

    id: str
    code: str
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Node:
    id: str
    code: str
    parent_id: str | None


_NODES = values_of(_Node, Agency)


async def lineage(session: ReadSession, agency_id: str) -> tuple[str, ...]:
    """The ids of an agency and of the bodies above it, the nearest first; none if unknown."""
    return tuple(await session.all(_LINEAGE, {"id": agency_id}))


async def reach(session: ReadSession, agency_id: str) -> frozenset[str]:
    """The ids of an agency, of its units, and of theirs: what a key of its may see."""
    return frozenset(await session.all(_REACH, {"id": agency_id}))


async def reaches(session: ReadSession, above_id: str, agency_id: str) -> bool:
    """Whether `above_id` is that agency or stands above it."""
    return above_id in await lineage(session, agency_id)


async def branches(session: ReadSession) -> dict[str, Branch]:
    """Every agency by its id, with the bodies above it: the whole tree in one reading."""
    nodes = {node.id: node for node in await session.all(_NODES)}
    found = {}
    for node in nodes.values():
        above, step = [], node.parent_id
        while step is not None:
            above.append(step)
            step = nodes[step].parent_id
        found[node.id] = Branch(node.id, node.code, tuple(above))
    return found
