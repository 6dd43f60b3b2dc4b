"""The lines a bill request asks for: each a line request of the schedule, or a line of its own."""

from datetime import date

from core.errors import FieldError
from payments.bills.schemas import BillIn, LineIn, NoticeIn
from payments.catalogue.rules.circumstances import Circumstances
from payments.catalogue.rules.fee_requests import AssessmentNotice, FeeRequest, LineRequest
from payments.catalogue.rules.lines import NewLine
from payments.catalogue.rules.pricing import price_lines
from payments.catalogue.rules.schedule import Schedule


def priced_lines(
    schedule: Schedule, body: BillIn, circumstances: Circumstances
) -> tuple[list[NewLine], list[FieldError]]:
    """The lines of a bill, and every fault of theirs and of the reliefs that are claimed."""
    faults = _notice_faults(body, circumstances.on)
    requests: list[LineRequest] = []
    own: dict[int, NewLine] = {}
    for position, line in enumerate(body.lines):
        if line.fee is None:
            own[position] = _own(line)
        else:
            requests.append(LineRequest(line.fee, _asked(line), f"lines.{position}."))
    faults.extend(circumstances.faults())
    priced = price_lines(schedule, requests, circumstances)
    faults.extend(priced.faults)
    of_fees = iter(priced.lines)
    lines: list[NewLine] = []
    for position in range(len(body.lines)):
        lines.extend([own[position]] if position in own else next(of_fees))
    return lines, faults or list(priced.claim_faults)


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
