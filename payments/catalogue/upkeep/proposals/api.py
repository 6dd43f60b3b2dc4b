"""The catalogue out and in over HTTP: export, proposals of changes, and the second person's word.

An API key reaches its agency's own fees and reliefs; the national catalogue can be read here, and
is changed by the operator alone.
"""

import asyncio
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Path, Query, Request, Response, UploadFile
from pydantic import BaseModel, StringConstraints

from core import clock
from core.bodies import FORM_BYTES, ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid, TooLarge
from core.idempotency import IdempotencyDep
from core.schemas import Instant, RequestModel
from core.sessions import WriteSession
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.catalogue.upkeep.proposals import commands as proposals
from payments.catalogue.upkeep.proposals.differences import Differences, TableCount
from payments.catalogue.upkeep.proposals.reading import load_entries, tables_of
from payments.catalogue.upkeep.proposals.rows import Proposal, list_proposals
from payments.catalogue.upkeep.sheets.exports import CSV_TYPE, XLSX_TYPE, write_csv, write_workbook
from payments.catalogue.upkeep.sheets.files import MOST_BYTES, read_file

router = APIRouter(prefix="/catalogue", tags=["catalogue"])

TableName = Literal["legal_references", "sub_items", "procedures", "fees", "reliefs", "shares"]
State = Literal["proposed", "applied", "rejected"]
ProposalId = Annotated[str, Path(max_length=100)]

_JSON = "application/json"
_FILES: dict[int | str, dict[str, object]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in (CSV_TYPE, XLSX_TYPE)
        }
    }
}


class RejectIn(RequestModel):
    """Why a proposal is set aside."""

    reason: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"
        ),
    ]


class ProposalOut(BaseModel):
    """A proposed change. `proposed_by` and `decided_by` are people as the audit log names them."""

    id: str
    agency: str
    file_name: str
    state: State
    counts: list[TableCount]
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    reason: str | None


class ProposalDetail(ProposalOut):
    """A proposed change with all it would do, as its proposer saw it.

    `stale` says that it can no longer be applied, because the catalogue or the day has moved on;
    null once it is decided.
    """

    stale: bool | None
    differences: Differences


