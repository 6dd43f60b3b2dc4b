"""The HTTP surface of debts: lists taken in, looked at and withdrawn; debts found and paid for."""

from hashlib import sha256
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from core.bodies import FORM_BYTES, ParsedBody, documented, parsed
from core.db import ReadSessionDep
from core.deadlines import LONG_SECONDS, allowing
from core.errors import FieldError, Invalid
from core.idempotency import IdempotencyDep
from core.sessions import ReadSession, WriteSession
from core.tax_numbers import checked_tax_number
from core.uploads import name_of
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.billing.api import own_agency
from payments.bills.schemas import DossierNumber
from payments.books.api import ApprovalKindsDep, Cursor, Limit, ObjectId
from payments.books.approvals import propose
from payments.books.schemas import ApprovalOut
from payments.context import ContextDep
from payments.debts.approvals import DEBT_LIST, DEBT_WITHDRAWAL
from payments.debts.commands import (
    NewDebtList,
    name_payer,
    take_list,
    withdraw_list,
)
from payments.debts.comparing import ListName, check_rows, compare, faults_elsewhere
from payments.debts.queries import (
    DebtSearch,
    get_debt,
    get_list,
    page_of_debts,
    page_of_lists,
)
from payments.debts.reading import mark_apart, read_apart, read_upload
from payments.debts.schemas import (
    DebtFile,
    DebtListOut,
    DebtListPage,
    DebtOut,
    DebtPage,
    DebtPayerIn,
    DebtPreviewOut,
    DebtReasonIn,
    FormAgency,
    FormKind,
    FormList,
)
from payments.debts.sheets import LIMITS

router = APIRouter(prefix="/api/v1", tags=["debts"])

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_SENT: Final = LIMITS.file_bytes + FORM_BYTES
_Reason = Annotated[ParsedBody[DebtReasonIn], Depends(parsed(DebtReasonIn))]
_Text = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


@router.post("/debt-lists/preview", max_body_size=_MOST_SENT)
@allowing(LONG_SECONDS)
async def preview_list(
    principal: Annotated[Principal, needs(Action.KEEP_DEBTS)],
    agency: FormAgency,
    kind: FormKind,
    code: FormList,
    file: DebtFile,
    session: ReadSessionDep,
    context: ContextDep,
) -> DebtPreviewOut:
    """What a file would do: what is new, changed and gone; nothing is taken.

    422 `sheet_refused` names each fault by row, column and reason.
    """
    sheet = await read_apart(context, await read_upload(file), kind)
    sheet.check()
    name = ListName(await own_agency(session, principal, agency), kind, code)
    await check_rows(session, name, sheet.debts)
    compared = await compare(session, name, sheet.debts, context.request_key)
    return DebtPreviewOut.of(compared, sheet)


@router.post(
    "/debt-lists/error-sheet",
    response_class=Response,
    responses={200: {"content": {XLSX_TYPE: {}}, "description": "The rows, the faults marked."}},
    max_body_size=_MOST_SENT,
)
@allowing(LONG_SECONDS)
async def mark_faults(
    principal: Annotated[Principal, needs(Action.KEEP_DEBTS)],
    agency: FormAgency,
    kind: FormKind,
    code: FormList,
    file: DebtFile,
    session: ReadSessionDep,
    context: ContextDep,
) -> Response:
    """The file's own rows as a workbook, faulty cells marked, each row with its faults (Lỗi)."""
    sheet = await read_apart(context, await read_upload(file), kind)
    name = ListName(await own_agency(session, principal, agency), kind, code)
    sheet = sheet.with_faults(await faults_elsewhere(session, name, sheet.debts))
    written = await mark_apart(context, sheet)
    headers = {"Content-Disposition": 'attachment; filename="loi-danh-sach.xlsx"'}
    return Response(written, media_type=XLSX_TYPE, headers=headers)


