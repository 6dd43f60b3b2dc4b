"""Files of stalls over HTTP: taken with an answer that says what to ask about."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from core.bodies import FORM_BYTES
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import TooLarge
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.api import MarketName, own_market
from payments.billing.imports.commands import NewStallImport, take_import
from payments.billing.imports.queries import get_import
from payments.billing.imports.schemas import StallImportOut
from payments.billing.sheets import LARGE_FILE, StallRow, read_rows
from payments.books.api import ObjectId
from payments.context import Context, ContextDep

router = APIRouter(prefix="/api/v1", tags=["markets"])

#: The most that a form with a file of stalls may send, in bytes.
MOST_SENT = LARGE_FILE.file_bytes + FORM_BYTES


async def read_stall_file(context: Context, upload: UploadFile) -> NewStallImport:
    """A file that was sent, read in a helper process, for it may be long.

    Raises `TooLarge`, and `StallSheetRefused`, naming each fault.
    """
    if upload.size is None or upload.size > LARGE_FILE.file_bytes:
        raise TooLarge(f"Tệp vượt quá {LARGE_FILE.file_bytes} byte.")
    content = await upload.read()
    rows: list[StallRow] = await context.elsewhere(read_rows, content, LARGE_FILE)
    return NewStallImport(name_of(upload), sha256(content).hexdigest(), rows)


@router.post(
    "/markets/{market}/import",
    status_code=202,
    response_model=StallImportOut,
    max_body_size=MOST_SENT,
)
@allowing(LONG_SECONDS)
async def import_file(
    principal: Annotated[Principal, needs(Action.KEEP_MARKETS)],
    market: MarketName,
    file: Annotated[UploadFile, File(description="CSV or XLSX, a row for each stall.")],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Take in stalls, vendors and contracts; each fault is named by row, column and reason.

    With one fault nothing is taken. What is there already is left as it is; the rest is added batch
    by batch after the answer, while it is `loading`. The same file again goes on where it was. 409
    `import_under_way` while another file of the market is being loaded.
    """
    # Read before anything is begun: a long file would keep a transaction open.
    new = await read_stall_file(context, file)

    async def work(session: WriteSession) -> StallImportOut:
        found = await own_market(session, principal, market)
        taken = await take_import(session, found, new, cipher=context.cipher, actor=principal.actor)
        return StallImportOut.of(await get_import(session, taken, principal.agency_ids))

    told = {"market": market, "sha256": new.sha256}
    return await idempotent(idempotent.claim(principal.owner, told), work, status=202)


@router.get("/stall-imports/{import_id}")
async def read_import(
    principal: Annotated[Principal, needs(Action.READ_MARKETS)],
    import_id: ObjectId,
    session: ReadSessionDep,
) -> StallImportOut:
    """A file of stalls, how far it is, and what it has added."""
    return StallImportOut.of(await get_import(session, import_id, principal.agency_ids))
