"""Reminders written down, put together, and refused. Commands take a session and never commit.

On each reminder day of a market its vendors are reminded, from seven in the morning on, once for
each month that is owed and due in the present one. What is written down is looked at once more when
it is sent (`compose_reminder`): what was paid meanwhile, is on its way, or nobody wants to hear, is
dropped. A day on which no worker worked is not made up for: the next reminder says the same.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from itertools import groupby

from sqlalchemy import any_, func, literal, or_, update
from sqlmodel import col, select

from core import audit, clock
from core.crypto import Cipher, DecryptionFailed
from core.errors import NotFound
from core.log import get
from core.sessions import WriteSession
from payments.agencies.queries import find_agency
from payments.billing.batches import opened_vendor
from payments.billing.models import Market, Vendor
from payments.billing.periods import month_of
from payments.billing.reminding.queries import (
    OwedStall,
    RemindedVendor,
    list_due_at,
    list_owed_by,
    list_vendors,
)
from payments.message_calls import ChannelKind
from payments.messages.channels import kinds_of
from payments.messages.commands import NewMessage, write_messages
from payments.messages.delivering import ComposedMessage, MessageDrop, MessageFacts
from payments.messages.rules import QUIET_UNTIL, Contact, channel_for, contact_of
from payments.messages.wording import PlaceName, ReminderFacts, reminder_words
from payments.urls import Urls

log = get(__name__)

ACTOR = "system:reminders"

#: A reminder that could not be sent for so long says nothing that helps.
_GOOD_FOR = timedelta(days=2)


async def write_reminders(session: WriteSession, cipher: Cipher) -> int:
    """Write the reminders of one market that has its day; 1 where there was one, else 0."""
    now = clock.now()
    today = clock.business_date(now)
    if now.astimezone(clock.VIETNAM).time() < QUIET_UNTIL:
        return 0
    row = Market
    wanted = select(row).where(
        literal(today.day) == any_(col(row.reminder_days)),
        # Also where a clock that was put forward has written a day that is still to come.
        or_(col(row.reminded_on).is_(None), col(row.reminded_on) != today),
    )
    # Whichever comes: a market that fails again and again must not stand before the others.
    found = await session.lock_all(wanted.order_by(func.random()).limit(1), skip_locked=True)
    if not found:
        return 0
    (market,) = found
    done = update(row).where(col(row.id) == market.id)
    await session.write(done.values(reminded_on=today))
    kinds = await kinds_of(session, market.agency_id)
    if not kinds:
        return 1  # whose body sends nothing has nobody reminded, and nothing to be told of it
    told = await _write_for(session, cipher, market.id, kinds, today)
    await audit.record(
        session, actor=ACTOR, action="market.reminded", object_id=market.id, details=told
    )
    return 1


async def _write_for(
    session: WriteSession,
    cipher: Cipher,
    market_id: str,
    kinds: Collection[ChannelKind],
    today: date,
) -> dict[str, int]:
    """Write a market's reminders; what the log tells of them, in counts."""
    month = month_of(today)
    owed = await list_due_at(session, market_id, month.first, month.last)
    vendors = {
        one.id: one for one in await list_vendors(session, sorted({one.vendor_id for one in owed}))
    }
    new, refused, unreachable = [], 0, 0
    for (vendor_id, period), _ in groupby(owed, key=lambda one: (one.vendor_id, one.period)):
        vendor = vendors[vendor_id]
        if vendor.reminders_refused_at is not None:
            refused += 1
        elif (channel := channel_for(_reached_at(cipher, vendor), kinds)) is None:
            unreachable += 1
        else:
            new.append(_reminder(vendor, period, today, channel))
    written = await write_messages(session, new)
    return {"written": written, "refused": refused, "unreachable": unreachable}


def _reminder(vendor: RemindedVendor, period: str, today: date, channel: ChannelKind) -> NewMessage:
    return NewMessage(
        agency_id=vendor.agency_id,
        kind="reminder",
        once=f"reminder:{vendor.id}:{period}:{today.isoformat()}",
        object_id=vendor.id,
        subject_id=vendor.id,
        channel=channel,
        language="en" if vendor.language == "en" else "vi",
        facts={"period": period, "day": today.isoformat()},
    )


async def compose_reminder(
    session: WriteSession, cipher: Cipher, urls: Urls, message: MessageFacts
) -> ComposedMessage | MessageDrop:
    """A reminder as it is true now, or why there is none to be sent."""
    if clock.now() - message.created_at > _GOOD_FOR:
        return MessageDrop("too late")
    found = await list_vendors(session, [message.subject_id])
    agency = await find_agency(session, message.agency_id)
    if not found or agency is None:
        return MessageDrop("no such vendor")
    (vendor,) = found
    if vendor.reminders_refused_at is not None:
        return MessageDrop("refused")
    owed = await list_owed_by(session, vendor.id, message.facts["period"])
    if not owed:
        return MessageDrop("paid, on its way, or waived")
    facts = _facts(owed, PlaceName(agency.name, agency.name_en), agency.code, urls, vendor.id)
    further = "vi" if message.language == "en" else "en"
    return ComposedMessage(
        _contact(cipher, vendor),
        reminder_words(facts, message.language),
        reminder_words(facts, further),
    )


def _facts(
    owed: Sequence[OwedStall], body: PlaceName, code: str, urls: Urls, vendor_id: str
) -> ReminderFacts:
    first = owed[0]
    return ReminderFacts(
        body=body,
        market=PlaceName(first.market, first.market_en),
        stalls=tuple(dict.fromkeys(one.stall for one in owed)),
        month=first.first_on,
        amount=sum(one.amount for one in owed),
        due_on=first.due_on,
        link=urls.stall(code, first.reference),
        stop=urls.stop_reminders(first.reference, vendor_id),
    )


def _contact(cipher: Cipher, vendor: RemindedVendor) -> Contact:
    said = {} if vendor.data is None else opened_vendor(cipher, vendor.id, bytes(vendor.data))
    return contact_of(said)


def _reached_at(cipher: Cipher, vendor: RemindedVendor) -> Contact:
    """Where a vendor is reached; nowhere where that cannot be read: the others must go on."""
    try:
        return _contact(cipher, vendor)
    except DecryptionFailed:
        log.error("a vendor's data cannot be read", vendor=vendor.id)
        return Contact(None, None)


async def set_reminders(
    session: WriteSession,
    vendor_id: str,
    *,
    wanted: bool,
    language: str | None = None,
    agency_ids: Collection[str] | None = None,
    actor: str,
) -> None:
    """Write down whether a vendor wants reminders, and in which language; None: that stays.

    `agency_ids` are whose vendors the caller may change, None for any. Raises `NotFound`.
    """
    row = Vendor
    known = select(row).where(col(row.id) == vendor_id)
    if agency_ids is not None:
        known = known.where(col(row.agency_id).in_(agency_ids))
    vendor = await session.lock_first(known)
    if vendor is None:
        raise NotFound("Không có tiểu thương này.")
    since = None if wanted else (vendor.reminders_refused_at or clock.now())
    now_in = language or vendor.language
    if (since, now_in) == (vendor.reminders_refused_at, vendor.language):
        return
    change = update(row).where(col(row.id) == vendor_id)
    await session.write(change.values(reminders_refused_at=since, language=now_in))
    details = {"reminders": wanted, "language": now_in}
    action = "vendor.reminders_changed"
    await audit.record(session, actor=actor, action=action, object_id=vendor_id, details=details)
