"""A statement whose columns nobody knows: seen, chosen, tried, and saved under a name."""

from dataclasses import fields
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from app.web.staff.column_choices import TIMES, ColumnChoices
from app.web.staff.day_places import with_query
from app.web.staff.deeds import REFUSALS, StaffDeed, new_once
from app.web.staff.load_views import kept_for, looked_into, uploaded_again, view_statement
from app.web.staff.page_rights import deed_needs
from app.web.templating import render
from app.web.texts import noted
from core.deadlines import LONG_SECONDS, allowing
from core.errors import LephiError
from core.sessions import WriteSession
from payments.agencies.access.rights import Action
from payments.books.api import ObjectId
from reconciliation.context import ReconciliationContext
from reconciliation.dependencies import ReconcilingDep
from reconciliation.formats.decoding import ENCODINGS
from reconciliation.formats.reading_task import ReadingTask
from reconciliation.statements.kept_files import (
    LookedAtFile,
)
from reconciliation.statements.looking import try_layout
from reconciliation.statements.saved_layouts import save_layout
from reconciliation.statements.uploads import (
    today,
)

router = APIRouter(include_in_schema=False)

_KINDS: Final = (
    ("sides", noted("hai cột, ghi có và ghi nợ")),
    ("signed", noted("một cột, số âm là ghi nợ")),
    ("direction", noted("một cột, và một cột nói có hay nợ")),
)
#: Forms of days as people see them.
_TIME_NAMES: Final = {
    "%d/%m/%Y %H:%M:%S": "31/12/2026 23:59:59",
    "%d/%m/%Y %H:%M": "31/12/2026 23:59",
    "%d/%m/%Y": "31/12/2026",
    "%d-%m-%Y %H:%M:%S": "31-12-2026 23:59:59",
    "%d-%m-%Y": "31-12-2026",
    "%Y-%m-%d %H:%M:%S": "2026-12-31 23:59:59",
    "%Y-%m-%d": "2026-12-31",
    "%Y%m%d": "20261231",
    "iso": "2026-12-31T23:59:59+07:00",
}
_Encoding = Annotated[str, Query(max_length=20, pattern=r"^[a-z0-9-]*$")]


@router.get("/staff/load/{file_id}/columns")
@allowing(LONG_SECONDS)
async def try_columns(
    file_id: ObjectId,
    asked: Annotated[StaffDeed, deed_needs(Action.SAVE_LAYOUT)],
    parts: ReconcilingDep,
    encoding: _Encoding = "",
) -> Response:
    """The columns of a file nobody knows: chosen, and what the lines would be by that."""
    file, content = await kept_for(asked, file_id)
    given = dict(asked.request.query_params)
    choices = ColumnChoices.typed(given) if "booked_at" in given else None
    return await _columns_page(asked, parts, file, content, choices, encoding)


async def _columns_page(
    asked: StaffDeed,
    parts: ReconciliationContext,
    file: LookedAtFile,
    content: bytes,
    choices: ColumnChoices | None,
    encoding: str,
    *,
    name: str = "",
    fault: LephiError | None = None,
) -> Response:
    look_ = await view_statement(
        *(asked.database, parts, asked.by, file, content),
        encoding=encoding or None,
        choices=choices,
    )
    return render(
        asked.request,
        "load_columns.html",
        200 if fault is None else fault.status,
        KINDS=_KINDS,
        TIME_NAMES=_TIME_NAMES,
        FIELDS=[one.name for one in fields(ColumnChoices)],
        who=asked.who,
        file=file,
        view=look_,
        told=look_.told,
        choices=look_.choices,
        tried=choices is not None,
        times=TIMES,
        encoding=encoding,
        encodings=[(one, one) for one in ENCODINGS],
        once=new_once(),
        name=name,
        fault=fault,
    )


@router.post("/staff/load/{file_id}/layout")
@allowing(LONG_SECONDS)
async def save_columns(
    file_id: ObjectId,
    deed: Annotated[StaffDeed, deed_needs(Action.SAVE_LAYOUT)],
    parts: ReconcilingDep,
) -> Response:
    """Save what was chosen under a name of the body's own, if it reads the file that is kept."""
    file, content = await kept_for(deed, file_id)
    name, encoding = deed.typed("name"), deed.typed("encoding")
    choices = ColumnChoices.typed({one: deed.typed(one) for one in deed.form})
    back = with_query(f"/staff/load/{file_id}", mapping=name, encoding=encoding)

    async def work() -> str:
        async with deed.database.reading() as session:
            uploaded = await uploaded_again(session, deed.by, file, content, "", encoding or None)
        found = await looked_into(deed.database, parts, uploaded, content, "")
        layout = choices.layout(found.delimiter, found.layout)
        number = uploaded.account.account_number
        task = ReadingTask("", today(), account_number=number, encoding=encoding or None)
        tried = await parts.elsewhere(try_layout, content, task, layout, name)

        async def save(session: WriteSession) -> str:
            await save_layout(session, uploaded.account, tried, today(), actor=deed.by.actor)
            return back

        return await deed.database.run(save)

    try:
        return await deed.once_in_several(work)
    except REFUSALS as error:
        return await _columns_page(
            deed, parts, file, content, choices, encoding, name=name, fault=error
        )
