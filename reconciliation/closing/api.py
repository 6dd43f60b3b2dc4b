"""The HTTP surface of closing a day, and of its minutes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from core import failpoints
from core.bodies import ParsedBody, parsed
from core.db import DatabaseDep
from core.deadlines import LONG_SECONDS, allowing
from core.sessions import WriteSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.books.api import ApprovalKindsDep, ObjectId
from payments.books.schemas import ApprovalOut
from reconciliation.cases.schemas import ClosingIn, ClosingOut
from reconciliation.closing.closing import ClosingStep, close
from reconciliation.closing.minutes import MinutesValue, get_minutes
from reconciliation.closing.minutes_files import FileKind, MinutesPress
from reconciliation.queries import get_run

router = APIRouter(prefix="/api/v1/reconciliations", tags=["closing"])

_TYPES: dict[FileKind, str] = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def press(request: Request) -> MinutesPress:
    """The application's way of making the files of minutes."""
    found: MinutesPress = request.app.state.minutes_press
    return found


PressDep = Annotated[MinutesPress, Depends(press)]


async def _reason(request: Request) -> ClosingIn:
    """The body, where there is one: a word of why is welcome and not needed."""
    if not request.headers.get("content-length", "0").strip("0"):
        return ClosingIn()
    body: ParsedBody[ClosingIn] = await parsed(ClosingIn)(request)
    return body.model


@router.post(
    "/{run_id}/close",
    response_model=ClosingOut,
    responses={202: {"model": ClosingOut, "description": "Asked for: another person closes it."}},
)
@allowing(LONG_SECONDS)
async def close_day(
    principal: Annotated[Principal, needs(Action.CLOSE_DAY)],
    run_id: ObjectId,
    asked: Annotated[ClosingIn, Depends(_reason)],
    kinds: ApprovalKindsDep,
    database: DatabaseDep,
    press: PressDep,
    request: Request,
) -> Response:
    """Ask that a run's day be closed (202), or close it where somebody else has asked (200).

    Who closes is a chief, and not the one who asked (409 `same_person`). Refused with 409
    `open_discrepancies` or `totals_differ`, whose `errors` name the rows, `day_before_open`,
    `superseded`, and `stale` where something has changed since it was asked for. A body
    `{"reason": …}` is optional.
    """

    async def work(session: WriteSession) -> ClosingStep:
        run = await get_run(session, run_id, principal.agency_ids)
        return await close(session, kinds, run.id, asked.reason, principal)

    step = await database.run(work)
    if step.closed:
        failpoints.hit("closing.after_commit")
        await _draw(database, press, run_id)
    told = ClosingOut(
        status="closed" if step.closed else "closing_proposed",
        reconciliation=run_id,
        approval=ApprovalOut.of(step.approval),
        minutes_pdf_url=_url(request, "read_minutes_pdf", run_id) if step.closed else None,
        minutes_xlsx_url=_url(request, "read_minutes_xlsx", run_id) if step.closed else None,
    )
    status = 200 if step.closed else 202
    return Response(told.model_dump_json(), status, media_type="application/json")


def _url(request: Request, name: str, run_id: str) -> str:
    return str(request.url_for(name, run_id=run_id))


async def _draw(database: DatabaseDep, press: MinutesPress, run_id: str) -> None:
    """Make both files now; where that does not succeed, whoever asks first has them made."""
    async with database.reading() as session:
        minutes = await get_minutes(session, run_id)
    for kind in _TYPES:
        await press.file(minutes, kind)


def _shown(kind: FileKind) -> dict[str, Any]:
    content = {"schema": {"type": "string", "contentMediaType": _TYPES[kind]}}
    return {
        "response_class": Response,
        "responses": {200: {"content": {_TYPES[kind]: content}, "description": "The minutes."}},
    }


async def _minutes(
    principal: Annotated[Principal, needs(Action.READ_RECONCILIATIONS)],
    run_id: ObjectId,
    database: DatabaseDep,
) -> MinutesValue:
    # A transaction of its own: drawing takes its time, and needs another one afterwards.
    async with database.reading() as session:
        run = await get_run(session, run_id, principal.agency_ids)
        return await get_minutes(session, run.id)


OwnMinutes = Annotated[MinutesValue, Depends(_minutes)]


@router.get("/{run_id}/minutes.pdf", name="read_minutes_pdf", **_shown("pdf"))
async def read_minutes_pdf(minutes: OwnMinutes, press: PressDep) -> Response:
    """The signed minutes of the day that the run closed; the same bytes every time."""
    return file_of_minutes(minutes, await press.file(minutes, "pdf"), "pdf")


@router.get("/{run_id}/minutes.xlsx", name="read_minutes_xlsx", **_shown("xlsx"))
async def read_minutes_xlsx(minutes: OwnMinutes, press: PressDep) -> Response:
    """The minutes as a workbook; the same bytes every time."""
    return file_of_minutes(minutes, await press.file(minutes, "xlsx"), "xlsx")


def file_of_minutes(minutes: MinutesValue, data: bytes, kind: FileKind) -> Response:
    """The answer with the minutes of a day."""
    name = f"bien-ban-doi-chieu-{minutes.business_on}.{kind}"
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(data, media_type=_TYPES[kind], headers=headers)
