"""The HTTP surface of discrepancies: who works them, what is said, how they are resolved."""

from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from fastapi.responses import PlainTextResponse

from core import clock
from core.bodies import FORM_BYTES, ParsedBody, documented, parsed
from core.db import DatabaseDep, ReadSessionDep
from core.idempotency import CipherDep, IdempotencyDep
from core.ids import new_id
from core.sessions import WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.access.staff import get_staff_user
from payments.agencies.queries import get_collection_account
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut
from reconciliation.cases.approvals import BULK, PREFIX
from reconciliation.cases.asking import ask_gateway, note_letter
from reconciliation.cases.commands import own_case
from reconciliation.cases.discrepancies import (
    WorkedDiscrepancy,
    get_discrepancy,
    lock_cases,
    page_of_worked,
)
from reconciliation.cases.notes import (
    MOST_BYTES,
    attach,
    comment,
    get_attachment,
    list_attachments,
    list_comments,
)
from reconciliation.cases.schemas import (
    AttachmentOut,
    BulkResolutionIn,
    CommentIn,
    CommentOut,
    DiscrepancyPageOut,
    DiscrepancyResolutionIn,
    ImmediateDeedOut,
    OwnerIn,
    WorkedDiscrepancyList,
    WorkedDiscrepancyOut,
)
from reconciliation.cases.trace_letters import letter_about
from reconciliation.dependencies import ReconcilingDep
from reconciliation.matching.ageing import WAITING, first_late_day
from reconciliation.queries import get_run

router = APIRouter(prefix="/api/v1", tags=["discrepancies"])

_KEPT = "The file to keep: PDF, PNG, JPEG or XLSX, at most 2 MiB."


def _today() -> date:
    return clock.business_date(clock.now())


