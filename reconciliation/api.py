"""The HTTP surface of statements and reconciliations."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from core import clock
from core.bodies import FORM_BYTES, ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid, NotFound
from core.idempotency import Idempotency, IdempotencyDep
from core.ids import new_id
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import get_collection_account, is_agency
from payments.books.api import ApprovalKindsDep, ObjectId, ReasonBody
from payments.books.approvals import ApprovalKinds, propose
from payments.books.schemas import ApprovalOut, ReasonIn
from reconciliation.commands import ReconciliationContext, reconcile
from reconciliation.exports import discrepancy_pieces
from reconciliation.forced_statements import propose_forced
from reconciliation.formats.limits import LIMITS
from reconciliation.queries import find_statement, get_run, page_of_discrepancies
from reconciliation.schemas import (
    DiscrepancyList,
    DiscrepancyOut,
    ReconciliationIn,
    ReconciliationOut,
    StatementOut,
    TakingOut,
)
from reconciliation.statements import take_statement
from reconciliation.takings import find_taking
from reconciliation.uploads import own_account, read_in_turn, receive, take_large

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])


async def reconciling(request: Request) -> ReconciliationContext:
    """The application's parts for reconciling."""
    found: ReconciliationContext = request.app.state.reconciling
    return found


ReconcilingDep = Annotated[ReconciliationContext, Depends(reconciling)]
#: The database takes no NUL.
FormText = Annotated[str, Form(max_length=64, pattern=r"^[^\x00]*$")]
RunBody = Annotated[ParsedBody[ReconciliationIn], Depends(parsed(ReconciliationIn))]


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
) -> Response:
    """Take a statement in, whole or not at all; a bad row is named with its column and reason.

    A file of more than 2 MiB is answered with 202 and the statement's id: ask
    `GET /statements/{id}` how far it is and how it ended.
    """
    uploaded = await receive(parts, principal, file, account, mapping)
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
    reason: Annotated[str, Form(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")],
    parts: ReconcilingDep,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a file be taken in whose amounts seem to have lost their thousands.

    Another person approves it. Every other fault still refuses the file, row by row.
    """
    uploaded = await receive(parts, principal, file, account, mapping)
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


@router.post(
    "/reconciliations",
    status_code=201,
    response_model=ReconciliationOut,
    openapi_extra=documented(ReconciliationIn),
)
@allowing(LONG_SECONDS)
async def run_reconciliation(
    principal: Annotated[Principal, needs(Action.RECONCILE)],
    body: RunBody,
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Reconcile a business day of an account with the statements taken in so far."""

    async def work() -> ReconciliationOut:
        async with parts.database.reading() as session:
            account = await own_account(session, principal, body.model.account)
            if not await is_agency(session, account.agency_id, body.model.agency):
                raise NotFound("Cơ quan này không có tài khoản thu đó.")
            _check(body.model, clock.business_date(clock.now()))
        run_id = await reconcile(parts, account, body.model.date, actor=principal.actor)
        async with parts.database.reading() as session:
            return ReconciliationOut.of(await get_run(session, run_id, principal.agency_ids))

    return await idempotent.outside(idempotent.claim(principal.owner, body.value), work)


def _check(body: ReconciliationIn, today: date) -> None:
    if body.date > today:
        raise Invalid(
            "Ngày đối soát chưa tới.",
            errors=[FieldError("date", "in_the_future", "This day has not begun in Vietnam.")],
        )


@router.get("/reconciliations/{run_id}")
async def read_reconciliation(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: str,
    session: ReadSessionDep,
) -> ReconciliationOut:
    """A run and its tally."""
    return ReconciliationOut.of(await get_run(session, run_id, principal.agency_ids))


@router.get("/reconciliations/{run_id}/discrepancies")
async def read_discrepancies(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: str,
    session: ReadSessionDep,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> DiscrepancyList:
    """What did not simply agree, and why, page by page."""
    run = await get_run(session, run_id, principal.agency_ids)
    page = await page_of_discrepancies(session, run.id, cursor=cursor, limit=limit)
    items = [DiscrepancyOut.of(odd) for odd in page.items]
    return DiscrepancyList(items=items, next_cursor=page.next_cursor)


@router.get(
    "/reconciliations/{run_id}/discrepancies.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The list as a file."}},
)
async def export_discrepancies(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: str,
    parts: ReconcilingDep,
) -> StreamingResponse:
    """All that did not simply agree, as a CSV file; texts that a spreadsheet would calculate do
    not begin as they would."""
    async with parts.database.reading() as session:
        run = await get_run(session, run_id, principal.agency_ids)
    name = f"doi-soat-{run.business_on}.csv"
    return StreamingResponse(
        discrepancy_pieces(parts.database, run.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
