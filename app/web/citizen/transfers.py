"""What a payer of a poster typed about a transfer: kept as typed, and read strictly. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from app.web.citizen.typed import amount
from core.bank_refs import plain_bank_ref
from core.clock import VIETNAM
from core.errors import FieldError, Invalid
from core.money import MAX_AMOUNT
from core.references import find_references

_ISO_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII)
_DAY = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})", re.ASCII)
#: As a browser sends it ("09:15"), and as people write it ("9h15", "9:15:32").
_TIME = re.compile(r"(\d{1,2})\s*[:hg]\s*(\d{1,2})(?:\s*[:mp]\s*(\d{1,2}))?\s*s?", re.ASCII)

#: How long before and after the time that the payer's app shows the money may have come: clocks
#: differ, and the other bank hears of it later.
_BEFORE = timedelta(seconds=30)
_AFTER = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class TypedTransfer:
    """The fields of the form: the memo, and the bank's reference or amount, day and time."""

    memo: str = ""
    bank_ref: str = ""
    amount: str = ""
    day: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class TransferTraits:
    """What is known of a transfer: `bank_ref`, or `amount` in đồng from `first` to `last` (UTC)."""

    reference: str
    bank_ref: str = ""
    amount: int | None = None
    first: datetime | None = None
    last: datetime | None = None


def read_transfer(typed: TypedTransfer) -> TransferTraits:
    """What the fields say. Raises `Invalid` with every field that cannot be read or is missing."""
    faults: list[FieldError] = []
    references = find_references(typed.memo)
    if len(references) != 1:
        detail = "Cần đúng một mã LP gồm 14 ký tự, như trong nội dung chuyển khoản."
        faults.append(FieldError("memo", "not_a_reference", detail))
    if typed.bank_ref.strip():
        if not plain_bank_ref(typed.bank_ref):
            detail = "Mã này không phân biệt được giao dịch; hãy xem lại, hoặc nhập số tiền và giờ."
            faults.append(FieldError("bank_ref", "tells_nothing", detail))
        if faults:
            raise Invalid(faults[0].detail, errors=faults)
        return TransferTraits(references[0], bank_ref=typed.bank_ref)
    paid = _amount(typed.amount, faults)
    day = _day(typed.day, faults)
    span = _time(typed.time, faults)
    if paid is None or day is None or span is None or faults:
        raise Invalid(faults[0].detail, errors=faults)
    at, width = span
    begin = datetime.combine(day, at, VIETNAM)
    return TransferTraits(
        references[0], amount=paid, first=begin - _BEFORE, last=begin + width + _AFTER
    )


def _amount(text: str, faults: list[FieldError]) -> int | None:
    try:
        paid = amount(text)
    except ValueError:
        paid = None
    if not paid or paid > MAX_AMOUNT:
        detail = "Hãy ghi số tiền đã chuyển bằng chữ số, ví dụ 10.000."
        faults.append(FieldError("amount", "not_an_amount", detail))
    return paid


def _day(text: str, faults: list[FieldError]) -> date | None:
    match = _ISO_DAY.fullmatch(text.strip()) or _DAY.fullmatch(text.strip())
    try:
        day = match and date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        day = None
    if not day or not 2000 <= day.year <= 2099:
        detail = "Hãy ghi ngày chuyển, ví dụ 28/11/2026."
        faults.append(FieldError("day", "not_a_day", detail))
        return None
    return day


def _time(text: str, faults: list[FieldError]) -> tuple[time, timedelta] | None:
    """When it begins, and how long it lasts: a minute, where no second is told."""
    match = _TIME.fullmatch(text.strip().lower())
    try:
        if match and match[3] is not None:
            return time(int(match[1]), int(match[2]), int(match[3])), timedelta(0)
        if match:
            return time(int(match[1]), int(match[2])), timedelta(seconds=60)
    except ValueError:
        pass
    detail = "Hãy ghi giờ chuyển như trong ứng dụng ngân hàng, ví dụ 09:15 hoặc 09:15:32."
    faults.append(FieldError("time", "not_a_time", detail))
    return None
