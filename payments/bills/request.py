"""What the body of a new bill asks for: priced lines, circumstances, personal data."""

from collections.abc import Collection
from datetime import date, timedelta
from urllib.parse import urlsplit

from core import clock
from core.crypto import keyed_hash
from core.errors import FieldError, Invalid
from core.ids import new_id
from core.money import MAX_AMOUNT
from core.references import new_reference
from payments.agencies.queries import AgencyValue
from payments.bills.create import NewBill
from payments.bills.schemas import BillIn, LineIn, NoticeIn
from payments.catalogue.rules.fees import Asked
from payments.catalogue.rules.pricing import (
    NewLine,
    Notice,
    claim_faults,
    fact_faults,
    normal_asset,
    price_fees,
)
from payments.catalogue.rules.reliefs import Circumstances
from payments.catalogue.rules.schedule import Schedule

#: A line that names a procedure may become several.
MOST_LINES = 50


def circumstances_of(body: BillIn, on: date) -> Circumstances:
    """What decides about reliefs for this bill on a Vietnamese day."""
    if body.relief is None:
        return Circumstances(on, body.channel)
    return Circumstances(
        on,
        body.channel,
        frozenset(body.relief.claims),
        body.relief.born_on,
        body.relief.asset,
    )


def price_lines(
    schedule: Schedule, body: BillIn, circumstances: Circumstances
) -> tuple[list[NewLine], list[FieldError]]:
    """The lines of a bill, and every fault of theirs and of the reliefs that are claimed."""
    faults = [*_notice_faults(body, circumstances.on), *fact_faults(circumstances)]
    priced: dict[int, list[NewLine]] = {}
    for position in range(len(body.lines)):
        try:
            priced[position] = _price(schedule, body, position, circumstances, set())
        except Invalid as error:
            faults.extend(error.errors)
    if any(line.yearly for lines in priced.values() for line in lines):
        # An asset has the relief once: it goes to the line from which it takes most off.
        used: set[str] = set()
        for position in sorted(priced, key=lambda one: (-_off(priced[one]), one)):
            priced[position] = _price(schedule, body, position, circumstances, used)
            used.update(line.yearly for line in priced[position] if line.yearly)
    lines = [line for position in sorted(priced) for line in priced[position]]
    if not faults:
        fees = [line.fee for line in lines if line.fee is not None]
        faults.extend(claim_faults(schedule, fees, circumstances))
    return lines, faults


def _price(
    schedule: Schedule,
    body: BillIn,
    position: int,
    circumstances: Circumstances,
    used: Collection[str],
) -> list[NewLine]:
    """The lines that one line of the body becomes. Raises `Invalid`."""
    line = body.lines[position]
    if line.fee is None:
        return [_own(line)]
    return price_fees(
        schedule,
        line.fee,
        Asked(line.quantity or 1, line.copies or 1, line.value),
        circumstances,
        notice=None if line.notice is None else _notice(line.notice, line.amount or 0),
        path=f"lines.{position}.",
        used=used,
    )


def _off(lines: list[NewLine]) -> int:
    """What reliefs take off some lines, in đồng."""
    return sum(line.full_amount - line.amount for line in lines)


def personal_data(body: BillIn) -> dict[str, str]:
    """What the body says about people, as it is kept encrypted: payer, tax number, claims."""
    data = body.payer.model_dump(exclude_none=True) if body.payer else {}
    numbers = {line.notice.tax_number for line in body.lines if line.notice is not None}
    if numbers:
        data["tax_number"] = numbers.pop()
    if body.relief is not None:
        if body.relief.claims:
            data["claims"] = ", ".join(body.relief.claims)
        if body.relief.born_on is not None:
            data["born_on"] = body.relief.born_on.isoformat()
        if body.relief.asset is not None:
            data["asset"] = body.relief.asset
    return data


def _own(line: LineIn) -> NewLine:
    amount = line.amount or 0
    return NewLine(
        description=line.description or "",
        quantity=1,
        copies=1,
        amount=amount,
        full_amount=amount,
        sub_item=line.sub_item,
    )


def _notice(notice: NoticeIn, amount: int) -> Notice:
    return Notice(
        number=notice.number,
        issued_on=notice.issued_on,
        amount=amount,
        treasury=notice.treasury,
        chapter=notice.chapter,
        sub_item=notice.sub_item,
        tax_number=notice.tax_number,
    )


def _notice_faults(body: BillIn, today: date) -> list[FieldError]:
    faults = []
    named: set[str] = set()
    numbers: set[tuple[str, date]] = set()
    for position, line in enumerate(body.lines):
        if line.notice is None:
            continue
        path = f"lines.{position}.notice"
        named.add(line.notice.tax_number)
        if len(named) > 1:
            detail = "Mọi thông báo của một khoản phải nộp phải cùng một mã số thuế."
            faults.append(FieldError(f"{path}.tax_number", "differs", detail))
        if (line.notice.number, line.notice.issued_on) in numbers:
            detail = "Thông báo này đã có ở một dòng khác."
            faults.append(FieldError(f"{path}.number", "repeated", detail))
        numbers.add((line.notice.number, line.notice.issued_on))
        if line.notice.issued_on > today:
            detail = "Ngày thông báo ở tương lai."
            faults.append(FieldError(f"{path}.issued_on", "out_of_range", detail))
    return faults


#: A bill lives at most this long; a fee's amount is that of the day it was opened.
LONGEST = timedelta(days=365)


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
        # One word says it where there is nothing else to mend.
        code = "not_offered" if {fault.code for fault in faults} == {"not_offered"} else None
        told = "Không mở được khoản phải nộp: " + faults[0].detail
        raise Invalid(told, code=code, errors=faults)
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