@router.get("/reconciliations/{run_id}/discrepancies")
async def read_discrepancies(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: ObjectId,
    session: ReadSessionDep,
    parts: ReconcilingDep,
    status: Annotated[str | None, Query(pattern=r"^(open|resolved|gone)$")] = None,
    kind: Annotated[str | None, Query(alias="class", pattern=r"^[a-z_]{1,40}$")] = None,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> WorkedDiscrepancyList:
    """What did not simply agree, why, and what people have made of it, page by page.

    What is not due yet needs nobody: `expected`, `with_gateway` and `on_the_way` are listed only
    where their class is asked for.
    """
    run = await get_run(session, run_id, principal.agency_ids)
    page = await page_of_worked(
        session,
        run.id,
        status=status,
        kind=kind,
        late_from=None if kind in WAITING else first_late_day(parts.calendar, _today()),
        cursor=cursor,
        limit=limit,
    )
    items = [WorkedDiscrepancyOut.of(odd, parts.calendar, _today()) for odd in page.items]
    return WorkedDiscrepancyList(items=items, next_cursor=page.next_cursor)


@router.get("/discrepancies/{discrepancy_id}")
async def read_discrepancy(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    discrepancy_id: ObjectId,
    session: ReadSessionDep,
    parts: ReconcilingDep,
) -> DiscrepancyPageOut:
    """A discrepancy with its comments and kept files."""
    odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
    case_id = str(odd.case_id)
    comments = await list_comments(session, parts.cipher, case_id)
    return DiscrepancyPageOut(
        discrepancy=WorkedDiscrepancyOut.of(odd, parts.calendar, _today()),
        comments=[CommentOut.of(one) for one in comments],
        attachments=[AttachmentOut.of(one) for one in await list_attachments(session, case_id)],
    )


@router.post("/discrepancies/{discrepancy_id}/owner", openapi_extra=documented(OwnerIn))
async def assign_owner(
    principal: Annotated[Principal, needs(Action.WORK_DISCREPANCY)],
    discrepancy_id: ObjectId,
    body: Annotated[ParsedBody[OwnerIn], Depends(parsed(OwnerIn))],
    database: DatabaseDep,
    parts: ReconcilingDep,
) -> WorkedDiscrepancyOut:
    """Give a discrepancy to a person of the agency, or to nobody."""

    async def work(session: WriteSession) -> WorkedDiscrepancy:
        odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
        owner = body.model.owner
        person = (
            None if owner is None else await get_staff_user(session, owner, principal.agency_ids)
        )
        await lock_cases(session, [str(odd.case_id)])
        owner_id = None if person is None else person.id
        await own_case(session, str(odd.case_id), owner_id, principal.actor)
        return await get_discrepancy(session, discrepancy_id, principal.agency_ids)

    return WorkedDiscrepancyOut.of(await database.run(work), parts.calendar, _today())


@router.post(
    "/discrepancies/{discrepancy_id}/comments",
    status_code=201,
    response_model=CommentOut,
    openapi_extra=documented(CommentIn),
)
async def add_comment(
    principal: Annotated[Principal, needs(Action.WORK_DISCREPANCY)],
    discrepancy_id: ObjectId,
    body: Annotated[ParsedBody[CommentIn], Depends(parsed(CommentIn))],
    cipher: CipherDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Say something of a discrepancy; nobody changes it afterwards."""

    async def work(session: WriteSession) -> CommentOut:
        odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
        text = body.model.text
        return CommentOut.of(
            await comment(session, cipher, str(odd.case_id), text, principal.actor)
        )

    claim = idempotent.claim(principal.owner, {"of": discrepancy_id, "body": body.value})
    return await idempotent(claim, work)


@router.post(
    "/discrepancies/{discrepancy_id}/attachments",
    status_code=201,
    response_model=AttachmentOut,
    max_body_size=MOST_BYTES + FORM_BYTES,
)
async def add_attachment(
    principal: Annotated[Principal, needs(Action.WORK_DISCREPANCY)],
    discrepancy_id: ObjectId,
    file: Annotated[UploadFile, File(description=_KEPT)],
    cipher: CipherDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Keep a small file with a discrepancy: PDF, PNG, JPEG or XLSX, at most 2 MiB."""
    name = name_of(file)
    content = await file.read(MOST_BYTES + 1)

    async def work(session: WriteSession) -> AttachmentOut:
        odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
        kept = await attach(session, cipher, str(odd.case_id), name, content, principal.actor)
        return AttachmentOut.of(kept)

    told = {"of": discrepancy_id, "name": name, "content": content.hex()}
    return await idempotent(idempotent.claim(principal.owner, told), work)


@router.get(
    "/attachments/{attachment_id}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}, "description": "The file."}},
)
async def read_attachment(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    attachment_id: ObjectId,
    session: ReadSessionDep,
    cipher: CipherDep,
) -> Response:
    """A file kept with a discrepancy, to be saved and never shown in place."""
    kept = await get_attachment(session, cipher, attachment_id)
    await get_discrepancy(session, kept.case_id, principal.agency_ids)
    named = f"attachment; filename*=UTF-8''{quote(kept.name)}"
    return Response(
        kept.content,
        media_type="application/octet-stream",
        headers={"Content-Disposition": named},
    )


@router.post(
    "/discrepancies/{discrepancy_id}/resolutions",
    status_code=202,
    response_model=ApprovalOut,
    responses={200: {"model": ImmediateDeedOut, "description": "Done at once."}},
    openapi_extra=documented(DiscrepancyResolutionIn),
)
async def propose_discrepancy_resolution(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    discrepancy_id: ObjectId,
    body: Annotated[ParsedBody[DiscrepancyResolutionIn], Depends(parsed(DiscrepancyResolutionIn))],
    kinds: ApprovalKindsDep,
    parts: ReconcilingDep,
    database: DatabaseDep,
    request: Request,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a discrepancy be resolved; another person approves it.

    `ask` asks the gateway now, and `trace` drafts the tracing letter: both are done at once, answer
    200, and leave the discrepancy open.
    """
    wanted = body.model
    if wanted.kind in ("ask", "trace"):
        async with database.reading() as session:
            odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
        if wanted.kind == "ask":
            outcome = await ask_gateway(parts, odd, principal.actor)
            deed = ImmediateDeedOut(status="asked", outcome=outcome)
        else:
            await note_letter(parts, odd, principal.actor)
            url = request.url_for("read_tracing_letter", discrepancy_id=str(odd.case_id))
            deed = ImmediateDeedOut(status="drafted", trace_url=str(url))
        return Response(deed.model_dump_json(), media_type="application/json")

    async def work(session: WriteSession) -> ApprovalOut:
        odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
        kind, case_id = PREFIX + wanted.kind, str(odd.case_id)
        made = await propose(session, kinds, kind, case_id, wanted.wanted, wanted.reason, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"of": discrepancy_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.get(
    "/discrepancies/{discrepancy_id}/trace",
    response_class=PlainTextResponse,
    name="read_tracing_letter",
)
async def read_tracing_letter(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    discrepancy_id: ObjectId,
    session: ReadSessionDep,
    parts: ReconcilingDep,
) -> str:
    """The tracing letter (thư tra soát) about a discrepancy, drafted with all its figures."""
    odd = await get_discrepancy(session, discrepancy_id, principal.agency_ids)
    account = await get_collection_account(session, odd.collection_account_id)
    return await letter_about(session, parts.cipher, odd, account, _today())


@router.post(
    "/reconciliations/{run_id}/resolutions",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(BulkResolutionIn),
)
async def propose_bulk_resolution(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    run_id: ObjectId,
    body: Annotated[ParsedBody[BulkResolutionIn], Depends(parsed(BulkResolutionIn))],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask for one resolution of several discrepancies of a run, or of all open ones of a class.

    The approval tells how many they are and their sum. One that is among them and has been resolved
    meanwhile makes the whole stale.
    """
    asked = body.model

    async def work(session: WriteSession) -> ApprovalOut:
        run = await get_run(session, run_id, principal.agency_ids)
        which = (
            {"all_of": asked.all_of}
            if asked.discrepancies is None
            else {"discrepancies": sorted(set(asked.discrepancies))}
        )
        wanted = {"run": run.id, "resolution": asked.kind, **which}
        made = await propose(session, kinds, BULK, new_id("bulk"), wanted, asked.reason, principal)
        return ApprovalOut.of(made)

    claim = idempotent.claim(principal.owner, {"of": run_id, "body": body.value})
    return await idempotent(claim, work, status=202)
