"""Matching a day of one account: payments from our books, lines from its statements.

Money that arrived by bank transfer carries the bank's own reference; where that tells anything it
is compared first, as `core.bank_refs` reads it. What is left is matched by the payer's
reference, by the rules of `matching`. Several payments may carry one reference (a poster's, or a
bill paid twice); those are paired with the lines of that reference and amount in order of time,
which the rules for unique references cannot do.

Payments and lines of the days around are given too, so that a line that belongs to yesterday's
payment is not called unknown today; only what concerns `on` is in the result.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time

from core.bank_refs import plain_bank_ref
from core.calendar import Calendar
from core.clock import business_date
from core.references import find_references
from payments.books.queries import DayPayment
from reconciliation.matching import CLASSES as FILE_CLASSES
from reconciliation.matching import add_rows, connect, create_relations, match
from reconciliation.reversals import ReversibleLine, reversals_of

#: Every place money of a day can be in, in the order they are reported. What is `late` or
#: `statement_alone` is matched too.
CLASSES = (*FILE_CLASSES, "no_statement", "statement_alone")


@dataclass(frozen=True, slots=True)
class DayLine:
    """A line of a statement; `amount` in đồng, positive, `direction` says which way."""

    line_id: str
    booked_at: datetime
    amount: int
    direction: str
    reference: str
    narrative: str
    bank_ref: str

    @property
    def references(self) -> list[str]:
        """The valid references on this line, wherever they stand."""
        return find_references(f"{self.reference} {self.narrative}")


@dataclass(frozen=True, slots=True)
class DayMatch:
    """A payment and the line that is its money; `rule` is how they were found to be one."""

    payment_id: str
    line_id: str
    reference: str
    amount: int
    rule: str
    #: whether no feed and no gateway has told of the money: its line is all the evidence there is
    statement_alone: bool = False


@dataclass(frozen=True, slots=True)
class DayDiscrepancy:
    """What did not simply agree; `kind` is one of `CLASSES`."""

    side: str
    object_id: str
    kind: str
    reference: str
    amount: int
    other_amount: int | None
    reason: str


@dataclass(slots=True)
class DayResult:
    """What became of the day's payments and lines."""

    matches: list[DayMatch] = field(default_factory=list)
    discrepancies: list[DayDiscrepancy] = field(default_factory=list)
    debits: list[DayLine] = field(default_factory=list)
    #: of each payment that the bank took back, the line that did it
    returned: dict[str, str] = field(default_factory=dict)

    def summary(self) -> dict[str, dict[str, int]]:
        """Count and sum (đồng) of each class."""
        tally = {name: {"count": 0, "sum": 0} for name in CLASSES}
        for name, amount in self._amounts():
            tally[name]["count"] += 1
            tally[name]["sum"] += amount
        return tally

    def _amounts(self) -> Iterable[tuple[str, int]]:
        yield from (("matched", found.amount) for found in self.matches)
        alone = (found for found in self.matches if found.statement_alone)
        yield from (("statement_alone", found.amount) for found in alone)
        yield from ((found.kind, found.amount) for found in self.discrepancies)
        yield from (("debits", line.amount) for line in self.debits)


def match_day(
    on: date,
    payments: Sequence[DayPayment],
    lines: Sequence[DayLine],
    cut_off: time,
    calendar: Calendar,
) -> DayResult:
    """Put every payment and line of `on` in exactly one place. Blocks; processor work."""
    credits_ = sorted(
        (line for line in lines if line.direction == "credit"),
        key=lambda line: (line.booked_at, line.line_id),
    )
    found = _by_bank_reference(payments, credits_)
    taken_back = reversals_of(lines)
    returned = _of_returned(payments, credits_, found, taken_back)
    gone = [line for line in _lines_left(credits_, found) if line.line_id in taken_back]
    found += returned
    credits_ = [line for line in credits_ if line not in gone]
    found += _shared_references(_left(payments, found), _lines_left(credits_, found))
    rest = _by_reference(_left(payments, found), _lines_left(credits_, found), cut_off, calendar)
    day = DayResult(debits=[x for x in lines if _is_debit_of(x, on)])
    of_day = {p.payment_id: p for p in payments if p.accounting_on == on}
    by_line = {line.line_id: line for line in lines}
    for one in found:
        if one.payment_id in of_day and one.line_id in taken_back:
            debit = taken_back[one.line_id]
            day.discrepancies.append(_reversed_payment(one, debit))
            day.returned[one.payment_id] = debit.line_id
        elif one.payment_id in of_day:
            day.matches.append(one)
            due = calendar.treasury_day(of_day[one.payment_id].paid_at, cut_off)
            late = _late(one, due, by_line[one.line_id])
            day.discrepancies.extend(late)
    day.matches.extend(one for one in rest.matches if one.payment_id in of_day)
    stated = any(business_date(line.booked_at) >= on for line in lines)
    paid = {payment.reference for payment in payments}
    for odd in rest.discrepancies:
        if odd.side == "payment" and odd.object_id in of_day:
            day.discrepancies.append(odd if stated else _not_stated(odd))
        elif odd.side == "line" and business_date(by_line[odd.object_id].booked_at) == on:
            day.discrepancies.append(_credited_again(odd, by_line[odd.object_id], paid))
    paired = {one.line_id for one in returned}
    for line in gone:
        if line.line_id not in paired and business_date(line.booked_at) == on:
            day.discrepancies.append(_reversed_line(line, taken_back[line.line_id]))
    day.matches = [
        replace(one, statement_alone=of_day[one.payment_id].statement_alone) for one in day.matches
    ]
    day.matches.sort(key=lambda one: one.payment_id)
    day.discrepancies.sort(key=lambda odd: (odd.side, odd.object_id, odd.kind))
    return day


