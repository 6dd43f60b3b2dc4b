"""Matching a day of one account: payments from our books, lines from its statements.

Money that arrived by bank transfer carries the bank's own reference; where that tells anything it
is compared first, as `core.bank_refs` reads it. What is left is matched by the payer's
reference, by the rules of `matching`. Several payments may carry one reference (a poster's, or a
bill paid twice), and one payment several (a transfer for several bills); those are paired with the
lines of that reference, or those, and that amount which are nearest in time, which the rules for
unique references cannot do. Where more payments than lines fit alike, or the other way round, all
of them are `ambiguous` (`reconciliation.matching.pairing`).

Payments and lines of the days around are given too, so that a line that belongs to yesterday's
payment is not called unknown today; only what concerns `on` is in the result, and with it what a
closed day has left waiting for `on` (`reconciliation.days.carrying`). What a gateway took is no
money of the account's credits: `reconciliation.settlements.places` says where that is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, time

from core.bank_refs import plain_bank_ref
from core.calendar import Calendar
from core.clock import business_date
from payments.books.values import DayPayment
from reconciliation.matching.ageing import BANK
from reconciliation.matching.day_findings import (
    Undone,
    ambiguous_money,
    credited_again,
    names_several,
    not_stated,
    reversed_line,
    reversed_payment,
    without_undone,
)
from reconciliation.matching.engine import add_rows, connect, create_relations, each_of, match
from reconciliation.matching.pairing import AmbiguousMoney, PairedMoney, pair_alike
from reconciliation.matching.reversals import ReversibleLine, reversals_of
from reconciliation.matching.values import DayDiscrepancy, DayLine, DayMatch, DayPlace, DayResult


def came_by_bank(payments: Iterable[DayPayment]) -> list[DayPayment]:
    """Those of the payments that came by the bank, and not through a gateway."""
    return [one for one in payments if one.gateway == BANK]


def match_day(
    on: date,
    payments: Sequence[DayPayment],
    lines: Sequence[DayLine],
    cut_off: time,
    calendar: Calendar,
    undone: Undone = frozenset(),
    carried: Set[str] = frozenset(),
    ours: Set[str] = frozenset(),
) -> DayResult:
    """Put every payment and line of `on` in exactly one place. Blocks; processor work.

    `payments` came by the bank (`came_by_bank`); what others have to do with a line is said
    afterwards, by `told_of_gateways`. `undone` are payments and lines, by their ids, that people
    have taken apart: they are not put together again. `carried` are payments of earlier days that
    count for `on`, `ours` are the debits that are refunds of ours: they take nothing back.
    """
    credits_ = sorted(
        (line for line in lines if line.direction == "credit"),
        key=lambda line: (line.booked_at, line.line_id),
    )
    found = _paid_over(payments, credits_)
    by_bank = _by_bank_reference(_left(payments, found), _lines_left(credits_, found), undone)
    unclear = list(by_bank.ambiguous)
    found += _as_matches(by_bank, "bank_ref")
    open_payments, credits_ = _clear(payments, credits_, unclear)
    taken_back = reversals_of([line for line in lines if line.line_id not in ours])
    returned = _of_returned(open_payments, credits_, found, taken_back)
    gone = [line for line in _lines_left(credits_, found) if line.line_id in taken_back]
    found += returned
    taken = {line.line_id for line in gone}
    credits_ = [line for line in credits_ if line.line_id not in taken]
    shared = _shared_references(_left(open_payments, found), _lines_left(credits_, found), undone)
    unclear += shared.ambiguous
    found += _as_matches(shared, "reference")
    open_payments, credits_ = _clear(open_payments, credits_, shared.ambiguous)
    left = _left(open_payments, found)
    rest = _by_reference(left, _lines_left(credits_, found), cut_off, calendar)
    rest = without_undone(rest, undone)
    day = DayResult(debits=[x for x in lines if _is_debit_of(x, on)])
    of_day = {p.payment_id: p for p in payments if p.accounting_on == on or p.payment_id in carried}
    by_line = {line.line_id: line for line in lines}
    for one in found:
        if one.payment_id in of_day and one.line_id in taken_back:
            debit = taken_back[one.line_id]
            day.discrepancies.append(reversed_payment(one, debit))
            day.returned[one.payment_id] = debit.line_id
        elif one.payment_id in of_day:
            day.matches.append(one)
            due = calendar.treasury_day(of_day[one.payment_id].paid_at, cut_off)
            late = _late(one, due, by_line[one.line_id])
            day.discrepancies.extend(late)
    day.matches.extend(one for one in rest.matches if one.payment_id in of_day)
    stated = any(business_date(line.booked_at) >= on for line in lines)
    paid = {name for payment in payments for name in payment.reference.split()}
    known = {one.payment_id for one in (*found, *rest.matches)}
    placed = [one.reference for one in payments if one.payment_id in known]
    stated_for = {name for reference in placed for name in reference.split()}
    by_money = _by_money(left)
    for odd in rest.discrepancies:
        if odd.side == "payment" and odd.object_id in of_day:
            day.discrepancies.append(odd if stated else not_stated(odd))
        elif odd.side == "line" and by_line[odd.object_id].day == on:
            line = by_line[odd.object_id]
            several = names_several(odd, line, by_money)
            day.discrepancies.append(several or credited_again(odd, line, paid, stated_for))
    day.discrepancies += ambiguous_money(unclear, on, of_day.keys(), by_line)
    paired = {one.line_id for one in returned}
    for line in gone:
        if line.line_id not in paired and line.day == on:
            day.discrepancies.append(reversed_line(line, taken_back[line.line_id]))
    day.matches = [_told(one, of_day[one.payment_id]) for one in day.matches]
    belonging = {place.line_id: place for place in rest.places}
    others = [one for one in rest.matches if one.payment_id not in of_day]
    for one in (*found, *others):
        kind = "reversed" if one.line_id in taken_back else "matched"
        belonging[one.line_id] = DayPlace(one.line_id, kind, one.payment_id)
    day.places = _other_places(on, lines, day, belonging, of_day.keys())
    day.matches.sort(key=lambda one: one.payment_id)
    day.discrepancies.sort(key=lambda odd: (odd.side, odd.object_id, odd.kind))
    return day


def _other_places(
    on: date,
    lines: Sequence[DayLine],
    day: DayResult,
    belonging: Mapping[str, DayPlace],
    of_day: Set[str],
) -> list[DayPlace]:
    """The places of the day's credit lines that its matches and discrepancies do not name."""
    named = {one.line_id for one in day.matches}
    named |= {odd.object_id for odd in day.discrepancies if odd.side == "line"}
    places = []
    for line in lines:
        if line.direction != "credit" or line.day != on or line.line_id in named:
            continue
        place = belonging.get(line.line_id, DayPlace(line.line_id, "unplaced"))
        if place.payment_id is not None and place.payment_id not in of_day:
            place = replace(place, place="other_day")
        places.append(place)
    return sorted(places, key=lambda place: place.line_id)