class ProposalList(BaseModel):
    """Proposals, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[ProposalOut]
    next_cursor: str | None


async def request_key(request: Request) -> bytes:
    """The key of the application's hashes of requests.

    Taken from the application's state by itself: the parts as a whole know this package.
    """
    found: bytes = request.app.state.payments.request_key
    return found


RequestKeyDep = Annotated[bytes, Depends(request_key)]


def _facts(proposal: Proposal) -> dict[str, Any]:
    facts = {name: getattr(proposal, name) for name in ProposalOut.model_fields if name != "counts"}
    return facts | {"counts": proposal.differences.counts}


def _detail(proposal: Proposal, *, stale: bool | None) -> ProposalDetail:
    return ProposalDetail(**_facts(proposal), stale=stale, differences=proposal.differences)


@router.get(
    "/export",
    response_class=Response,
    responses=_FILES,
)
@allowing(LONG_SECONDS)
async def export(
    principal: Annotated[Principal, needs(Action.EXPORT_CATALOGUE)],
    session: ReadSessionDep,
    format: Literal["csv", "xlsx"],
    table: TableName | None = None,
    scope: Literal["national", "agency"] = "agency",
) -> Response:
    """The agency's own entries, or the national ones, as a file that can be edited and sent back.

    A CSV file holds one table, so it must be named; an XLSX file holds all, or the one named.
    """
    owner = None if scope == "national" else principal.agency_id
    tables = tables_of(owner)
    if table is not None and table not in tables:
        fault = FieldError("table", "not_yours", "Bảng này chỉ có trong danh mục chung.")
        raise Invalid(fault.detail, errors=[fault])
    if table is None and format == "csv":
        fault = FieldError("table", "missing", "Tệp CSV chỉ có một bảng; hãy nêu tên bảng.")
        raise Invalid(fault.detail, errors=[fault])
    entries = await load_entries(session, owner, tables if table is None else [table])
    listed = {name: tuple(found.values()) for name, found in entries.items()}
    if table is not None and format == "csv":
        content, kind = write_csv(table, listed[table]), CSV_TYPE
    else:
        content, kind = await asyncio.to_thread(write_workbook, listed), XLSX_TYPE
    day = clock.business_date(clock.now())
    name = "-".join(["catalogue", scope, *([table] if table else []), f"{day:%Y%m%d}"])
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format}"'}
    return Response(content, media_type=kind, headers=headers)


@router.post(
    "/proposals",
    status_code=201,
    response_model=ProposalDetail,
    max_body_size=MOST_BYTES + FORM_BYTES,
)
@allowing(LONG_SECONDS)
async def propose(
    principal: Annotated[Principal, needs(Action.PROPOSE_CHANGE)],
    file: Annotated[UploadFile, File(description="CSV (one table) or XLSX.")],
    idempotent: IdempotencyDep,
    table: Annotated[TableName | None, Form(description="Which table a CSV file is.")] = None,
) -> Response:
    """Propose a change of the agency's fees and reliefs from a file; a person's key is needed.

    Every fault is named by sheet, row and column; with one fault nothing is taken. The answer
    says what would change, and warns of what is hidden in the file. Somebody else then applies it.
    """
    if file.size is None or file.size > MOST_BYTES:
        raise TooLarge(f"Tệp vượt quá {MOST_BYTES} byte.")
    name = name_of(file)
    content = await file.read()
    body = {
        "agency": principal.agency_id,
        "table": table,
        "sha256": sha256(content).hexdigest(),
    }

    async def work(session: WriteSession) -> ProposalDetail:
        sheets = await asyncio.to_thread(read_file, content, table)
        made = await proposals.propose(session, principal.agency_id, name, sheets, principal)
        return _detail(made, stale=False)

    return await idempotent(idempotent.claim(principal.owner, body), work)


@router.get("/proposals")
async def read_proposals(
    principal: Annotated[Principal, needs(Action.READ_PROPOSALS)],
    session: ReadSessionDep,
    state: State | None = None,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> ProposalList:
    """The proposals of the agency and its units, the newest first."""
    page = await list_proposals(
        session, principal.agency_ids, state=state, cursor=cursor, limit=limit
    )
    items = [ProposalOut(**_facts(one)) for one in page.items]
    return ProposalList(items=items, next_cursor=page.next_cursor)


@router.get("/proposals/{proposal_id}")
async def read_proposal(
    principal: Annotated[Principal, needs(Action.READ_PROPOSALS)],
    proposal_id: ProposalId,
    session: ReadSessionDep,
) -> ProposalDetail:
    """A proposal with its differences, and whether it still stands."""
    found = await proposals.get_proposal(session, proposal_id, principal)
    stale = await proposals.is_stale(session, found) if found.state == "proposed" else None
    return _detail(found, stale=stale)


@router.post("/proposals/{proposal_id}/apply")
@allowing(LONG_SECONDS)
async def apply(
    principal: Annotated[Principal, needs(Action.DECIDE_CHANGE)],
    proposal_id: ProposalId,
    session: SessionDep,
) -> ProposalDetail:
    """Apply a proposal of somebody else's; a chief's or administrator's own key is needed.

    409 `stale` if it would no longer do what was shown: reject it and send the file again.
    """
    done = await proposals.apply(session, proposal_id, principal)
    return _detail(done, stale=None)


@router.post(
    "/proposals/{proposal_id}/reject",
    openapi_extra=documented(RejectIn),
)
async def reject(
    # and to decide, where it is not one's own
    principal: Annotated[Principal, needs(Action.PROPOSE_CHANGE)],
    proposal_id: ProposalId,
    body: Annotated[ParsedBody[RejectIn], Depends(parsed(RejectIn))],
    session: SessionDep,
) -> ProposalDetail:
    """Set a proposal aside and say why; whoever proposed it may take it back so."""
    done = await proposals.reject(session, proposal_id, body.model.reason, principal)
    return _detail(done, stale=None)
