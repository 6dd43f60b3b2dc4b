"""The HTTP surface of statements that a bank issues anew."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from core.bodies import FORM_BYTES
from core.deadlines import LONG_SECONDS, allowing
from core.idempotency import IdempotencyDep
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.schemas import ApprovalOut
from reconciliation.dependencies import EncodingName, FormReason, FormText, ReconcilingDep
from reconciliation.formats.limits import LIMITS
from reconciliation.statements.schemas import StatementOut
from reconciliation.statements.superseding import get_account_of, is_same, propose_superseding
from reconciliation.statements.taking import StatementIntake
from reconciliation.statements.uploads import read_in_turn, receive

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


@router.post(
    "/statements/{statement_id}/supersede",
    status_code=202,
    response_model=ApprovalOut,
    responses={200: {"model": StatementOut, "description": "The same rows: nothing to replace."}},
    max_body_size=LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def propose_newer_statement(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    statement_id: ObjectId,
    file: Annotated[UploadFile, File(description="The statement file as it was issued anew.")],
    mapping: FormText,
    reason: FormReason,
    parts: ReconcilingDep,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
    encoding: EncodingName = None,
) -> Response:
    """Ask that a file which the bank has issued anew take a statement's place.

    The approval shows the difference: rows added, gone and changed, with their sums, and what
    becomes of the money that the gone ones had brought. Another person approves it. A file with the
    same rows changes nothing, and is answered with 200.
    """
    async with parts.database.reading() as session:
        account = await get_account_of(session, statement_id, principal.agency_ids)
    uploaded = await receive(parts, principal, file, account.code, mapping, encoding)
    claimed = {**uploaded.claimed, "statement": statement_id, "reason": reason}
    claim = idempotent.claim(principal.owner, claimed)
    async with read_in_turn(parts, uploaded, new_id("stmt")) as (content, prepared):
        async with parts.database.reading() as session:
            same = await is_same(session, statement_id, prepared)
        if same:
            known = StatementIntake(statement_id, prepared.row_count, 0, known=True)
            told = StatementOut.of(account.code, known, prepared)
            return Response(told.model_dump_json(), media_type="application/json")

        async def work(session: WriteSession) -> ApprovalOut:
            made = await propose_superseding(
                session,
                parts,
                kinds,
                statement_id,
                prepared,
                content=content,
                file_name=uploaded.name,
                reason=reason,
                by=principal,
                encoding=encoding,
            )
            return ApprovalOut.of(made)

        return await idempotent(claim, work, status=202)
