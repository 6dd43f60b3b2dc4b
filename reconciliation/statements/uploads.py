"""A statement file as it comes with a form, looked at no further than its bytes have to be.

A form's files lie on disk where they are large; the file is read into memory only where it is its
turn, for many may come at once.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import BinaryIO, Final

from fastapi import Response, UploadFile

from core import clock
from core.errors import Invalid, LephiError, NotFound, TooLarge
from core.idempotency import Claim, Idempotency
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal
from payments.agencies.queries import (
    CollectionAccountValue,
    find_collection_account,
)
from reconciliation.context import ReconciliationContext
from reconciliation.formats.decoding import check_encoding
from reconciliation.formats.limits import LIMITS
from reconciliation.formats.mappings import Mapping
from reconciliation.statements.large import LARGE, LargeStatement, take_in_process
from reconciliation.statements.preparing import PreparedStatement, prepare
from reconciliation.statements.saved_layouts import find_layout
from reconciliation.statements.schemas import TakingOut
from reconciliation.statements.takings import (
    NewTaking,
    TakingInterrupted,
    begin,
    end_refused,
    patiently,
    taking_turn,
)

_PIECE: Final = 2**20


log = get(__name__)


@dataclass(frozen=True, slots=True)
class UploadedStatement:
    """A statement file as it was sent, and the account that it is said to be of."""

    account: CollectionAccountValue
    mapping: str
    name: str
    digest: str
    file: UploadFile
    encoding: str | None = None
    #: what the body has saved under the name `mapping`
    layout: Mapping | None = None

    @property
    def claimed(self) -> dict[str, str]:
        """What must be the same where the request is repeated."""
        said = {"account": self.account.id, "mapping": self.mapping, "sha256": self.digest}
        return said if self.encoding is None else said | {"encoding": self.encoding}

    @property
    def is_large(self) -> bool:
        """Whether it is taken in apart."""
        return (self.file.size or 0) > LARGE

    def taking(self, taking_id: str) -> NewTaking:
        """What it asks for."""
        return NewTaking(taking_id, self.account.id, self.is_large)


async def own_account(
    session: ReadSession, principal: Principal, code: str
) -> CollectionAccountValue:
    """The collection account the caller named, if it is theirs. Raises `NotFound`."""
    account = await find_collection_account(session, code)
    if account is None or account.agency_id not in principal.agency_ids:
        raise NotFound("Không có tài khoản thu này.")
    return account


async def receive(
    parts: ReconciliationContext,
    principal: Principal,
    file: UploadFile,
    account: str,
    mapping: str,
    encoding: str | None = None,
) -> UploadedStatement:
    """What was sent. Raises `TooLarge`, `BadFileName`, `UnknownEncoding` and `NotFound`."""
    check_encoding(encoding)
    if file.size is None or file.size > LIMITS.size:
        most = f"{LIMITS.size:,}".replace(",", ".")
        raise TooLarge(f"Tệp sao kê vượt quá {most} byte; hãy chia thành nhiều tệp.")
    name = name_of(file)
    async with parts.database.reading() as session:
        found = await own_account(session, principal, account)
        layout = await find_layout(session, found.agency_id, mapping, today())
    digest = await asyncio.to_thread(_digest_of, file.file)
    return UploadedStatement(found, mapping, name, digest, file, encoding, layout)


def _digest_of(file: BinaryIO) -> str:
    file.seek(0)
    digest = sha256()
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


@asynccontextmanager
async def read_in_turn(
    parts: ReconciliationContext,
    uploaded: UploadedStatement,
    taking_id: str,
    *,
    forced: bool = False,
) -> AsyncIterator[tuple[bytes, PreparedStatement]]:
    """A file and what it says, read while few others are; its turn ends with the block.

    Raises what `prepare` does, and `TooManyStatements`.
    """
    async with taking_turn(parts.database, uploaded.taking(taking_id)):
        await uploaded.file.seek(0)
        content = await uploaded.file.read()
        # Reading thousands of rows takes a while, which nobody else should have to wait for.
        prepared: PreparedStatement = await parts.elsewhere(
            partial(
                prepare,
                cipher=parts.cipher,
                forced=forced,
                encoding=uploaded.encoding,
                layout=uploaded.layout,
            ),
            *(content, uploaded.mapping, uploaded.account, today()),
        )
        yield content, prepared


def today() -> date:
    """The day in Vietnam by which a statement is judged."""
    return clock.business_date(clock.now())


async def take_large(
    parts: ReconciliationContext,
    uploaded: UploadedStatement,
    idempotent: Idempotency,
    claim: Claim,
    taking_id: str,
    actor: str,
) -> Response:
    """Begin to take a large statement in; the answer says under which id to ask about it.

    Raises `TooManyStatements`, and what `Idempotency` does.
    """
    begun = False

    async def work(session: WriteSession) -> TakingOut:
        nonlocal begun
        await begin(session, uploaded.taking(taking_id))
        begun = True
        code = uploaded.account.code
        return TakingOut(id=taking_id, account=code, status="taking", rows_read=0)

    answer = await patiently(lambda: idempotent(claim, work, status=202))
    if begun:
        statement = LargeStatement(
            taking_id=taking_id,
            account=uploaded.account,
            mapping=uploaded.mapping,
            file_name=uploaded.name,
            actor=actor,
            today=today(),
            cipher=parts.cipher,
            database_url=parts.database.url,
            behind_pooler=parts.database.behind_pooler,
            encoding=uploaded.encoding,
            layout=uploaded.layout,
        )
        # The form's own is closed with the answer.
        file = os.dup(uploaded.file.file.fileno())
        taking = partial(_take, parts, statement, file)
        await parts.background.do(f"statement {taking_id}", taking, patience=0)
    return answer


async def _take(parts: ReconciliationContext, statement: LargeStatement, file: int) -> None:
    refused: LephiError = TakingInterrupted()

    async def end(session: WriteSession) -> None:
        # Nothing is changed where it was taken.
        await end_refused(session, parts.cipher, statement.taking_id, refused)

    try:
        await parts.apart(take_in_process, file, statement)
    except (Invalid, TooLarge) as error:
        refused = error
    except Exception as error:  # noqa: BLE001  whatever it is, whoever asks is told that it failed
        log.warning("statement not taken", statement=statement.taking_id, reason=repr(error))
    finally:
        os.close(file)
        await parts.database.run(end)
