"""From the body of a request to a bill request: checked, priced, personal data apart."""

import re
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from core import clock
from core.crypto import keyed_hash
from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT
from payments.agencies.queries import AgencyValue
from payments.bills.line_requests import line_requests
from payments.bills.names import hash_of_name
from payments.bills.new_bill import BillRequest
from payments.bills.parties import parties_of
from payments.bills.schemas import BillIn
from payments.bills.supplements import SupplementedBill, supplement_faults
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_lines
from payments.catalogue.rules.schedule import Schedule

#: A line that names a procedure may become several.
MOST_LINES = 50

#: What an identity card has had since 2016 and an electronic identity goes by.
PERSONAL_NUMBER = re.compile(r"[0-9]{12}")

#: A bill lives at most this long; a fee's amount is that of the day it was opened.
LONGEST = timedelta(days=365)


class RefusedRequest(Invalid):
    """No bill can be made of the request; `errors` names each thing to mend."""


def bill_request(
    schedule: Schedule,
    agency: AgencyValue,
    body: BillIn,
    *,
    citizen_key: bytes,
    earlier: SupplementedBill | None = None,
) -> BillRequest:
    """What a request's body asks to be billed for, priced by the agency's schedule of today.

    `citizen_key` keys the hash of the payer's personal number. `earlier` is the bill that it adds
    to, whose dossier it is of. Raises `RefusedRequest` with every
    fault: an unknown fee, one not in force, an amount over the limit, a relief that does not apply,
    an expiry in the past, a return address that is not on the agency's list, words that no receipt
    could show, a tax number that is none.
    """
    now = clock.now()
    own_faults = _own_faults(body, agency, now)
    if body.supplement_of is not None:
        own_faults += supplement_faults(agency.id, body, earlier)
    circumstances = circumstances_of(body, clock.business_date(now))
    number = _personal_number(body)
    lines, faults = priced_lines(schedule, body, circumstances)
    parties = parties_of(body)
    if sum(line.amount for line in lines) > MAX_AMOUNT:
        faults.append(FieldError("lines", "out_of_range", f"The sum is over {MAX_AMOUNT} đồng."))
    if len(lines) > MOST_LINES:
        faults.append(FieldError("lines", "too_long", f"Tối đa {MOST_LINES} dòng."))
    faults.extend([*own_faults, *parties.faults])
    if faults:
        # One word says it where there is nothing else to mend.
        code = "not_offered" if {fault.code for fault in faults} == {"not_offered"} else None
        told = "Không mở được khoản phải nộp: " + faults[0].detail
        raise RefusedRequest(told, code=code, errors=faults)
    return BillRequest(
        agency_id=agency.id,
        lines=tuple(lines),
        channel=body.channel,
        language=body.language,
        opened_on=circumstances.on,
        dossier_number=body.dossier_number or (earlier.dossier_number if earlier else None),
        supplement_of=earlier.id if earlier else None,
        return_url=body.return_url,
        expires_at=body.expires_at,
        metadata=dict(body.metadata),
        payer=parties.data or None,
        citizen_hash=keyed_hash(citizen_key, f"citizen:{number}".encode()) if number else None,
        name_hash=hash_of_name(citizen_key, agency.id, parties.data.get("name", "")),
    )


def priced_lines(
    schedule: Schedule, body: BillIn, circumstances: Circumstances
) -> tuple[list[NewLine], list[FieldError]]:
    """The lines of a bill, and every fault of theirs and of the reliefs that are claimed."""
    fact_faults = circumstances.faults()
    asked = line_requests(body, circumstances.on)
    priced = price_lines(schedule, asked.of_fees, circumstances)
    of_fees = iter(priced.lines)
    lines: list[NewLine] = []
    for position in range(len(body.lines)):
        own = asked.own.get(position)
        lines.extend(next(of_fees) if own is None else [own])
    faults = [*asked.faults, *fact_faults, *priced.faults]
    return lines, faults or list(priced.claim_faults)


def _own_faults(body: BillIn, agency: AgencyValue, now: datetime) -> list[FieldError]:
    """What is wrong with the request beside its lines."""
    faults = []
    if body.expires_at is not None and not now < body.expires_at <= now + LONGEST:
        detail = "Must be in the future and within 365 days."
        faults.append(FieldError("expires_at", "out_of_range", detail))
    if body.return_url is not None:
        parts = urlsplit(body.return_url)
        if f"{parts.scheme}://{parts.netloc}" not in agency.return_origins:
            detail = "This address is not on the agency's list of return addresses."
            faults.append(FieldError("return_url", "not_allowed", detail))
    return faults


def circumstances_of(body: BillIn, on: date) -> Circumstances:
    """What decides about reliefs for this bill on a Vietnamese day."""
    if body.relief is None:
        return Circumstances(on, body.channel)
    return Circumstances(
        on,
        body.channel,
        frozenset(body.relief.claims),
        body.relief.born_on,
        _personal_number(body) is not None,
    )


def _personal_number(body: BillIn) -> str | None:
    """The payer's personal number, by which a citizen is one person for life.

    An old identity card's nine digits or a passport's number is another name of the same person:
    counted under it, a relief once a year could be had twice.
    """
    number = body.payer.identity_number if body.payer else None
    return number if number is not None and PERSONAL_NUMBER.fullmatch(number) else None
