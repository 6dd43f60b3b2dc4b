"""Loading a file: chosen, looked at with its rows and sums, and only then taken in.

A statement whose columns nobody knows yet is mapped here: the columns are seen, chosen, tried, and
saved under a name of the body's own.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from app.web.staff.day_places import day_path, with_query
from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.load_views import (
    LoadPlaces,
    kept_for,
    uploaded_again,
    view_places,
    view_settlement,
    view_statement,
)
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.templating import render
from app.web.texts import noted
from core.bodies import FORM_BYTES
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid, LephiError
from core.ids import new_id
from core.sessions import WriteSession
from core.uploads import name_of
from payments.agencies.access.rights import Action
from payments.agencies.queries import (
    get_collection_account,
    get_gateway_name,
)
from payments.books.api import ObjectId
from reconciliation.context import ReconciliationContext
from reconciliation.dependencies import ReconcilingDep
from reconciliation.formats.decoding import ENCODINGS
from reconciliation.formats.settlement_layouts import SettlementLayout
from reconciliation.settlements.api import known_layouts
from reconciliation.settlements.intake import take_settlement
from reconciliation.settlements.preparing import PreparedSettlement, prepare_settlement
from reconciliation.settlements.saved_layouts import get_settlement_layout
from reconciliation.statements.kept_files import (
    MOST_BYTES,
    LookedAtFile,
    forget_file,
    keep_file,
)
from reconciliation.statements.taking import take_statement
from reconciliation.statements.uploads import (
    own_account,
    read_in_turn,
    today,
)

router = APIRouter(include_in_schema=False)

#: How many rows of a settlement are shown.
_SHOWN: Final = 20
_NO_FILE: Final = noted("Hãy chọn một tệp.")
_NO_PLACE: Final = noted("Hãy chọn tệp này là của tài khoản hay cổng nào.")
_TOO_LARGE: Final = noted(
    "Tệp lớn hơn 2 MiB (khoảng 15.000 dòng): hãy chia nhỏ, hoặc nạp bằng dòng lệnh hay API."
)


@router.get("/staff/load")
async def choose_file(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.TAKE_STATEMENT)],
    session: SessionDep,
    place: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The form by which a file is chosen."""
    return _choose(request, who, await view_places(session, who.principal), place=place)


def _choose(
    request: Request,
    who: SignedIn,
    places: LoadPlaces,
    *,
    place: str = "",
    fault: LephiError | None = None,
) -> Response:
    return render(
        request,
        "load_file.html",
        200 if fault is None else fault.status,
        who=who,
        places=places,
        place=place,
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
    )


@router.post("/staff/load", max_body_size=MOST_BYTES + FORM_BYTES)
@allowing(LONG_SECONDS)
async def keep_chosen(
    deed: Annotated[StaffDeed, deed_needs(Action.TAKE_STATEMENT)], parts: ReconcilingDep
) -> Response:
    """Keep the file that was chosen, to be looked at; nothing is taken in."""
    place = deed.typed("place")

    async def work(session: WriteSession) -> str:
        file = deed.file("file")
        kind, _, name = place.partition(":")
        if file is None:
            raise _bad("file", _NO_FILE)
        if file.size is None or file.size > MOST_BYTES:
            raise _bad("file", _TOO_LARGE)
        account = gateway = None
        if kind == "account":
            account = (await own_account(session, deed.by, name)).code
        elif kind == "gateway":
            found = await get_gateway_name(session, name, deed.by.agency_ids)
            gateway = f"{found.gateway}/{found.account}"
        else:
            raise _bad("place", _NO_PLACE)
        await file.seek(0)
        kept = await keep_file(
            *(session, parts.cipher, deed.who.session.staff_id, name_of(file)),
            await file.read(),
            account=account,
            gateway=gateway,
        )
        return f"/staff/load/{kept}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            places = await view_places(session, deed.by)
        return _choose(deed.request, deed.who, places, place=place, fault=error)


def _bad(field: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(field, "missing", detail)])


_Mapping = Annotated[str, Query(max_length=64, pattern=r"^[^\x00]*$")]
_Encoding = Annotated[str, Query(max_length=20, pattern=r"^[a-z0-9-]*$")]
LayoutsDep = Annotated[Sequence[SettlementLayout], Depends(known_layouts)]


