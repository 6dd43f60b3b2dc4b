"""The HTTP surface of statements."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from core.bodies import FORM_BYTES, ParsedBody, documented
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import NotFound
from core.idempotency import Idempotency, IdempotencyDep
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_collection_account
from payments.books.api import ApprovalKindsDep, ObjectId, ReasonBody
from payments.books.approvals import ApprovalKinds, propose
from payments.books.schemas import ApprovalOut, ReasonIn
from reconciliation.dependencies import EncodingName, FormReason, FormText, ReconcilingDep
from reconciliation.formats.limits import LIMITS
from reconciliation.statements.forced import propose_forced
from reconciliation.statements.queries import find_statement
from reconciliation.statements.schemas import StatementOut, TakingOut
from reconciliation.statements.taking import take_statement
from reconciliation.statements.takings import find_taking
from reconciliation.statements.uploads import read_in_turn, receive, take_large

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


@router.post(
    "/statements",
    status_code=201,
    response_model=StatementOut,
    responses={202: {"model": TakingOut, "description": "A large file: ask how it ends."}},
    max_body_size=LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def upload_statement(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    file: Annotated[UploadFile, File(description="The statement file.")],
    account: FormText,
    mapping: FormText,
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
    encoding: EncodingName = None,
) -> Response:
    """Take a statement in, whole or not at all; a bad row is named with its column and reason.

    `mapping` is a layout of columns, for CSV and XLSX, or `mt940` or `camt`. `encoding` is asked
    for where a file does not tell its own.

    A file of more than 2 MiB is answered with 202 and the statement's id: ask
    `GET /statements/{id}` how far it is and how it ended.
    """
    uploaded = await receive(parts, principal, file, account, mapping, encoding)
    claim = idempotent.claim(principal.owner, uploaded.claimed)
    taking_id = new_id("stmt")
    if uploaded.is_large:
        return await take_large(parts, uploaded, idempotent, claim, taking_id, principal.actor)
    async with read_in_turn(parts, uploaded, taking_id) as (_, prepared):

        async def work(session: WriteSession) -> StatementOut:
            taken = await take_statement(
                session,
                uploaded.account,
                prepared,
                file_name=uploaded.name,
                actor=principal.actor,
                statement_id=taking_id,
            )
            return StatementOut.of(uploaded.account.code, taken, prepared)

        return await idempotent(claim, work)


@router.get("/statements/{statement_id}")
async def read_statement(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    statement_id: ObjectId,
    parts: ReconcilingDep,
    session: ReadSessionDep,
) -> TakingOut:
    """How far a statement is: `taking`, `taken` with its counts, or `refused` with the reason."""
    found = await find_taking(session, parts.cipher, statement_id)
    if found is None:
        known = await find_statement(session, statement_id, principal.agency_ids)
        if known is None:
            raise NotFound("Không có sao kê này.")
        return TakingOut.of_statement(known)
    account = await get_collection_account(session, found.collection_account_id)
    if account.agency_id not in principal.agency_ids:
        raise NotFound("Không có sao kê này.")
    return TakingOut.of(account.code, found)


@router.post(
    "/statements/forced",
    status_code=202,
    response_model=ApprovalOut,
    max_body_size=LIMITS.size + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def propose_forced_statement(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    file: Annotated[UploadFile, File(description="The statement file.")],
    account: FormText,
    mapping: FormText,
    reason: FormReason,
    parts: ReconcilingDep,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
    encoding: EncodingName = None,
) -> Response:
    """Ask that a file be taken in whose amounts seem to have lost their thousands.

    Another person approves it. Every other fault still refuses the file, row by row.
    """
    uploaded = await receive(parts, principal, file, account, mapping, encoding)
    claim = idempotent.claim(principal.owner, {**uploaded.claimed, "reason": reason})
    async with read_in_turn(parts, uploaded, new_id("stmt"), forced=True) as (content, prepared):

        async def work(session: WriteSession) -> ApprovalOut:
            made = await propose_forced(
                session,
                parts,
                kinds,
                uploaded.account,
                prepared,
                content=content,
                file_name=uploaded.name,
                reason=reason,
                by=principal,
                encoding=encoding,
            )
            return ApprovalOut.of(made)

        return await idempotent(claim, work, status=202)


@router.post(
    "/statements/{statement_id}/release",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ReasonIn),
)
async def propose_release(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    statement_id: ObjectId,
    body: ReasonBody,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that what only this statement tells of settle its bills; another person approves it."""
    return await _proposed("release_statement", principal, statement_id, body, kinds, idempotent)


@router.post(
    "/statements/{statement_id}/withdraw",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(ReasonIn),
)
async def propose_withdrawal(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    statement_id: ObjectId,
    body: ReasonBody,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a statement which was taken in wrongly be withdrawn; another person approves it.

    Its lines then stand no longer. What only it told of is reversed, or listed where it has settled
    a bill; its days are to be reconciled again.
    """
    return await _proposed("withdraw_statement", principal, statement_id, body, kinds, idempotent)


async def _proposed(
    kind: str,
    principal: Principal,
    statement_id: str,
    body: ParsedBody[ReasonIn],
    kinds: ApprovalKinds,
    idempotent: Idempotency,
) -> Response:
    async def work(session: WriteSession) -> ApprovalOut:
        reason = body.model.reason
        made = await propose(session, kinds, kind, statement_id, {}, reason, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"statement": statement_id, "body": body.value})
    return await idempotent(claim, work, status=202)
