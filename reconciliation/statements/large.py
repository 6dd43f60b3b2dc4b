"""Large statements, taken in apart: in a process, with a connection and at a priority of their own.

Whoever sends one is answered at once with the id to ask about. Reading it costs seconds of the
processor and its rows are many; so neither is done where requests are answered, the rows go in by
batches with rests between them, and everything is one transaction: a process that is killed leaves
nothing of it.
"""

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import BinaryIO, Final

from core import failpoints
from core.crypto import Cipher
from core.db import Database
from core.sessions import WriteSession
from payments.agencies.queries import CollectionAccountValue
from reconciliation.formats.mappings import Mapping
from reconciliation.statements.preparing import PreparedStatement, prepare
from reconciliation.statements.schemas import StatementOut
from reconciliation.statements.taking import StatementIntake, take_statement
from reconciliation.statements.takings import beating, end_taken

#: A file of more bytes than this is large: some 15,000 rows, a second of reading.
LARGE: Final = 2 * 2**20
#: After each batch of rows: half as long as it took, for the others at the database.
_REST: Final = 0.5
#: How often we wait for the account, each time as long as a lock is waited for: several of its
#: statements may come at once.
_ATTEMPTS: Final = 24


@dataclass(frozen=True, slots=True)
class LargeStatement:
    """A statement to be taken in apart, under the id of its taking; its file comes beside it."""

    taking_id: str
    account: CollectionAccountValue
    mapping: str
    file_name: str
    actor: str
    today: date
    #: seals the bank's words
    cipher: Cipher = field(repr=False)
    database_url: str = field(repr=False)
    behind_pooler: bool = False
    encoding: str | None = None
    #: one that the body has saved under the name `mapping`
    layout: Mapping | None = None


def take_in_process(file: BinaryIO, statement: LargeStatement) -> None:
    """Take a large statement in: what the process for it does. Raises what refuses it."""
    gc.disable()  # a million objects that all stay are looked through for nothing
    asyncio.run(_take(file.read(), statement))


async def _take(content: bytes, statement: LargeStatement) -> None:
    database = Database(statement.database_url, pool_size=2, behind_pooler=statement.behind_pooler)
    try:
        await take_showing(database, content, statement, lambda rows: None)
    finally:
        await database.dispose()


async def take_showing(
    database: Database, content: bytes, statement: LargeStatement, tell: Callable[[int], None]
) -> tuple[StatementIntake, PreparedStatement]:
    """Take a statement in, with signs of life on its taking; `tell` hears how many rows were read.

    Raises what `prepare` does, and `TakingInterrupted`.
    """
    read = 0

    def note(rows: int) -> None:
        nonlocal read
        read = rows
        tell(rows)
        failpoints.hit("statement.while_read")

    async with beating(database, statement.taking_id, lambda: read):
        prepared = await asyncio.to_thread(
            partial(
                prepare,
                cipher=statement.cipher,
                encoding=statement.encoding,
                layout=statement.layout,
                tell=note,
            ),
            *(content, statement.mapping, statement.account, statement.today),
        )
        read = prepared.row_count

        async def store(session: WriteSession) -> StatementIntake:
            taken = await take_statement(
                session,
                statement.account,
                prepared,
                file_name=statement.file_name,
                actor=statement.actor,
                statement_id=statement.taking_id,
                rest=_REST,
            )
            told = StatementOut.of(statement.account.code, taken, prepared)
            await end_taken(session, statement.taking_id, taken.row_count, told.model_dump())
            failpoints.hit("statement.before_commit")
            return taken

        taken = await database.run(store, attempts=_ATTEMPTS)
        failpoints.hit("statement.after_commit")
    return taken, prepared