def _of_returned(
    payments: Sequence[DayPayment],
    credits_: Sequence[DayLine],
    found: Sequence[DayMatch],
    taken_back: Mapping[str, ReversibleLine],
) -> list[DayMatch]:
    """The payments whose credit was taken back, where only the payer's reference says so."""
    # By what names them: there may be thousands of either, and each looks at its own.
    waiting: defaultdict[tuple[str, int], list[DayLine]] = defaultdict(list)
    for line in _lines_left(credits_, found):
        if line.line_id in taken_back:
            for reference in line.references:
                waiting[reference, line.amount].append(line)
    paired: set[str] = set()
    pairs = []
    for payment in _left(payments, found):
        for line in waiting.get((payment.reference, payment.amount), ()):
            if line.line_id not in paired and _is_returned(payment, line):
                paired.add(line.line_id)
                what = (payment.reference, payment.amount, "reference")
                pairs.append(DayMatch(payment.payment_id, line.line_id, *what))
                break
    return pairs


def _is_returned(payment: DayPayment, line: DayLine) -> bool:
    # Of two informative references that differ, each is other money.
    told = plain_bank_ref(payment.gateway_ref) and plain_bank_ref(line.bank_ref)
    return not told and _days_apart(payment, line) <= _DAYS_OF_ONE_CREDIT


def _clear(
    payments: Sequence[DayPayment], lines: Sequence[DayLine], unclear: Sequence[AmbiguousMoney]
) -> tuple[list[DayPayment], list[DayLine]]:
    """What is left of payments and lines without those that are ambiguous."""
    gone = {one.payment_id for some in unclear for one in some.payments}
    gone |= {line.line_id for some in unclear for line in some.lines}
    return (
        [one for one in payments if one.payment_id not in gone],
        [line for line in lines if line.line_id not in gone],
    )


def _by_money(payments: Iterable[DayPayment]) -> Mapping[tuple[str, int], list[DayPayment]]:
    """Payments by their reference and amount."""
    named: defaultdict[tuple[str, int], list[DayPayment]] = defaultdict(list)
    for payment in payments:
        named[payment.reference, payment.amount].append(payment)
    return named


def _is_debit_of(line: DayLine, on: date) -> bool:
    return line.direction == "debit" and line.day == on


def _left(payments: Sequence[DayPayment], found: Sequence[DayMatch]) -> list[DayPayment]:
    gone = {one.payment_id for one in found}
    return [payment for payment in payments if payment.payment_id not in gone]


def _lines_left(lines: Sequence[DayLine], found: Sequence[DayMatch]) -> list[DayLine]:
    gone = {one.line_id for one in found}
    return [line for line in lines if line.line_id not in gone]


#: A bank's reference may start again each day; money is booked within days (Tết) of its coming.
_DAYS_OF_ONE_CREDIT = 14


