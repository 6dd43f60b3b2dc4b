"""From the lines of a body to line requests of the schedule, and lines with their own amount."""

from dataclasses import dataclass
from datetime import date

from core.errors import FieldError
from payments.bills.schemas import BillIn, LineIn, NoticeIn
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest, LineRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.natures import nature_of_before


@dataclass(frozen=True, slots=True)
class LineRequests:
    """What a body's lines ask for: fees of the schedule, or (by position) their own amount."""

    of_fees: list[LineRequest]
    own: dict[int, NewLine]
    faults: list[FieldError]


def line_requests(body: BillIn, today: date) -> LineRequests:
    """What the lines of a body ask for, and what is wrong with the notices among them."""
    of_fees: list[LineRequest] = []
    own: dict[int, NewLine] = {}
    for position, line in enumerate(body.lines):
        if line.fee is None:
            own[position] = _own(line)
        else:
            of_fees.append(LineRequest(line.fee, _asked(line), f"lines.{position}."))
    return LineRequests(of_fees, own, _notice_faults(body, today))


def _own(line: LineIn) -> NewLine:
    """A line with its own amount, which needs no schedule."""
    amount = line.amount or 0
    return NewLine(
        description=line.description or "",
        quantity=1,
        copies=1,
        amount=amount,
        full_amount=amount,
        sub_item=line.sub_item,
        nature=line.nature or nature_of_before(line.description or "", "", line.sub_item),
    )


def _asked(line: LineIn) -> FeeRequest:
    """What a line asks of its fee."""
    notice = None if line.notice is None else _notice(line.notice, line.amount or 0)
    return FeeRequest(line.quantity or 1, line.copies or 1, line.value, notice)


def _notice(notice: NoticeIn, amount: int) -> AssessmentNotice:
    return AssessmentNotice(
        amount=amount,
        number=notice.number,
        issued_on=notice.issued_on,
        treasury=notice.treasury,
        chapter=notice.chapter,
        sub_item=notice.sub_item,
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
