"""Tells whoever paid that the receipt is there: written down at `ReceiptIssued`, once for each.

Goes to the phone or the address of e-mail that the payer left on the bill. Nothing is told of a
receipt that takes the place of one whose money the bank had taken back, of money that came days
before, as by a statement that was loaded late, or of a receipt that has fallen when it is sent.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from core import audit, clock
from core.crypto import Cipher
from core.errors import Conflict
from core.sessions import ReadSession, WriteSession
from payments.agencies.queries import find_agency
from payments.bills.queries import BillValue, find_bill, read_payer
from payments.message_calls import ChannelKind
from payments.messages.channels import kinds_of
from payments.messages.commands import NewMessage, write_messages
from payments.messages.delivering import ComposedMessage, MessageDrop, MessageFacts
from payments.messages.rules import channel_for, contact_of
from payments.messages.wording import PlaceName, ReceiptFacts, receipt_words
from payments.summaries import ReceiptSummary
from payments.urls import Urls
from receipts.events import ReceiptIssued
from receipts.queries import Receipts

#: Of older money nobody waits for news.
_FRESH_FOR: Final = timedelta(days=3)
#: Who has paid so long ago, as a statement that is read at night shows, is not told at night.
_WAITED_FOR: Final = timedelta(hours=1)
_NOBODY: Final = "Người nộp không để lại số điện thoại hay thư điện tử mà cơ quan gửi tới được."
_JUST_NOW: Final = "Đã gửi lại trong giờ này rồi; hãy chờ sang giờ sau."


async def tell_payers(
    session: WriteSession, cipher: Cipher, events: Sequence[ReceiptIssued]
) -> None:
    """Write a message for each receipt whose payer can be reached."""
    new = []
    for event in events:
        channel = await find_way_to_payer(session, cipher, event.agency_id, event.bill_id)
        bill = None if channel is None else await find_bill(session, event.bill_id)
        if channel is None or bill is None or not await _is_news(session, bill, event):
            continue
        late = bill.paid_at is None or clock.now() - bill.paid_at > _WAITED_FOR
        new.append(_message(bill, event.receipt_id, channel, unhurried=late))
    await write_messages(session, new)


class NobodyToTell(Conflict):
    """The payer left no phone and no e-mail, or the body has no channel that goes there."""

    code = "nobody_to_tell"


class ToldJustNow(Conflict):
    """The payer was told of this receipt within the hour, because somebody asked for it."""

    code = "told_just_now"


async def find_way_to_payer(
    session: ReadSession, cipher: Cipher, agency_id: str, bill_id: str
) -> ChannelKind | None:
    """By what the payer of a bill can be told something; None where by nothing."""
    kinds = await kinds_of(session, agency_id)
    if not kinds:
        return None
    return channel_for(contact_of(await read_payer(session, cipher, bill_id)), kinds)


async def tell_again(
    session: WriteSession, cipher: Cipher, bill: BillValue, receipt: ReceiptSummary, *, actor: str
) -> None:
    """Tell the payer of a receipt once more, because somebody at the body asks for it.

    A receipt that has fallen meanwhile is not told of when the message is sent. Raises
    `NobodyToTell`, and `ToldJustNow` for a second time within one hour.
    """
    channel = await find_way_to_payer(session, cipher, bill.agency_id, bill.id)
    if channel is None:
        raise NobodyToTell(_NOBODY)
    message = _message(bill, receipt.id, channel, f":again:{clock.now():%Y%m%d%H}")
    if not await write_messages(session, [message]):
        raise ToldJustNow(_JUST_NOW)
    await audit.record(
        session,
        actor=actor,
        action="receipt.told_again",
        object_id=receipt.id,
        details={"channel": channel},
    )


def _message(
    bill: BillValue,
    receipt_id: str,
    channel: ChannelKind,
    further: str = "",
    *,
    unhurried: bool = False,
) -> NewMessage:
    """The message of a receipt; `further` is what tells one that is sent again from the first."""
    return NewMessage(
        agency_id=bill.agency_id,
        kind="receipt",
        once=f"receipt:{receipt_id}{further}",
        object_id=receipt_id,
        subject_id=bill.id,
        channel=channel,
        language="en" if bill.language == "en" else "vi",
        unhurried=unhurried,
    )


async def _is_news(session: ReadSession, bill: BillValue, event: ReceiptIssued) -> bool:
    """Whether the receipt is the bill's first, of money that has just come."""
    receipts = (await Receipts().of_bills(session, [bill.id])).get(bill.id, ())
    if len(receipts) != 1 or receipts[0].id != event.receipt_id or bill.paid_at is None:
        return False
    return receipts[0].issued_at - bill.paid_at <= _FRESH_FOR


async def compose_receipt(
    session: WriteSession, cipher: Cipher, urls: Urls, message: MessageFacts
) -> ComposedMessage | MessageDrop:
    """What a payer is told of a receipt, or why nothing is."""
    receipt = await _standing(session, message)
    agency = await find_agency(session, message.agency_id)
    if receipt is None or agency is None:
        return MessageDrop("the receipt has fallen")
    facts = ReceiptFacts(
        PlaceName(agency.name, agency.name_en),
        *(receipt.amount, receipt.symbol, receipt.number),
        urls.receipt_check(receipt.code),
    )
    further = "vi" if message.language == "en" else "en"
    return ComposedMessage(
        contact_of(await read_payer(session, cipher, message.subject_id)),
        receipt_words(facts, message.language),
        receipt_words(facts, further),
    )


async def _standing(session: ReadSession, message: MessageFacts) -> ReceiptSummary | None:
    found = (await Receipts().of_bills(session, [message.subject_id])).get(message.subject_id, ())
    return next((one for one in found if one.id == message.object_id and one.stands), None)
