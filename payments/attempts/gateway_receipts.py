"""Receipts that gateways make out themselves: asked for once the money has come, and kept.

The link to one expires within minutes, so its PDF is fetched in the same call and kept; nobody is
ever sent to the link. The gateway is called with no transaction open. It proves nothing here: our
own receipt is the document of record.
"""

import asyncio
import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, or_

from core import clock, failpoints
from core.clocks import MOST_APART
from core.crypto import Cipher
from core.errors import LephiError, NotFound
from core.log import get
from core.sessions import ReadSession, WriteSession
from core.statements import values_of
from payments.agencies.models import Agency
from payments.agencies.queries import GatewayAccountValue
from payments.attempts.models import GatewayReceipt
from payments.bills.lines import lines_of
from payments.bills.models import Bill, Payment
from payments.bills.queries import read_payer
from payments.books.recording import Recording
from payments.capabilities import ReceiptIssuer
from payments.context import Context
from payments.gateway_info import Capability, GatewayInfo
from payments.gateway_receipts import ReceiptOrder, ReceiptPayer
from payments.ports import CallbackResult, GatewayResult, Outcome

log = get(__name__)

#: How often one is asked for before it is given up: over about two days.
MOST_ASKED: Final = 60
_LONGEST_PAUSE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DueReceipt:
    """A receipt that is to be asked for now, and how often it was."""

    payment_id: str
    gateway_account_id: str
    code: str
    asked: int


@dataclass(frozen=True, slots=True)
class _PaidFor:
    """What was paid, when, and for whose dossier."""

    bill_id: str
    order_ref: str | None
    reference: str
    paid_at: datetime
    dossier_number: str | None
    agency_code: str
    agency_name: str


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A gateway's receipt as it is kept, encrypted."""

    payment_id: str
    data: bytes
    sha256: str


_DUE = values_of(DueReceipt, GatewayReceipt)


def pause(asked: int) -> timedelta:
    """How long to wait before asking again: 15 s, 30 s, a minute … at most an hour."""
    return min(timedelta(seconds=15 * 2 ** min(asked, 10)), _LONGEST_PAUSE)


async def want_receipt(
    session: WriteSession,
    account: GatewayAccountValue,
    info: GatewayInfo | None,
    result: GatewayResult,
    recording: Recording,
) -> None:
    """Note that a gateway's receipt is wanted of money that has just paid a bill.

    Nothing where the gateway makes out none, or where the money is not simply the bill's.
    """
    if info is None or not info.can(Capability.RECEIPT, account.access.credentials):
        return
    paid = recording.result is CallbackResult.ACCEPTED and result.outcome is Outcome.SUCCEEDED
    if not (paid and recording.new and recording.payment_id and recording.bill_id):
        return
    now = clock.now()
    wanted = {
        "payment_id": recording.payment_id,
        "gateway_account_id": account.id,
        "code": result.receipt_code or result.gateway_ref or "",
        "state": "wanted",
        "wanted_at": now,
        "ask_at": now,
        "asked": 0,
    }
    await session.write(insert(GatewayReceipt).values(wanted).on_conflict_do_nothing())


async def fetch_due(context: Context, limit: int = 20) -> int:
    """Ask for receipts that are due; how many were asked for."""
    now = clock.now()
    due = (
        _DUE.where(
            # What a clock put forward has set is due too: no pause is so long.
            or_(
                col(GatewayReceipt.ask_at) <= now,
                col(GatewayReceipt.ask_at) > now + _LONGEST_PAUSE + MOST_APART,
            )
        )
        .order_by(col(GatewayReceipt.ask_at))
        .limit(limit)
    )
    async with context.database.transaction() as session:
        found = await session.lock_all(due, skip_locked=True)
        for one in found:
            asked = update(GatewayReceipt).where(col(GatewayReceipt.payment_id) == one.payment_id)
            await session.write(asked.values(ask_at=now + pause(one.asked), asked=one.asked + 1))
    # At once, for one gateway that hangs must not keep us from asking the others.
    await asyncio.gather(*(_fetch_safely(context, one) for one in found))
    return len(found)


