"""The lines a bill request asks for, priced by the schedule of the day."""

from collections.abc import Collection
from datetime import date

from core.errors import FieldError, Invalid
from payments.bills.schemas import BillIn, LineIn, NoticeIn
from payments.catalogue.rules.fees import FeeRequest
from payments.catalogue.rules.pricing import (
    AssessmentNotice,
    NewLine,
    claim_faults,
    fact_faults,
    price_fees,
)
from payments.catalogue.rules.reliefs import Circumstances
from payments.catalogue.rules.schedule import Schedule


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
        FeeRequest(line.quantity or 1, line.copies or 1, line.value),
        circumstances,
        notice=None if line.notice is None else _notice(line.notice, line.amount or 0),
        path=f"lines.{position}.",
        used=used,
    )


def _off(lines: list[NewLine]) -> int:
    """What reliefs take off some lines, in đồng."""
    return sum(line.full_amount - line.amount for line in lines)


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


def _notice(notice: NoticeIn, amount: int) -> AssessmentNotice:
    return AssessmentNotice(
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
