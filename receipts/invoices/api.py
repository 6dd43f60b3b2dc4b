"""Invoices over HTTP: which were made or wait, which are to be adjusted, through which providers.

Who buys is told nowhere: the bill says who pays.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from core.bodies import ParsedBody, documented, parsed
from core.db import ReadSessionDep, SessionDep
from core.idempotency import CipherDep
from core.sessions import ReadSession
from payments.agencies.access.principals import Principal, needs
from payments.agencies.access.rights import Action
from payments.agencies.queries import map_agency_codes
from receipts.invoices import commands
from receipts.invoices.accounts import list_invoice_accounts
from receipts.invoices.adjusting import order_adjustment, record_adjustment
from receipts.invoices.queries import InvoiceState, get_invoice, list_invoices
from receipts.invoices.schemas import (
    AdjustingIn,
    AdjustmentIn,
    InvoiceAccountList,
    InvoiceAccountOut,
    InvoiceList,
    WantedInvoiceOut,
)

router = APIRouter(prefix="/api/v1", tags=["invoices"])

InvoiceId = Annotated[str, Path(max_length=100)]


@router.get("/invoices")
async def read_invoices(
    principal: Annotated[Principal, needs(Action.READ_INVOICES)],
    session: ReadSessionDep,
    state: InvoiceState | None = None,
    wants_adjustment: bool = False,
    cursor: Annotated[str | None, Query(max_length=100, pattern=r"^[a-z0-9_]+$")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> InvoiceList:
    """The invoices of the own body and its units, the newest first.

    Only those of one `state`, or that say another sum than the body has of them.
    """
    page = await list_invoices(
        session,
        principal.agency_ids,
        state=state,
        wanting=wants_adjustment,
        cursor=cursor,
        limit=limit,
    )
    codes = await map_agency_codes(session, principal.agency_ids)
    items = [WantedInvoiceOut.of(one, codes[one.agency_id]) for one in page.items]
    return InvoiceList(items=items, next_cursor=page.next_cursor)


@router.get("/invoice-accounts")
async def read_invoice_accounts(
    principal: Annotated[Principal, needs(Action.READ_INVOICES)], session: ReadSessionDep
) -> InvoiceAccountList:
    """The accounts of the own body and its units. Where there is none, no invoice is made."""
    found = await list_invoice_accounts(session, principal.agency_ids)
    codes = await map_agency_codes(session, principal.agency_ids)
    return InvoiceAccountList(
        items=[InvoiceAccountOut.of(one, codes[one.agency_id]) for one in found]
    )


@router.get("/invoices/{invoice_id}")
async def read_invoice(
    invoice_id: InvoiceId,
    principal: Annotated[Principal, needs(Action.READ_INVOICES)],
    session: ReadSessionDep,
) -> WantedInvoiceOut:
    """An invoice, and what became of asking for it."""
    return await _shown(session, invoice_id, principal)


@router.post("/invoices/{invoice_id}/replays")
async def replay_invoice(
    invoice_id: InvoiceId,
    principal: Annotated[Principal, needs(Action.KEEP_INVOICES)],
    session: SessionDep,
) -> WantedInvoiceOut:
    """Have an invoice that was set aside asked for again, under its own key.

    409 `invoice_under_way` where it waits or is there.
    """
    found = await get_invoice(session, invoice_id, principal.agency_ids)
    await commands.replay_invoice(session, found, actor=principal.actor)
    return await _shown(session, invoice_id, principal)


@router.post("/invoices/{invoice_id}/adjustments", openapi_extra=documented(AdjustmentIn))
async def adjust_invoice(
    invoice_id: InvoiceId,
    principal: Annotated[Principal, needs(Action.KEEP_INVOICES)],
    body: Annotated[ParsedBody[AdjustmentIn], Depends(parsed(AdjustmentIn))],
    session: SessionDep,
) -> WantedInvoiceOut:
    """Write down that an invoice was adjusted at its provider for the money that went back.

    409 `nothing_to_adjust` where it says what the body has, `money_back_changed` where not the
    `money_back` that was read is back by now, `adjustment_under_way` where one is asked for.
    """
    found = await get_invoice(session, invoice_id, principal.agency_ids)
    told = (body.model.document, body.model.money_back)
    await record_adjustment(session, found, *told, actor=principal.actor)
    return await _shown(session, invoice_id, principal)


@router.post("/invoices/{invoice_id}/adjusting-invoices", openapi_extra=documented(AdjustingIn))
async def have_adjusted(
    invoice_id: InvoiceId,
    principal: Annotated[Principal, needs(Action.KEEP_INVOICES)],
    body: Annotated[ParsedBody[AdjustingIn], Depends(parsed(AdjustingIn))],
    session: SessionDep,
    cipher: CipherDep,
) -> WantedInvoiceOut:
    """Have an adjusting invoice asked for at the invoice's provider; the answer is the new one.

    409 `nothing_to_adjust`, `money_back_changed`, and `adjustment_under_way` where one waits.
    """
    found = await get_invoice(session, invoice_id, principal.agency_ids)
    made = await order_adjustment(
        session, cipher, found, body.model.money_back, actor=principal.actor
    )
    return await _shown(session, made, principal)


async def _shown(session: ReadSession, invoice_id: str, principal: Principal) -> WantedInvoiceOut:
    found = await get_invoice(session, invoice_id, principal.agency_ids)
    codes = await map_agency_codes(session, [found.agency_id])
    return WantedInvoiceOut.of(found, codes[found.agency_id])