def _of_returned(
    payments: Sequence[DayPayment],
    credits_: Sequence[DayLine],
    found: Sequence[DayMatch],
    taken_back: Mapping[str, ReversibleLine],
) -> list[DayMatch]:
    """The payments whose credit was taken back, where only the payer's reference says so."""
    waiting = [line for line in _lines_left(credits_, found) if line.line_id in taken_back]
    pairs = []
    for payment in _left(payments, found):
        line = next((line for line in waiting if _is_returned(payment, line)), None)
        if line is not None:
            waiting.remove(line)
            pairs.append(
                DayMatch(
                    payment.payment_id, line.line_id, payment.reference, payment.amount, "reference"
                )
            )
    return pairs


def _is_returned(payment: DayPayment, line: DayLine) -> bool:
    same_money = payment.amount == line.amount and payment.reference in line.references
    # Of two informative references that differ, each is other money.
    told = plain_bank_ref(payment.gateway_ref) and plain_bank_ref(line.bank_ref)
    return same_money and not told and _days_apart(payment, line) <= _DAYS_OF_ONE_CREDIT


def _not_stated(odd: DayDiscrepancy) -> DayDiscrepancy:
    """A payment of a day that no statement tells of yet: nothing is missing that could be there."""
    return replace(odd, kind="no_statement", reason="Chưa nạp sao kê nào từ ngày này trở đi.")


def _credited_again(odd: DayDiscrepancy, line: DayLine, paid: Set[str]) -> DayDiscrepancy:
    """A line that is left of a reference whose payment has its own line: say that there is one."""
    known = [reference for reference in line.references if reference in paid]
    if odd.kind != "unknown_in_ledger" or not known:
        return odd
    reason = (
        f"Mã {known[0]} đã có khoản thanh toán trong sổ, khớp với dòng khác;"
        " lần ghi có này chưa có trong sổ."
    )
    return replace(odd, reference=known[0], reason=reason)


def _reversed_payment(found: DayMatch, debit: ReversibleLine) -> DayDiscrepancy:
    reason = (
        f"Ngân hàng đã ghi có rồi ghi nợ trả lại ngày {business_date(debit.booked_at):%d/%m/%Y};"
        " khoản này đã được ghi nhận là đã thu."
    )
    return DayDiscrepancy(
        "payment", found.payment_id, "reversed", found.reference, found.amount, 0, reason
    )


def _reversed_line(line: DayLine, debit: ReversibleLine) -> DayDiscrepancy:
    reason = (
        f"Ngân hàng đã ghi nợ trả lại ngày {business_date(debit.booked_at):%d/%m/%Y};"
        " không ghi thu cho khoản nào."
    )
    named = line.references
    reference = named[0] if len(named) == 1 else ""
    return DayDiscrepancy("line", line.line_id, "reversed", reference, line.amount, 0, reason)


def _is_debit_of(line: DayLine, on: date) -> bool:
    return line.direction == "debit" and business_date(line.booked_at) == on


def _left(payments: Sequence[DayPayment], found: Sequence[DayMatch]) -> list[DayPayment]:
    gone = {one.payment_id for one in found}
    return [payment for payment in payments if payment.payment_id not in gone]


def _lines_left(lines: Sequence[DayLine], found: Sequence[DayMatch]) -> list[DayLine]:
    gone = {one.line_id for one in found}
    return [line for line in lines if line.line_id not in gone]


