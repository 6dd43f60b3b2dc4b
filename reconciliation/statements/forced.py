"""A statement whose amounts seem wrong, taken in when two people say that they are right.

The file is kept, encrypted, from when the first person asks until the second has decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, insert
from sqlmodel import col

from core import clock
from core.crypto import Cipher
from core.errors import Conflict, NotFound
from core.file_names import checked_name
from core.ids import new_id
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.access.principals import Principal
from payments.agencies.queries import CollectionAccountValue, get_collection_account
from payments.books.approvals import (
    ApprovalKind,
    ApprovalKinds,
    ApprovalValue,
    FiguresChanged,
    Subject,
    propose,
)
from reconciliation.context import ReconciliationContext
from reconciliation.models import ProposedStatement
from reconciliation.statements.preparing import PreparedStatement, prepare
from reconciliation.statements.saved_layouts import find_layout
from reconciliation.statements.taking import take_statement


class AlreadyTaken(Conflict):
    """This very file was taken in while it waited."""

    code = "already_taken"


@dataclass(frozen=True, slots=True)
class ProposedFile:
    """A file that waits for its second person; sums in đồng."""

    id: str
    collection_account_id: str
    file_name: str
    mapping: str
    row_count: int
    credited: int
    debited: int
    created_at: datetime
    supersedes: str | None
    encoding: str | None


@dataclass(frozen=True, slots=True)
class _SealedContent:
    content: bytes


def forced_kinds(reconciling: ReconciliationContext) -> ApprovalKinds:
    """The kind of approval about a file that waits to be taken in."""
    return {"force_statement": ApprovalKind(_look, partial(_take, reconciling), forget)}


async def propose_forced(
    session: WriteSession,
    reconciling: ReconciliationContext,
    kinds: ApprovalKinds,
    account: CollectionAccountValue,
    prepared: PreparedStatement,
    *,
    content: bytes,
    file_name: str,
    reason: str,
    by: Principal,
    encoding: str | None = None,
) -> ApprovalValue:
    """Ask that a file be taken in as it is; `prepared` is what it says, believed.

    Raises what `payments.books.approvals.propose` does.
    """
    proposed_id = new_id("file")
    row = {
        "id": proposed_id,
        "collection_account_id": account.id,
        "file_name": checked_name(file_name),
        "mapping": prepared.mapping,
        "row_count": prepared.row_count,
        "credited": prepared.credited,
        "debited": prepared.debited,
        "content": reconciling.cipher.encrypt(content, place_of(proposed_id)),
        "created_at": clock.now(),
        "encoding": encoding,
    }
    await session.write(insert(ProposedStatement), row)
    return await propose(session, kinds, "force_statement", proposed_id, {}, reason, by)


async def _look(session: WriteSession, proposed_id: str, _: Mapping[str, Any]) -> Subject:
    file = await lock_proposed(session, proposed_id)
    account = await get_collection_account(session, file.collection_account_id)
    figures = {
        "account": account.code,
        "file_name": file.file_name,
        "mapping": file.mapping,
        "rows": file.row_count,
        "credits": file.credited,
        "debits": file.debited,
    }
    return Subject(account.agency_id, figures)


async def _take(
    reconciling: ReconciliationContext, session: WriteSession, approval: ApprovalValue, actor: str
) -> dict[str, Any]:
    file = await lock_proposed(session, approval.object_id)
    account = await get_collection_account(session, file.collection_account_id)
    prepared = await reread(reconciling, session, file, forced=True)
    taken = await take_statement(session, account, prepared, file_name=file.file_name, actor=actor)
    if taken.known:
        raise AlreadyTaken("Tệp này đã được nhận trong lúc chờ duyệt; hãy từ chối đề nghị này.")
    await forget(session, file.id, actor)
    return {"statement": taken.statement_id, "rows": taken.row_count, "new": taken.new_count}


async def reread(
    reconciling: ReconciliationContext, session: ReadSession, file: ProposedFile, *, forced: bool
) -> PreparedStatement:
    """What a kept file says, read as when it was asked for. Raises `FiguresChanged`."""
    account = await get_collection_account(session, file.collection_account_id)
    sealed = await session.one(
        values_of(_SealedContent, ProposedStatement).where(ProposedStatement.id == file.id)
    )
    content = _opened(reconciling.cipher, file.id, sealed)
    # A layout may have ended since.
    then = clock.business_date(file.created_at)
    layout = await find_layout(session, account.agency_id, file.mapping, then)
    believed = partial(
        prepare,
        cipher=reconciling.cipher,
        forced=forced,
        encoding=file.encoding,
        layout=layout,
    )
    prepared: PreparedStatement = await reconciling.elsewhere(
        believed, content, file.mapping, account, then
    )
    said = (prepared.row_count, prepared.credited, prepared.debited)
    if said != (file.row_count, file.credited, file.debited):
        raise FiguresChanged("Tệp đọc ra khác lúc đề nghị; hãy từ chối rồi nộp lại tệp.")
    return prepared


async def forget(session: WriteSession, proposed_id: str, _: str) -> None:
    """Keep a proposed file no longer."""
    await session.write(delete(ProposedStatement).where(col(ProposedStatement.id) == proposed_id))


async def lock_proposed(session: WriteSession, proposed_id: str) -> ProposedFile:
    """A file that waits for its second person. Raises `NotFound`."""
    wanted = values_of(ProposedFile, ProposedStatement)
    found = await session.lock_first(wanted.where(ProposedStatement.id == proposed_id))
    if found is None:
        raise NotFound("Tệp này không còn chờ duyệt.")
    return found


def _opened(cipher: Cipher, proposed_id: str, sealed: _SealedContent) -> bytes:
    return cipher.decrypt(bytes(sealed.content), place_of(proposed_id))


def place_of(proposed_id: str) -> str:
    """What the file's encryption is bound to."""
    return f"statement:{proposed_id}"