async def _fetch_safely(context: Context, due: DueReceipt) -> None:
    try:
        await _fetch(context, due)
    except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
        told = error.code if isinstance(error, LephiError) else type(error).__name__
        log.warning("no receipt of a gateway's", payment=due.payment_id, reason=told)


async def get_kept_receipt(
    session: ReadSession, cipher: Cipher, payment_id: str, agency_ids: Collection[str]
) -> bytes:
    """The PDF of a gateway's receipt. Raises `NotFound` where none is kept, or another agency's."""
    kept = values_of(KeptReceipt, GatewayReceipt).join(
        Payment, col(Payment.id) == col(GatewayReceipt.payment_id)
    )
    found = await session.first(
        kept.where(
            col(GatewayReceipt.payment_id) == payment_id,
            col(GatewayReceipt.state) == "kept",
            col(Payment.agency_id).in_(agency_ids),
        )
    )
    if found is None:
        raise NotFound("Không có biên lai của cổng cho giao dịch này.")
    return cipher.decrypt(bytes(found.data), _name_of(payment_id))


async def _fetch(context: Context, due: DueReceipt) -> None:
    account = await context.agencies.get_gateway_by_id(due.gateway_account_id)
    adapter = context.gateways.reader(account.access)
    can = adapter.info.can(Capability.RECEIPT, account.access.credentials)
    pdf: bytes | None = None
    try:
        if can and isinstance(adapter, ReceiptIssuer):
            async with context.database.reading() as session:
                order = await _order_of(session, due, context.cipher)
            pdf = await adapter.receipt(order)
    finally:
        failpoints.hit("gateway_receipt.after_call")
        await context.database.run(lambda session: _conclude(session, context, due, pdf))


async def _conclude(
    session: WriteSession, context: Context, due: DueReceipt, pdf: bytes | None
) -> None:
    of_this = (
        col(GatewayReceipt.payment_id) == due.payment_id,
        col(GatewayReceipt.state) == "wanted",
    )
    change = update(GatewayReceipt).where(*of_this)
    if pdf is not None:
        sealed = context.cipher.encrypt(pdf, _name_of(due.payment_id))
        kept = {"data": sealed, "sha256": hashlib.sha256(pdf).hexdigest(), "kept_at": clock.now()}
        await session.write(change.values(state="kept", ask_at=None, **kept))
    elif due.asked + 1 >= MOST_ASKED:
        log.error("a gateway's receipt was given up", payment=due.payment_id)
        await session.write(change.values(state="given_up", ask_at=None))


async def _order_of(session: ReadSession, due: DueReceipt, cipher: Cipher) -> ReceiptOrder:
    paid = values_of(
        _PaidFor,
        Payment,
        Bill,
        reference=col(Bill.reference),
        agency_code=col(Agency.code),
        agency_name=col(Agency.name),
    )
    found = await session.one(
        paid.join_from(Payment, Bill, col(Bill.id) == col(Payment.bill_id))
        .join(Agency, col(Agency.id) == col(Bill.agency_id))
        .where(col(Payment.id) == due.payment_id)
    )
    lines = (await lines_of(session, [found.bill_id]))[found.bill_id]
    payer = await read_payer(session, cipher, found.bill_id)
    return ReceiptOrder(
        order_ref=found.order_ref or found.reference,
        code=due.code,
        dossier_number=found.dossier_number or "",
        procedure=lines[0].description if lines else "",
        agency_code=found.agency_code,
        agency_name=found.agency_name,
        paid_at=found.paid_at,
        asked_at=clock.now(),
        payer=ReceiptPayer(
            name=payer.get("name", ""),
            identity_number=payer.get("identity_number", ""),
            address=payer.get("address", ""),
        ),
    )


def _name_of(payment_id: str) -> str:
    """What the encryption of a receipt is bound to."""
    return f"gateway_receipt:{payment_id}"