#: A bank's reference may start again each day; money is booked within days (Tết) of its coming.
_DAYS_OF_ONE_CREDIT = 14


def _by_bank_reference(payments: Sequence[DayPayment], lines: Sequence[DayLine]) -> list[DayMatch]:
    """Pair what the bank calls alike, one to one; a batch's members by whom they pay for, too."""
    waiting: dict[tuple[str, int], list[DayLine]] = defaultdict(list)
    for line in lines:
        if plain := plain_bank_ref(line.bank_ref):
            waiting[plain, line.amount].append(line)
    found = []
    for payment in payments:
        alike = waiting.get((plain_bank_ref(payment.gateway_ref), payment.amount), [])
        fitting = [line for line in alike if _may_be(payment, line)]
        if not fitting:
            continue
        line = min(fitting, key=lambda line: _days_apart(payment, line))
        alike.remove(line)
        found.append(
            DayMatch(
                payment.payment_id, line.line_id, payment.reference, payment.amount, "bank_ref"
            )
        )
    return found


def _may_be(payment: DayPayment, line: DayLine) -> bool:
    """Whether a line of the payment's bank reference and amount does not say that it is another."""
    named = line.references
    other_purpose = bool(named and payment.reference) and payment.reference not in named
    return not other_purpose and _days_apart(payment, line) <= _DAYS_OF_ONE_CREDIT


def _days_apart(payment: DayPayment, line: DayLine) -> int:
    return abs((business_date(line.booked_at) - payment.accounting_on).days)


def _shared_references(payments: Sequence[DayPayment], lines: Sequence[DayLine]) -> list[DayMatch]:
    """Pair the payments of a reference that several carry, or may carry, in order of time."""
    groups: dict[str, list[DayPayment]] = defaultdict(list)
    for payment in payments:
        if payment.reference:
            groups[payment.reference].append(payment)
    shared = {
        reference
        for reference, members in groups.items()
        if len(members) > 1 or any(member.static for member in members)
    }
    waiting: dict[tuple[str, int], list[DayLine]] = defaultdict(list)
    for line in lines:
        named = line.references
        if len(named) == 1 and named[0] in shared:
            waiting[named[0], line.amount].append(line)
    found = []
    for reference in sorted(shared):
        for payment in groups[reference]:
            candidates = waiting[reference, payment.amount]
            if candidates:
                line = candidates.pop(0)
                found.append(
                    DayMatch(
                        payment.payment_id, line.line_id, reference, payment.amount, "reference"
                    )
                )
    return found


def _by_reference(
    payments: Sequence[DayPayment], lines: Sequence[DayLine], cut_off: time, calendar: Calendar
) -> DayResult:
    """The rules of `matching`; a reference that several still carry stays with the first."""
    result = DayResult()
    seen: set[str] = set()
    rows = []
    for payment in payments:
        # A line that is left of a poster's reference is another payer's, and no second credit.
        if not payment.reference or payment.reference in seen or payment.static:
            result.discrepancies.append(
                DayDiscrepancy(
                    "payment",
                    payment.payment_id,
                    "missing_in_ledger",
                    payment.reference,
                    payment.amount,
                    None,
                    "Chưa thấy trên sao kê.",
                )
            )
            continue
        seen.add(payment.reference)
        rows.append([payment.payment_id, payment.reference, payment.amount, payment.paid_at])
    connection = connect(threads=1)
    try:
        create_relations(connection)
        add_rows(connection, "payments", rows)
        add_rows(
            connection,
            "lines",
            (
                [
                    x.line_id,
                    x.booked_at,
                    x.amount,
                    x.direction,
                    x.reference,
                    x.narrative,
                    x.bank_ref,
                ]
                for x in lines
            ),
        )
        match(connection, calendar, cut_off=cut_off)
        for row in connection.execute(
            "SELECT payment_id, line_id, reference, amount, rule FROM matches"
        ).fetchall():
            result.matches.append(DayMatch(*row))
        for row in connection.execute(
            "SELECT side, id, class, reference, amount, other_amount, reason FROM discrepancies"
        ).fetchall():
            result.discrepancies.append(DayDiscrepancy(*row))
    finally:
        connection.close()
    return result


def _late(found: DayMatch, due: date, line: DayLine) -> list[DayDiscrepancy]:
    booked = business_date(line.booked_at)
    if booked <= due:
        return []
    reason = f"Ghi sổ {booked:%d/%m/%Y}, phải ghi chậm nhất {due:%d/%m/%Y}."
    return [
        DayDiscrepancy(
            "payment", found.payment_id, "late", found.reference, found.amount, None, reason
        )
    ]