def _paid_over(payments: Sequence[DayPayment], lines: Sequence[DayLine]) -> list[DayMatch]:
    """The credits of gateways' batches whose lines two people have named."""
    known = {line.line_id: line for line in lines}
    return [
        DayMatch(one.payment_id, one.batch_line, one.reference, one.amount, "batch")
        for one in payments
        if one.batch_line is not None
        if one.batch_line in known and known[one.batch_line].amount == one.amount
    ]


def _told(found: DayMatch, payment: DayPayment) -> DayMatch:
    """A match with what the books know of its money: what brought a batch, however it was found."""
    rule = "batch" if payment.is_batch else found.rule
    if (rule, payment.statement_alone) == (found.rule, found.statement_alone):
        return found
    return replace(found, rule=rule, statement_alone=payment.statement_alone)


def _by_bank_reference(
    payments: Sequence[DayPayment], lines: Sequence[DayLine], undone: Undone
) -> PairedMoney:
    """Pair what the bank calls alike, one to one; a batch's members by whom they pay for, too."""
    told = {(plain_bank_ref(line.bank_ref), line.amount) for line in lines}
    names: dict[tuple[str, int], tuple[list[DayPayment], list[DayLine]]] = {}
    for payment in payments:
        # What tells nothing (blank, NONREF, zeros) is no name, and equal to nothing.
        named = (plain_bank_ref(payment.gateway_ref), payment.amount)
        if named[0] and named in told:
            names.setdefault(named, ([], []))[0].append(payment)
    for line in lines:
        alike = names.get((plain_bank_ref(line.bank_ref), line.amount))
        if alike is not None:
            alike[1].append(line)
    return _paired(names.values(), undone)


def _paired(
    groups: Iterable[tuple[Sequence[DayPayment], Sequence[DayLine]]], undone: Undone
) -> PairedMoney:
    whole = PairedMoney()
    for some, alike in groups:
        found = pair_alike(some, alike, undone)
        whole.pairs += found.pairs
        whole.ambiguous += found.ambiguous
    return whole


def _as_matches(found: PairedMoney, rule: str) -> list[DayMatch]:
    return [
        DayMatch(one.payment_id, line.line_id, one.reference, one.amount, rule)
        for one, line in found.pairs
    ]


def _days_apart(payment: DayPayment, line: DayLine) -> int:
    return abs((business_date(line.booked_at) - payment.accounting_on).days)


def _shared_references(
    payments: Sequence[DayPayment], lines: Sequence[DayLine], undone: Undone
) -> PairedMoney:
    """Pair the payments of a reference that several carry, or may carry, and of several at once."""
    carriers = Counter(payment.reference for payment in payments)
    static = {payment.reference for payment in payments if payment.static}
    alike: dict[tuple[str, int], tuple[list[DayPayment], list[DayLine]]] = {}
    for payment in payments:
        named = payment.reference
        at_once = " " in named  # one transfer for several bills
        if named and (carriers[named] > 1 or at_once or named in static):
            alike.setdefault((named, payment.amount), ([], []))[0].append(payment)
    for line in lines:
        named = " ".join(sorted(line.references))
        if (named, line.amount) in alike:
            alike[named, line.amount][1].append(line)
    return _paired(alike.values(), undone)


def _by_reference(
    payments: Sequence[DayPayment], lines: Sequence[DayLine], cut_off: time, calendar: Calendar
) -> DayResult:
    """The rules of `matching`; a reference that several still carry stays with the first."""
    result = DayResult()
    named = list(_first_of_each(payments, result.discrepancies))
    if not named and not lines:  # most days of most accounts: the rules take a tenth of a second
        return result
    connection = connect(threads=1)
    try:
        create_relations(connection)
        add_rows(connection, "payments", named)
        add_rows(
            connection,
            "lines",
            (
                (
                    x.line_id,
                    x.booked_at,
                    x.amount,
                    x.direction,
                    x.reference,
                    x.narrative,
                    x.bank_ref,
                )
                for x in lines
            ),
        )
        match(connection, calendar, cut_off=cut_off)
        of_matches = "SELECT payment_id, line_id, reference, amount, rule FROM matches"
        result.matches = list(each_of(connection, of_matches, DayMatch))
        odd = "SELECT side, id, class, reference, amount, other_amount, reason FROM discrepancies"
        result.discrepancies += each_of(connection, odd, DayDiscrepancy)
        placed = "SELECT line_id, class, payment_id FROM placed_lines WHERE class <> 'matched'"
        result.places = list(each_of(connection, placed, DayPlace))
    finally:
        connection.close()
    return result


def _first_of_each(
    payments: Sequence[DayPayment], others: list[DayDiscrepancy]
) -> Iterator[Sequence[object]]:
    """A row for the first payment of each reference; the others are added to `others`."""
    seen: set[str] = set()
    for payment in payments:
        # A line that is left of a poster's reference is another payer's, and no second credit.
        if not payment.reference or payment.reference in seen or payment.static:
            others.append(
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
        yield payment.payment_id, payment.reference, payment.amount, payment.paid_at


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
