"""The HTTP surface of discrepancies as a workbook: fetched, filled in, and sent back."""

import asyncio
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile
from pydantic import BaseModel

from core.bodies import FORM_BYTES
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.idempotency import IdempotencyDep
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.schemas import ApprovalOut
from reconciliation.cases.filled_rows import list_sheet_rows, propose_rows
from reconciliation.cases.sheets import MOST_BYTES, XLSX_TYPE, read_sheet, write_sheet
from reconciliation.dependencies import ReconcilingDep
from reconciliation.queries import get_run

router = APIRouter(prefix="/api/v1/reconciliations", tags=["discrepancies"])


class FilledSheetOut(BaseModel):
    """What a filled-in workbook asks for: how many of its rows, in which approvals."""

    rows: int
    approvals: list[ApprovalOut]


@router.get(
    "/{run_id}/discrepancies.xlsx",
    response_class=Response,
    responses={200: {"content": {XLSX_TYPE: {}}, "description": "The workbook to fill in."}},
)
async def export_sheet(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: ObjectId,
    session: ReadSessionDep,
    parts: ReconcilingDep,
) -> Response:
    """Up to 5,000 discrepancies of a run as a workbook to fill in and send back."""
    run = await get_run(session, run_id, principal.agency_ids)
    rows = await list_sheet_rows(session, run.id, parts.calendar)
    written = await asyncio.to_thread(write_sheet, rows)
    name = f"chenh-lech-{run.business_on}.xlsx"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written, media_type=XLSX_TYPE, headers=headers)


@router.post(
    "/{run_id}/discrepancies.xlsx",
    status_code=202,
    response_model=FilledSheetOut,
    max_body_size=MOST_BYTES + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def propose_sheet(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    run_id: ObjectId,
    file: Annotated[UploadFile, File(description="The workbook, filled in.")],
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
    parts: ReconcilingDep,
) -> Response:
    """Ask for what a filled-in workbook says of its rows; another person approves each.

    The whole is taken or nothing: a bad row is named with its column and reason. Rows that are
    accepted for one reason are one approval, which tells their count and sum.
    """
    content = await file.read(MOST_BYTES + 1)
    filled = await asyncio.to_thread(read_sheet, content)

    async def work(session: WriteSession) -> FilledSheetOut:
        run = await get_run(session, run_id, principal.agency_ids)
        made = await propose_rows(session, kinds, parts.calendar, run.id, filled, principal)
        return FilledSheetOut(rows=len(filled), approvals=[ApprovalOut.of(one) for one in made])

    told = {"of": run_id, "sha256": sha256(content).hexdigest()}
    return await idempotent(idempotent.claim(principal.owner, told), work, status=202)
