"""The HTTP surface of statements and reconciliations."""

from dataclasses import dataclass
from datetime import date
from functools import partial
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile

from core import clock
from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.errors import FieldError, Invalid, NotFound, TooLarge
from core.idempotency import Idempotency, IdempotencyDep
from core.sessions import ReadSession, WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import CollectionAccountValue, find_collection_account, is_agency
from payments.books.api import ApprovalKindsDep, Cursor, ObjectId, ReasonBody
from payments.books.approvals import ApprovalKinds, propose
from payments.books.schemas import ApprovalOut, ReasonIn
from reconciliation.commands import ReconciliationContext, reconcile
from reconciliation.forced_statements import propose_forced
from reconciliation.preparing import PreparedStatement, prepare
from reconciliation.queries import get_run, list_discrepancies, list_matches
from reconciliation.schemas import (
    DiscrepancyList,
    DiscrepancyOut,
    MatchList,
    MatchOut,
    ReconciliationIn,
    ReconciliationOut,
    StatementOut,
)
from reconciliation.statements import take_statement

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

#: A statement of a very busy month; more comes in several files.
MOST_BYTES = 64 * 1024 * 1024

_JSON = "application/json"


async def reconciling(request: Request) -> ReconciliationContext:
    """The application's parts for reconciling."""
    found: ReconciliationContext = request.app.state.reconciling
    return found


ReconcilingDep = Annotated[ReconciliationContext, Depends(reconciling)]
#: The database takes no NUL.
FormText = Annotated[str, Form(max_length=64, pattern=r"^[^\x00]*$")]
RunBody = Annotated[ParsedBody[ReconciliationIn], Depends(parsed(ReconciliationIn))]


async def _account(session: ReadSession, principal: Principal, code: str) -> CollectionAccountValue:
    """The collection account the caller named, if it is theirs. Raises `NotFound`."""
    account = await find_collection_account(session, code)
    if account is None or account.agency_id not in principal.agency_ids:
        raise NotFound("Không có tài khoản thu này.")
    return account


@router.post(
    "/statements",
    status_code=201,
    response_model=StatementOut,
)
async def upload_statement(
    principal: Annotated[Principal, needs(Action.TAKE_STATEMENT)],
    file: Annotated[UploadFile, File(description="The statement file.")],
    account: FormText,
    mapping: FormText,
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Take a statement in, whole or not at all; a bad row is named with its column and reason."""
    uploaded = await _uploaded(file, account, mapping, principal, parts)
    prepared = await _prepared(parts, uploaded)

    async def work(session: WriteSession) -> StatementOut:
        taken = await take_statement(
            session,
            uploaded.account,
            prepared,
            file_name=uploaded.name,
            actor=principal.actor,
        )
        return StatementOut.of(uploaded.account.code, taken, prepared)

    return await idempotent(idempotent.claim(principal.owner, uploaded.claimed), work)


@router.post("/statements/forced", status_code=202, response_model=ApprovalOut)
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
    uploaded = await _uploaded(file, account, mapping, principal, parts)
    prepared = await _prepared(parts, uploaded, forced=True)

    async def work(session: WriteSession) -> ApprovalOut:
        made = await propose_forced(
            session,
            parts,
            kinds,
            uploaded.account,
            prepared,
            content=uploaded.content,
            file_name=uploaded.name,
            reason=reason,
            by=principal,
        )
        return ApprovalOut.of(made)

    claimed = {**uploaded.claimed, "reason": reason}
    return await idempotent(idempotent.claim(principal.owner, claimed), work, status=202)


@dataclass(frozen=True, slots=True)
class _Upload:
    """A statement file as it was sent, and the account that it is said to be of."""

    account: CollectionAccountValue
    mapping: str
    name: str
    content: bytes

    @property
    def claimed(self) -> dict[str, str]:
        """What must be the same where the request is repeated."""
        digest = sha256(self.content).hexdigest()
        return {"account": self.account.id, "mapping": self.mapping, "sha256": digest}


async def _uploaded(
    file: UploadFile,
    account: str,
    mapping: str,
    principal: Principal,
    parts: ReconciliationContext,
) -> _Upload:
    """What was sent. Raises `TooLarge`, `BadFileName` and `NotFound`."""
    if file.size is None or file.size > MOST_BYTES:
        raise TooLarge(f"Tệp sao kê vượt quá {MOST_BYTES} byte.")
    name = name_of(file)
    async with parts.database.reading() as session:
        found = await _account(session, principal, account)
    return _Upload(found, mapping, name, await file.read())


async def _prepared(
    parts: ReconciliationContext, uploaded: _Upload, *, forced: bool = False
) -> PreparedStatement:
    # Reading a hundred thousand rows takes seconds, which nobody else should have to wait for.
    today = clock.business_date(clock.now())
    reading = partial(prepare, forced=forced)
    prepared: PreparedStatement = await parts.elsewhere(
        reading, uploaded.content, uploaded.mapping, uploaded.account, today
    )
    return prepared


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
async def run_reconciliation(
    principal: Annotated[Principal, needs(Action.RECONCILE)],
    body: RunBody,
    parts: ReconcilingDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Reconcile a business day of an account with the statements taken in so far."""

    async def work() -> ReconciliationOut:
        async with parts.database.reading() as session:
            account = await _account(session, principal, body.model.account)
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
) -> DiscrepancyList:
    """What did not simply agree, and why."""
    run = await get_run(session, run_id, principal.agency_ids)
    found = await list_discrepancies(session, run.id)
    return DiscrepancyList(items=[DiscrepancyOut.of(odd) for odd in found])


@router.get("/reconciliations/{run_id}/matches")
async def read_matches(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: str,
    session: ReadSessionDep,
    statement_alone: bool | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> MatchList:
    """What agreed, by payment; `statement_alone` asks for what rests on a statement alone."""
    run = await get_run(session, run_id, principal.agency_ids)
    page = await list_matches(
        session, run.id, statement_alone=statement_alone, cursor=cursor, limit=limit
    )
    return MatchList(items=[MatchOut.of(one) for one in page.items], next_cursor=page.next_cursor)