@router.post("/debt-lists", status_code=202, response_model=DebtListOut, max_body_size=_MOST_SENT)
@allowing(LONG_SECONDS)
async def import_list(
    principal: Annotated[Principal, needs(Action.KEEP_DEBTS)],
    agency: FormAgency,
    kind: FormKind,
    code: FormList,
    file: DebtFile,
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Take a list of debts, or a newer version of one: all of it, or nothing and every fault.

    Its bills are opened batch by batch after the answer, while it is `loading`. A version by which
    a debt is changed or ended is `proposed`: ask for it (`…/proposal`), and another person approves
    it. The same file again is the same list.
    """
    content = await read_upload(file)
    file_name, digest = name_of(file), sha256(content).hexdigest()
    # Read before anything is begun: a long file would keep a transaction open.
    sheet = await read_apart(context, content, kind)
    sheet.check()

    async def work(session: WriteSession) -> DebtListOut:
        agency_id = await own_agency(session, principal, agency)
        new = NewDebtList(ListName(agency_id, kind, code), file_name, digest, sheet.debts)
        taken = await take_list(
            session,
            new,
            cipher=context.cipher,
            key=context.request_key,
            actor=principal.actor,
        )
        return DebtListOut.of(await get_list(session, taken.id, principal.agency_ids))

    told = {"agency": agency, "kind": kind, "list": code, "sha256": digest}
    return await idempotent(idempotent.claim(principal.owner, told), work, status=202)


@router.get("/debt-lists")
async def read_lists(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    session: ReadSessionDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DebtListPage:
    """The lists of the agency and its units, each version, the newest first."""
    page = await page_of_lists(session, principal.agency_ids, cursor=cursor, limit=limit)
    items = [DebtListOut.of(one) for one in page.items]
    return DebtListPage(items=items, next_cursor=page.next_cursor)


@router.get("/debt-lists/{list_id}")
async def read_list(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    list_id: ObjectId,
    session: ReadSessionDep,
) -> DebtListOut:
    """A version of a list, how far it is, and what became of its debts."""
    return DebtListOut.of(await get_list(session, list_id, principal.agency_ids))


@router.post(
    "/debt-lists/{list_id}/proposal",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(DebtReasonIn),
)
@allowing(LONG_SECONDS)
async def propose_list(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    list_id: ObjectId,
    body: _Reason,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a version that changes or ends debts be taken; another person approves it."""

    async def work(session: WriteSession) -> ApprovalOut:
        found = await get_list(session, list_id, principal.agency_ids)
        told = (found.id, {"list": found.id}, body.model.reason, principal)
        return ApprovalOut.of(await propose(session, kinds, DEBT_LIST, *told))

    claim = idempotent.claim(principal.owner, {"list": list_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.post(
    "/debt-lists/{list_id}/withdrawal",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(DebtReasonIn),
)
@allowing(LONG_SECONDS)
async def propose_list_withdrawal(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    list_id: ObjectId,
    body: _Reason,
    kinds: ApprovalKindsDep,
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that nothing of a list be owed any more: a version without rows, for two people.

    What is paid stays, and is told of as to be given back.
    """

    async def work(session: WriteSession) -> ApprovalOut:
        found = await get_list(session, list_id, principal.agency_ids)
        taken = await withdraw_list(
            session,
            ListName(found.agency_id, found.kind, found.code),
            key=context.request_key,
            actor=principal.actor,
        )
        told = (taken.id, {"list": taken.id}, body.model.reason, principal)
        return ApprovalOut.of(await propose(session, kinds, DEBT_LIST, *told))

    claim = idempotent.claim(principal.owner, {"list": list_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.get("/debts")
async def search_debts(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    session: ReadSessionDep,
    context: ContextDep,
    code: _Text = None,
    name: _Text = None,
    tax_number: _Text = None,
    dossier_number: DossierNumber | None = None,
    list_id: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    finding: bool = False,
    ended: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DebtPage:
    """Debts by their office's code, the debtor's whole name or tax number, or the dossier.

    All that is said must hold. `finding` asks for those alone that wait for people.
    """
    search = DebtSearch(
        code=code,
        name=name,
        tax_number=None if tax_number is None else _tax_number(tax_number),
        dossier_number=dossier_number,
        list_id=list_id,
        has_finding=finding,
        with_ended=ended,
    )
    page = await page_of_debts(
        session, principal.agency_ids, context.request_key, search, cursor=cursor, limit=limit
    )
    items = [DebtOut.of(one) for one in page.items]
    return DebtPage(items=items, next_cursor=page.next_cursor)


def _tax_number(text: str) -> str:
    try:
        return checked_tax_number(text)
    except ValueError as error:
        fault = FieldError("tax_number", "tax_number", str(error))
        raise Invalid(str(error), errors=[fault]) from None


@router.get("/debts/{debt_id}")
async def read_debt(
    principal: Annotated[Principal, needs(Action.READ_BILLS)],
    debt_id: ObjectId,
    session: ReadSessionDep,
) -> DebtOut:
    """A debt and where its bill is."""
    return await _debt(session, principal, debt_id)


async def _debt(session: ReadSession, principal: Principal, debt_id: str) -> DebtOut:
    return DebtOut.of(await get_debt(session, debt_id, principal.agency_ids))


@router.post(
    "/debts/{debt_id}/withdrawal",
    status_code=202,
    response_model=ApprovalOut,
    openapi_extra=documented(DebtReasonIn),
)
async def propose_debt_withdrawal(
    principal: Annotated[Principal, needs(Action.PROPOSE_APPROVAL)],
    debt_id: ObjectId,
    body: _Reason,
    kinds: ApprovalKindsDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Ask that a debt be owed no more; another person approves it. What is paid stays."""

    async def work(session: WriteSession) -> ApprovalOut:
        found = await get_debt(session, debt_id, principal.agency_ids)
        told = (found.id, {"debt": found.id}, body.model.reason, principal)
        return ApprovalOut.of(await propose(session, kinds, DEBT_WITHDRAWAL, *told))

    claim = idempotent.claim(principal.owner, {"debt": debt_id, "body": body.value})
    return await idempotent(claim, work, status=202)


@router.post(
    "/debts/{debt_id}/payer",
    status_code=201,
    response_model=DebtOut,
    openapi_extra=documented(DebtPayerIn),
)
async def write_payer(
    principal: Annotated[Principal, needs(Action.CREATE_BILL)],
    debt_id: ObjectId,
    body: Annotated[ParsedBody[DebtPayerIn], Depends(parsed(DebtPayerIn))],
    context: ContextDep,
    idempotent: IdempotencyDep,
) -> Response:
    """Say who pays a debt for the one who owes it; both names stand on what proves it.

    409 `debt_paid` once money has come or is under way.
    """

    async def work(session: WriteSession) -> DebtOut:
        found = await get_debt(session, debt_id, principal.agency_ids)
        await name_payer(
            session,
            found,
            body.model.payer,
            cipher=context.cipher,
            key=context.request_key,
            actor=principal.actor,
        )
        return await _debt(session, principal, debt_id)

    claim = idempotent.claim(principal.owner, {"debt": debt_id, "body": body.value})
    return await idempotent(claim, work)
