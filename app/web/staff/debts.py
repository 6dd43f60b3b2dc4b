"""Debts that other offices set: their lists, a file looked at before it is taken, what is left.

A file is kept for an hour while it is looked at; nothing becomes a bill before it is taken.
"""

from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from app.web.staff.debt_views import (
    CHANGES,
    FIELDS,
    LIST_COLUMNS,
    LIST_STATES,
    DebtFileView,
    debt_table,
    kept_debts,
    list_row,
    named_list,
    read_marked,
    told_list,
    view_debt_file,
)
from app.web.staff.deeds import REFUSALS, StaffDeed, faults_by_field, new_once
from app.web.staff.doors import SignedIn
from app.web.staff.keeping_lists import MOST_ROWS
from app.web.staff.page_rights import deed_needs, page_needs
from app.web.staff.tables import PER_PAGE, AskedTable, ShownTable
from app.web.templating import render
from app.web.texts import noted
from core.bodies import FORM_BYTES
from core.db import SessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import Conflict, FieldError, Invalid, LephiError
from core.sessions import ReadSession, WriteSession
from core.uploads import name_of
from payments.agencies.access.rights import Action
from payments.agencies.listing import list_agencies
from payments.books.api import ApprovalKindsDep, Cursor, ObjectId
from payments.books.approvals import find_proposed, propose
from payments.context import Context, ContextDep
from payments.debts.api import XLSX_TYPE
from payments.debts.approvals import DEBT_LIST
from payments.debts.commands import NewDebtList, take_list, withdraw_list
from payments.debts.comparing import ListName
from payments.debts.findings import DebtChange
from payments.debts.kinds import KINDS, DebtKind
from payments.debts.queries import DebtSearch, get_list, page_of_debts, page_of_lists
from payments.debts.reading import mark_apart
from payments.debts.sheets import LIMITS
from reconciliation.statements.kept_files import LookedAtFile, forget_file, keep_file

router = APIRouter(include_in_schema=False)

DEBTS: Final = "/staff/debts"
Reader = Annotated[SignedIn, page_needs(Action.READ_BILLS)]
Keeper = Annotated[StaffDeed, deed_needs(Action.KEEP_DEBTS)]
_NO_FILE: Final = noted("Hãy chọn một tệp.")
_TOO_LARGE: Final = noted("Tệp lớn hơn 32 MiB: hãy chia thành nhiều danh sách.")
_STATE_CHANGED: Final = noted("Tình trạng danh sách vừa đổi: hãy xem lại rồi đề nghị.")
#: What the second person is told where nobody says more; it is kept as it stands.
_WHY: Final = "Phiên bản mới của danh sách"


@router.get(DEBTS)
async def lists_page(
    request: Request, who: Reader, session: SessionDep, cursor: Cursor = None
) -> Response:
    """The lists that were taken, each version, the newest first."""
    page = await page_of_lists(session, who.principal.agency_ids, cursor=cursor)
    table = ShownTable(
        DEBTS,
        LIST_COLUMNS,
        [list_row(DEBTS, one) for one in page.items],
        AskedTable(cursor=cursor or ""),
        page.next_cursor,
    )
    may_keep = who.principal.may(Action.KEEP_DEBTS)
    return render(request, "debts.html", who=who, table=table, may_keep=may_keep)