@router.get("/staff/load/{file_id}")
@allowing(LONG_SECONDS)
async def look_at_file(
    file_id: ObjectId,
    asked: Annotated[StaffDeed, deed_needs(Action.TAKE_STATEMENT)],
    parts: ReconcilingDep,
    layouts: LayoutsDep,
    mapping: _Mapping = "",
    encoding: _Encoding = "",
) -> Response:
    """What the file would say: rows and sums, or each fault; nothing is taken in."""
    file, content = await kept_for(asked, file_id)
    return await _look_page(asked, parts, layouts, file, content, mapping, encoding)


async def _look_page(
    asked: StaffDeed,
    parts: ReconciliationContext,
    layouts: Sequence[SettlementLayout],
    file: LookedAtFile,
    content: bytes,
    mapping: str,
    encoding: str,
    fault: LephiError | None = None,
) -> Response:
    shown: dict[str, Any] = {
        "who": asked.who,
        "file": file,
        "once": new_once(),
        "encoding": encoding,
        "encodings": [(one, one) for one in ENCODINGS],
        "fault": fault,
    }
    status = 200 if fault is None else fault.status
    if file.gateway is not None:
        view = await view_settlement(
            *(asked.database, parts, asked.context.gateways, asked.by, layouts),
            *(file, content, mapping, encoding or None),
        )
        return render(
            asked.request, "load_settlement.html", status, view=view, shown=_SHOWN, **shown
        )
    look_ = await view_statement(
        *(asked.database, parts, asked.by, file, content),
        mapping=mapping,
        encoding=encoding or None,
    )
    return render(
        asked.request,
        "load_statement.html",
        status,
        view=look_,
        told=look_.told,
        may_map=asked.by.may(Action.SAVE_LAYOUT),
        **shown,
    )


@router.post("/staff/load/{file_id}/take")
@allowing(LONG_SECONDS)
async def take_file(
    file_id: ObjectId,
    deed: Annotated[StaffDeed, deed_needs(Action.TAKE_STATEMENT)],
    parts: ReconcilingDep,
    layouts: LayoutsDep,
) -> Response:
    """Take the file in, whole or not at all, by the mapping that its look has shown."""
    mapping, encoding = deed.typed("mapping"), deed.typed("encoding")
    file, content = None, b""

    async def work() -> str:
        nonlocal file, content
        file, content = await kept_for(deed, file_id)
        if file.gateway is not None:
            return await _take_settlement(deed, parts, layouts, file, content, mapping, encoding)
        return await _take_statement(deed, parts, file, content, mapping, encoding)

    try:
        return await deed.once_in_several(work)
    except REFUSALS as error:
        if file is None:
            raise
        return await _look_page(deed, parts, layouts, file, content, mapping, encoding, fault=error)


async def _take_statement(
    deed: StaffDeed,
    parts: ReconciliationContext,
    file: LookedAtFile,
    content: bytes,
    mapping: str,
    encoding: str,
) -> str:
    async with deed.database.reading() as session:
        uploaded = await uploaded_again(session, deed.by, file, content, mapping, encoding or None)
    statement_id = new_id("stmt")
    async with read_in_turn(parts, uploaded, statement_id) as (_, prepared):

        async def work(session: WriteSession) -> str:
            taken = await take_statement(
                *(session, uploaded.account, prepared),
                file_name=uploaded.name,
                actor=deed.by.actor,
                statement_id=statement_id,
            )
            await forget_file(session, file.id)
            on = prepared.last_on or today()
            return with_query(day_path(uploaded.account.code, on), file=taken.statement_id)

        return await deed.database.run(work)


async def _take_settlement(
    deed: StaffDeed,
    parts: ReconciliationContext,
    layouts: Sequence[SettlementLayout],
    file: LookedAtFile,
    content: bytes,
    mapping: str,
    encoding: str,
) -> str:
    async with deed.database.reading() as reading:
        named = await get_gateway_name(reading, str(file.gateway), deed.by.agency_ids)
        layout = await get_settlement_layout(reading, layouts, named.agency_id, mapping, today())
    prepared: PreparedSettlement = await parts.elsewhere(
        prepare_settlement, content, layout, today(), encoding or None
    )

    async def work(session: WriteSession) -> str:
        gateway = await get_gateway_name(session, str(file.gateway), deed.by.agency_ids)
        taken = await take_settlement(
            session, gateway, prepared, file_name=file.file_name, actor=deed.by.actor
        )
        account_id = taken.settlement.collection_account_id
        account = await get_collection_account(session, account_id)
        await forget_file(session, file.id)
        on = max((row.settled_on for row in prepared.rows), default=today())
        return with_query(day_path(account.code, on), file=taken.settlement.id)

    return await deed.database.run(work)
