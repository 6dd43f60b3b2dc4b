"""The HTTP surface of reconciliations: a run, what it matched, and what its rest may be."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from core import clock
from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid, NotFound
from core.idempotency import IdempotencyDep
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import is_agency
from payments.books.api import Cursor
from reconciliation.days.commands import reconcile
from reconciliation.days.exports import discrepancy_pieces
from reconciliation.days.rerun import compare_closed
from reconciliation.days.run_queries import list_matches
from reconciliation.days.run_schemas import (
    LineSuggestionsOut,
    MatchList,
    MatchOut,
    ReconciliationIn,
    ReconciliationOut,
    SuggestionList,
)
from reconciliation.days.suggestions import read_open_question
from reconciliation.dependencies import ReconcilingDep
from reconciliation.matching.open_questions import LineSuggestions, answers_to
from reconciliation.queries import find_closed_run, get_run
from reconciliation.statements.uploads import own_account

router = APIRouter(prefix="/api/v1", tags=["reconciliation"])

RunBody = Annotated[ParsedBody[ReconciliationIn], Depends(parsed(ReconciliationIn))]


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
    """Reconcile a business day of an account with the statements taken in so far.

    A closed day is not changed: the answer is the run that it was closed by, and what would differ.
    """

    async def work() -> ReconciliationOut:
        async with parts.database.reading() as session:
            account = await own_account(session, principal, body.model.account)
            if not await is_agency(session, account.agency_id, body.model.agency):
                raise NotFound("Cơ quan này không có tài khoản thu đó.")
            _check(body.model, clock.business_date(clock.now()))
            closed = await find_closed_run(session, account.id, body.model.date)
        compared = None
        if closed is not None:
            compared = await compare_closed(parts, account, body.model.date, closed)
        run_id = closed or await reconcile(parts, account, body.model.date, actor=principal.actor)
        async with parts.database.reading() as session:
            run = await get_run(session, run_id, principal.agency_ids)
            return ReconciliationOut.of(run, compared)

    return await idempotent.outside(idempotent.claim(principal.owner, body.value), work)


def _check(body: ReconciliationIn, today: date) -> None:
    if body.date > today:
        raise Invalid(
            "Ngày đối chiếu chưa tới.",
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
        discrepancy_pieces(parts.database, run.id, parts.calendar),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/reconciliations/{run_id}/suggestions")
async def read_suggestions(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: str,
    parts: ReconcilingDep,
) -> SuggestionList:
    """What the credits that nobody knows may be; nothing of it is done by itself."""
    async with parts.database.reading() as session:
        question = await read_open_question(session, parts.cipher, run_id, principal.agency_ids)
    found: list[LineSuggestions] = await parts.elsewhere(answers_to, question)
    return SuggestionList(items=[LineSuggestionsOut.of(one) for one in found])


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
