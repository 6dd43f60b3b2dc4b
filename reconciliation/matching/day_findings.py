"""What a day's discrepancies say of a payment or a line, and why."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date

from core.clock import business_date
from payments.books.values import DayPayment
from reconciliation.matching.ageing import BANK
from reconciliation.matching.pairing import AmbiguousMoney
from reconciliation.matching.reversals import ReversibleLine
from reconciliation.matching.values import DayDiscrepancy, DayLine, DayMatch, DayResult

AMBIGUOUS = "ambiguous"
#: A payment's id and a line's, of each pair that people have taken apart.
Undone = Set[tuple[str, str]]


def ambiguous_money(
    found: Iterable[AmbiguousMoney], on: date, of_day: Set[str], by_line: Mapping[str, DayLine]
) -> list[DayDiscrepancy]:
    """What of a day fits more than one: its payments and its lines, each once."""
    odd = []
    for one in found:
        odd += [
            DayDiscrepancy(
                *("payment", payment.payment_id, AMBIGUOUS, payment.reference, payment.amount),
                None,
                one.for_payment,
            )
            for payment in one.payments
            if payment.payment_id in of_day
        ]
        odd += [
            DayDiscrepancy("line", line.line_id, AMBIGUOUS, "", line.amount, None, one.for_line)
            for line in one.lines
            if by_line[line.line_id].day == on
        ]
    return odd


def not_stated(odd: DayDiscrepancy) -> DayDiscrepancy:
    """A payment of a day that no statement tells of yet: nothing is missing that could be there."""
    return replace(odd, kind="no_statement", reason="Chưa nạp sao kê nào từ ngày này trở đi.")


def credited_again(
    odd: DayDiscrepancy, line: DayLine, paid: Set[str], stated: Set[str]
) -> DayDiscrepancy:
    """A line that is left of a reference that was paid: say so.

    `paid` are the references of payments, `stated` those of payments that have a line of their own.
    """
    known = [reference for reference in line.references if reference in paid]
    if odd.kind != "unknown_in_ledger" or not known:
        return odd
    told = "khớp với dòng khác; lần ghi có này chưa có trong sổ."
    if known[0] not in stated:
        told = (
            "chưa khớp với dòng nào; số tham chiếu của ngân hàng không giống:"
            " hãy xem có phải cùng một khoản tiền không."
        )
    reason = f"Mã {known[0]} đã có khoản thanh toán trong sổ, {told}"
    return replace(odd, reference=known[0], reason=reason)


def told_of_gateways(
    result: DayResult, payments: Iterable[DayPayment], lines: Iterable[DayLine]
) -> DayResult:
    """The same, where a line that is unknown names what was paid at a gateway: it says so.

    Such a line is other money, or was paid over one by one. `payments` and `lines` are all that
    are known of the day and those around it.
    """
    unknown = {odd.object_id for odd in result.discrepancies if odd.kind == "unknown_in_ledger"}
    named = {line.line_id: line.references for line in lines if line.line_id in unknown}
    asked = {reference for references in named.values() for reference in references}
    at_gateways = {
        one.reference for one in payments if one.gateway != BANK and one.reference in asked
    }
    if not at_gateways:
        return result
    odd = [
        _paid_at_gateway(odd, [one for one in named.get(odd.object_id, ()) if one in at_gateways])
        for odd in result.discrepancies
    ]
    return replace(result, discrepancies=odd)


def _paid_at_gateway(odd: DayDiscrepancy, known: Sequence[str]) -> DayDiscrepancy:
    if odd.kind != "unknown_in_ledger" or not known:
        return odd
    reason = (
        f"Mã {known[0]} đã được nộp qua cổng; khoản ghi có này là tiền khác,"
        " hoặc là tiền cổng chuyển về: hãy xem."
    )
    return replace(odd, reference=known[0], reason=reason)


def names_several(
    odd: DayDiscrepancy, line: DayLine, left: Mapping[tuple[str, int], Sequence[DayPayment]]
) -> DayDiscrepancy | None:
    """A line that names several payments of its very amount: which one it is nobody can say.

    `left` are the payments by reference and amount.
    """
    if odd.kind != "unknown_in_ledger":
        return None
    fitting = [one for named in line.references for one in left.get((named, line.amount), ())]
    if len(fitting) < 2:
        return None
    return replace(odd, kind=AMBIGUOUS, reason=AmbiguousMoney(tuple(fitting), (line,)).for_line)


def without_undone(result: DayResult, undone: Undone) -> DayResult:
    """A result in which nothing is matched that people have taken apart."""
    apart = [one for one in result.matches if (one.payment_id, one.line_id) in undone]
    if not apart:
        return result
    ids = {one.payment_id for one in apart}
    lines = {one.line_id for one in apart}
    told = "Hai người đã gỡ khớp với {}; hãy xử lý."
    touched = ids | lines
    odd = [one for one in result.discrepancies if one.object_id not in touched]
    for one in apart:
        of_payment = ("payment", one.payment_id, "missing_in_ledger", one.reference, one.amount)
        of_line = ("line", one.line_id, "unknown_in_ledger", "", one.amount)
        odd.append(DayDiscrepancy(*of_payment, None, told.format(f"dòng {one.line_id}")))
        odd.append(DayDiscrepancy(*of_line, None, told.format(f"khoản {one.payment_id}")))
    return replace(
        result,
        matches=[one for one in result.matches if (one.payment_id, one.line_id) not in undone],
        discrepancies=odd,
        places=[place for place in result.places if place.line_id not in lines],
    )


def reversed_payment(found: DayMatch, debit: ReversibleLine) -> DayDiscrepancy:
    """A payment of the books whose credit the bank took back."""
    reason = (
        f"Ngân hàng đã ghi có rồi ghi nợ trả lại ngày {business_date(debit.booked_at):%d/%m/%Y};"
        " khoản này đã được ghi nhận là đã thu."
    )
    return DayDiscrepancy(
        "payment", found.payment_id, "reversed", found.reference, found.amount, 0, reason
    )


def reversed_line(line: DayLine, debit: ReversibleLine) -> DayDiscrepancy:
    """A credit that the bank took back, and that the books never had."""
    reason = (
        f"Ngân hàng đã ghi nợ trả lại ngày {business_date(debit.booked_at):%d/%m/%Y};"
        " không ghi thu cho khoản nào."
    )
    named = line.references
    reference = named[0] if len(named) == 1 else ""
    return DayDiscrepancy("line", line.line_id, "reversed", reference, line.amount, 0, reason)
