"""What must always hold of bills and payments: the rules of `checks.sql`, and the moves of states.

`lephi invariants`, the tests, the crash harness and the restore drill run the same list.
"""

from collections.abc import AsyncIterator, Collection

from core.audit import each_entry
from core.checks import breaches, load_rules
from core.sessions import ReadSession
from payments.states import MACHINES

#: The rules that one statement each can tell of.
RULES = load_rules("payments.books")
#: The machine that an event is told of, and the state that it leads to.
_TOLD = {move.event: (machine, move.after) for machine in MACHINES for move in machine.moves}


async def check_moves(
    session: ReadSession, ids: Collection[str] | None = None
) -> AsyncIterator[str]:
    """A line for each move that no table allows; of some objects, or of all."""
    async for line in _moves(session, ids):
        yield line


async def check(session: ReadSession) -> AsyncIterator[str]:
    """A line for each row that breaks a rule; none when all is well."""
    async for line in breaches(session, RULES):
        yield line
    async for line in _moves(session):
        yield line


async def _moves(session: ReadSession, ids: Collection[str] | None = None) -> AsyncIterator[str]:
    """Every state came by allowed moves, as the audit log tells them in order.

    One walk for all machines: the log is long, and no two machines tell of the same event.
    """
    states: dict[tuple[str, str], str] = {}
    async for entry in each_entry(session, _TOLD, ids):
        machine, after = _TOLD[entry.action]
        moved_one = (machine.name, entry.object_id)
        before, said = states.get(moved_one), entry.details.get("before")
        # Two events may lead to one state, each from another: a bill is opened before it is
        # opened again.
        if not machine.allows(before, after, entry.action) or said not in (None, before):
            moved = f"{entry.object_id} {before} → {after} ({entry.action})"
            yield f"states move as the table allows: {moved}"
        states[moved_one] = after
