"""What people and systems do to bills: open, cancel. Commands take a session and never commit."""

from collections.abc import Collection
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import text

from core import audit, clock
from core.crypto import Cipher, keyed_hash
from core.errors import Conflict, FieldError, Invalid, NotFound
from core.ids import new_id
from core.money import MAX_AMOUNT
from core.references import find_references, new_reference
from core.sessions import WriteSession
from payments.agencies.queries import AgencyValue, CollectionAccountValue
from payments.asking import MOST_LINES, circumstances_of, personal_data, price_lines
from payments.catalogue.pricing import normal_asset
from payments.catalogue.schedule import Schedule
from payments.credits import record_credit
from payments.opening import NewBill
from payments.ports import Credit
from payments.schemas import BillIn
from payments.states import BILL, LIVE

#: A bill lives at most this long; a fee's amount is that of the day it was opened.
LONGEST = timedelta(days=365)


class MoneyUnderWay(Conflict):
    """A payment of this bill has come or may still come: wait for its outcome."""

    code = "money_under_way"


def prepare_bill(
    schedule: Schedule, agency: AgencyValue, body: BillIn, *, asset_key: bytes
) -> NewBill:
    """A bill ready to be written, priced by the agency's schedule as it is today (Vietnam).

    `asset_key` keys the hash of an asset's name. Raises `Invalid` with every fault: an unknown
    fee, one not in force, an amount over the limit, a relief that does not apply, an expiry in the
    past, a return address that is not on the agency's list.
    """
    now = clock.now()
    today = clock.business_date(now)
    circumstances = circumstances_of(body, today)
    lines, faults = price_lines(schedule, body, circumstances)
    if sum(line.amount for line in lines) > MAX_AMOUNT:
        faults.append(FieldError("lines", "out_of_range", f"The sum is over {MAX_AMOUNT} đồng."))
    if len(lines) > MOST_LINES:
        faults.append(FieldError("lines", "too_long", f"Tối đa {MOST_LINES} dòng."))
    if body.expires_at is not None and not now < body.expires_at <= now + LONGEST:
        detail = "Must be in the future and within 365 days."
        faults.append(FieldError("expires_at", "out_of_range", detail))
    if body.return_url is not None and not _returns_home(body.return_url, agency):
        detail = "This address is not on the agency's list of return addresses."
        faults.append(FieldError("return_url", "not_allowed", detail))
    if faults:
        raise Invalid("Không mở được khoản phải nộp: " + faults[0].detail, errors=faults)
    asset = normal_asset(circumstances.asset or "")
    return NewBill(
        id=new_id("bill"),
        agency_id=agency.id,
        reference=new_reference(),
        lines=tuple(lines),
        channel=body.channel,
        language=body.language,
        created_at=now,
        opened_on=today,
        dossier_number=body.dossier_number,
        return_url=body.return_url,
        expires_at=body.expires_at,
        metadata=dict(body.metadata),
        payer=personal_data(body) or None,
        asset_hash=keyed_hash(asset_key, f"asset:{asset}".encode()) if asset else None,
    )


def _returns_home(address: str, agency: AgencyValue) -> bool:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" in agency.return_origins


async def take_statement_credit(
    session: WriteSession,
    account: CollectionAccountValue,
    credit: Credit,
    *,
    actor: str,
    cipher: Cipher,
) -> bool:
    """Record a credit that only a statement tells of, if it clearly pays something that is unpaid.

    True when it was recorded. False leaves it to people: no reference, several, one that is
    settled or withdrawn, one with an attempt at a gateway still open (whose money this may be), and
    money without the bank's own reference, which a feed that comes late could not be held against.
    The caller has matched the statement first, so this money is not in the books under another
    name.
    """
    if not credit.bank_ref or len(find_references(credit.narrative)) != 1:
        return False
    unpaid = (
        await session.scalars(
            text(
                "SELECT r.reference FROM reference r LEFT JOIN bill b ON b.reference = r.reference"
                " WHERE r.reference = ANY(CAST(:found AS text[]))"
                " AND (r.kind <> 'bill' OR b.status IN ('open', 'expired'))"
                # A gateway may be about to tell of this very money: it is asked first.
                " AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.bill_id = b.id"
                "  AND (p.status = 'held' OR p.status = ANY(CAST(:live AS text[]))))"
            ),
            {"found": find_references(credit.narrative), "live": sorted(LIVE)},
        )
    ).all()
    if len(unpaid) != 1:
        return False
    recorded = await record_credit(session, account, credit, actor=actor, cipher=cipher)
    return recorded.new


async def cancel_bill(
    session: WriteSession, bill_id: str, agency_ids: Collection[str], *, actor: str
) -> None:
    """Withdraw a bill that no money has reached; cancelling twice is the same as once.

    A relief that an asset has once a year is free again. Raises `NotFound`, `IllegalMove` (paid,
    exempt) or `MoneyUnderWay`.
    """
    row = (
        await session.execute(
            text("SELECT id, agency_id, status FROM bill WHERE id = :id FOR UPDATE"),
            {"id": bill_id},
        )
    ).first()
    if row is None or row.agency_id not in agency_ids:
        raise NotFound("Không có khoản phải nộp này.")
    if row.status == "cancelled":
        return
    move = BILL.move(row.status, "cancelled")
    under_way = await session.scalar(
        text(
            "SELECT count(*) FROM payment WHERE bill_id = :id"
            " AND (status = ANY(CAST(:live AS text[])) OR credited IS NOT NULL)"
        ),
        {"id": bill_id, "live": sorted(LIVE)},
    )
    if under_way:
        raise MoneyUnderWay("Đang có giao dịch thanh toán cho khoản này; hãy chờ kết quả.")
    await session.execute(
        text("UPDATE bill SET status = 'cancelled' WHERE id = :id"), {"id": bill_id}
    )
    await session.execute(
        text(
            "UPDATE relief_use SET released_at = :now WHERE bill_id = :id AND released_at IS NULL"
        ),
        {"id": bill_id, "now": clock.now()},
    )
    await audit.record(
        session, actor=actor, action=move.event, object_id=bill_id, details={"before": row.status}
    )