@router.get(f"{DEBTS}/new")
async def new_list_page(
    request: Request,
    who: Annotated[SignedIn, page_needs(Action.KEEP_DEBTS)],
    session: SessionDep,
    kind: Annotated[DebtKind, Query()] = DebtKind.LAND_TAX,
    code: Annotated[str, Query(alias="list", max_length=64, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """The form by which a list's file is chosen."""
    bodies = await list_agencies(session, who.principal.agency_ids, limit=MOST_ROWS)
    return _form(request, who, bodies.items, {"agency": "", "kind": kind, "list": code})


def _form(
    request: Request,
    who: SignedIn,
    bodies: object,
    typed: dict[str, str],
    fault: LephiError | None = None,
) -> Response:
    return render(
        request,
        "debts_new.html",
        200 if fault is None else fault.status,
        who=who,
        bodies=bodies,
        typed=typed,
        kinds=KINDS,
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
    )


@router.post(f"{DEBTS}/new", max_body_size=LIMITS.file_bytes + FORM_BYTES)
@allowing(LONG_SECONDS)
async def keep_list_file(deed: Keeper) -> Response:
    """Keep the file that was chosen, to be looked at; nothing is taken."""
    typed = deed.typed_in(FIELDS)

    async def work(session: WriteSession) -> str:
        told = told_list(typed)
        await named_list(session, deed.by, told)
        file = deed.file("file")
        if file is None:
            raise Invalid(_NO_FILE, errors=[FieldError("file", "missing", _NO_FILE)])
        if file.size is None or file.size > LIMITS.file_bytes:
            raise Invalid(_TOO_LARGE, errors=[FieldError("file", "too_large", _TOO_LARGE)])
        await file.seek(0)
        kept = await keep_file(
            *(session, deed.context.cipher, deed.who.session.staff_id, name_of(file)),
            await file.read(),
            debts=told.place,
        )
        return f"{DEBTS}/files/{kept}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            bodies = await list_agencies(session, deed.by.agency_ids, limit=MOST_ROWS)
        return _form(deed.request, deed.who, bodies.items, typed, error)


@router.get(f"{DEBTS}/files/{{file_id}}")
@allowing(LONG_SECONDS)
async def look_at_list(file_id: ObjectId, asked: Keeper) -> Response:
    """What the file would do: counts and differences, or each fault; nothing is taken."""
    file, content = await kept_debts(asked, file_id)
    return await _look(asked, file, content)


async def _look(
    asked: StaffDeed, file: LookedAtFile, content: bytes, fault: LephiError | None = None
) -> Response:
    view: DebtFileView | None = None
    try:
        view = await view_debt_file(asked, file, content)
    except Invalid as error:
        fault = fault or error
    return render(
        asked.request,
        "debts_file.html",
        200 if fault is None else fault.status,
        who=asked.who,
        file=file,
        view=view,
        kinds=KINDS,
        may_propose=asked.by.may(Action.PROPOSE_APPROVAL),
        reason=asked.typed("reason"),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
    )


@router.get(f"{DEBTS}/files/{{file_id}}/errors.xlsx")
@allowing(LONG_SECONDS)
async def error_sheet(file_id: ObjectId, asked: Keeper) -> Response:
    """The file's rows with their faults marked, to be mended and sent again."""
    file, content = await kept_debts(asked, file_id)
    _, sheet = await read_marked(asked, file, content)
    written = await mark_apart(asked.context, sheet)
    headers = {"Content-Disposition": 'attachment; filename="loi-danh-sach.xlsx"'}
    return Response(written, media_type=XLSX_TYPE, headers=headers)


@router.post(f"{DEBTS}/files/{{file_id}}/take")
@allowing(LONG_SECONDS)
async def take_list_file(file_id: ObjectId, deed: Keeper, kinds: ApprovalKindsDep) -> Response:
    """Take the list, whole or not at all; one that changes debts is asked for of two people."""
    file, content = None, b""

    async def work() -> str:
        nonlocal file, content
        file, content = await kept_debts(deed, file_id)
        name, sheet = await read_marked(deed, file, content)
        sheet.check()
        new = NewDebtList(name, file.file_name, sha256(content).hexdigest(), sheet.debts)

        async def take(session: WriteSession) -> str:
            taken = await take_list(
                session,
                new,
                cipher=deed.context.cipher,
                key=deed.context.request_key,
                actor=deed.by.actor,
            )
            await forget_file(session, file_id)
            waits = taken.state == "proposed" and not taken.known
            if waits and deed.by.may(Action.PROPOSE_APPROVAL):
                told = (taken.id, {"list": taken.id}, deed.typed("reason") or _WHY, deed.by)
                await propose(session, kinds, DEBT_LIST, *told)
            return f"{DEBTS}/{taken.id}"

        return await deed.database.run(take)

    try:
        return await deed.once_in_several(work)
    except REFUSALS as error:
        if file is None:
            raise
        return await _look(deed, file, content, error)


@router.get(f"{DEBTS}/{{list_id}}")
async def list_page(
    request: Request,
    list_id: ObjectId,
    who: Reader,
    session: SessionDep,
    context: ContextDep,
    part: Annotated[str, Query(pattern=r"^(all|left)?$")] = "",
    cursor: Cursor = None,
) -> Response:
    """A version of a list: how far it is, what it did, and its debts; `left` wait for people."""
    return await _list_page(request, who, session, context, list_id, part, cursor)


@router.post(f"{DEBTS}/{{list_id}}/ask")
@allowing(LONG_SECONDS)
async def ask_for_list(
    list_id: ObjectId,
    deed: Annotated[StaffDeed, deed_needs(Action.PROPOSE_APPROVAL)],
    kinds: ApprovalKindsDep,
) -> Response:
    """Ask a second person for a version that waits, or that the whole list be owed no more."""

    async def work(session: WriteSession) -> str:
        found = await get_list(session, list_id, deed.by.agency_ids)
        asked_for = found.id
        if deed.typed("state") != found.state:
            # The same button asks for one version, or for the end of the whole list.
            raise Conflict(_STATE_CHANGED, code="list_changed")
        if found.state != "proposed":
            name = ListName(found.agency_id, found.kind, found.code)
            key = deed.context.request_key
            asked_for = (await withdraw_list(session, name, key=key, actor=deed.by.actor)).id
        if not (reason := deed.typed("reason")):
            detail = "Hãy ghi lý do."
            raise Invalid(detail, errors=[FieldError("reason", "missing", detail)])
        await propose(session, kinds, DEBT_LIST, asked_for, {"list": asked_for}, reason, deed.by)
        return f"{DEBTS}/{asked_for}"

    try:
        return await deed.once(work)
    except REFUSALS as error:
        async with deed.database.reading() as session:
            told = (deed.request, deed.who, session, deed.context, list_id)
            return await _list_page(*told, fault=error)


async def _list_page(
    request: Request,
    who: SignedIn,
    session: ReadSession,
    context: Context,
    list_id: str,
    part: str = "",
    cursor: str | None = None,
    *,
    fault: LephiError | None = None,
) -> Response:
    reach = who.principal.agency_ids
    found = await get_list(session, list_id, reach)
    left = await page_of_debts(
        session,
        reach,
        context.request_key,
        DebtSearch(list_id=found.id, has_finding=part != "all"),
        cursor=cursor,
        limit=PER_PAGE,
    )
    waits = await find_proposed(session, DEBT_LIST, found.id, reach)
    return render(
        request,
        "debts_list.html",
        200 if fault is None else fault.status,
        who=who,
        one=found,
        kind=KINDS[DebtKind(found.kind)],
        state=LIST_STATES[found.state],
        outcome=[(CHANGES[DebtChange(name)], count) for name, count in found.outcome.items()],
        part=part,
        table=debt_table(f"{DEBTS}/{found.id}", left, part),
        approval=waits,
        may_ask=who.principal.may(Action.PROPOSE_APPROVAL)
        and waits is None
        and found.state in ("proposed", "done"),
        once=new_once(),
        fault=fault,
        faults=faults_by_field(fault),
    )
