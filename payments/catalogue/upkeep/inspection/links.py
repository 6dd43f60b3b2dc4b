"""Whether what fees and reliefs name is there: sub-items, procedures, fees. Pure."""

from collections.abc import Iterator

from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.natures import FeeNature, nature_of_sub_item
from payments.catalogue.rules.reliefs import ReliefValue
from payments.catalogue.rules.schedule import FeeValue
from payments.catalogue.rules.spans import FOREVER, Span, common, span_of, uncovered
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import Catalogue, CatalogueTable
from payments.catalogue.upkeep.inspection.findings import (
    Finding,
    FindingCode,
    Level,
    level_on,
    listed,
    told_span,
)

_NATURES = {
    FeeNature.CHARGE: LocalizedText("phí", "a charge (phí)"),
    FeeNature.FEE: LocalizedText("lệ phí", "a fee (lệ phí)"),
    FeeNature.STATE_REVENUE: LocalizedText("khoản thu khác của ngân sách", "other state revenue"),
    FeeNature.PRICE: LocalizedText("giá dịch vụ", "a price"),
}


def sub_item_findings(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Sub-items of fees in force in the window that the budget index of the day does not have.

    A code that the index never has is an error whenever the fee is in force; one that it has on
    other days is an error if it is missing on the asked day, the first of the window. A fee of a
    procedure without any is a warning: it is hardly ever no state revenue, as postage is.
    """
    index: dict[str, list[tuple[Span, Certainty]]] = {}
    for row in catalogue.sub_items:
        entry = (span_of(row.valid_from, row.valid_to), row.certainty)
        index.setdefault(row.code, []).append(entry)
    doubtful: dict[str, dict[str, None]] = {}
    for fee in catalogue.fees:
        in_force = _from_the_asked_day(fee, window)
        if in_force is None:
            continue
        if fee.sub_item is None:
            if fee.procedure_code is not None:
                yield _no_sub_item(catalogue, fee, fee.procedure_code, in_force)
            continue
        known = index.get(fee.sub_item, [])
        missing = _first_within(window, uncovered(in_force, [span for span, _ in known]))
        if missing is not None:
            level = level_on(missing, window[0]) if known else Level.ERROR
            yield _missing_sub_item(catalogue, fee, fee.sub_item, missing, level)
        vouched = [span for span, certainty in known if certainty != Certainty.UNCONFIRMED]
        if known and _first_within(window, uncovered(in_force, vouched)) != missing:
            doubtful.setdefault(fee.sub_item, {})[fee.code] = None
    if doubtful:
        yield _unconfirmed_sub_items({code: tuple(fees) for code, fees in doubtful.items()})


def nature_findings(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Fees that are in law something else than what the index books under their sub-item.

    The nature decides what proves a payment: its payer would get the wrong document.
    """
    index = {row.code: nature_of_sub_item(row.name.vi) for row in catalogue.sub_items}
    for fee in catalogue.fees:
        if _from_the_asked_day(fee, window) is None:
            continue
        expected = index.get(fee.sub_item or "")
        if expected is None or fee.nature is expected:
            continue
        said, booked = _NATURES[fee.nature], _NATURES[expected]
        yield Finding(
            level=Level.WARNING,
            code=FindingCode.OTHER_NATURE,
            table=CatalogueTable.FEES,
            subject=fee.code,
            owner=_owner_code(catalogue, fee),
            words=LocalizedText(
                f"Ghi là {said.vi}, nhưng tiểu mục {fee.sub_item} là {booked.vi}. Sửa một trong"
                " hai: chứng từ cấp cho người nộp theo tính chất của khoản thu.",
                f"It is said to be {said.en}, but what is booked under sub-item {fee.sub_item} is"
                f" {booked.en}. Correct one of the two: what the payer gets follows from it.",
            ),
        )


def clash_findings(catalogue: Catalogue) -> Iterator[Finding]:
    """Codes that name several procedures: whoever gives one is asked which is meant."""
    named: dict[str, list[str]] = {}
    for procedure in catalogue.procedures:
        for code in dict.fromkeys((procedure.code, *procedure.other_codes)):
            named.setdefault(code, []).append(procedure.code)
    for code, procedures in sorted(named.items()):
        if len(procedures) > 1:
            which = tuple(sorted(procedures))
            yield Finding(
                level=Level.WARNING,
                code=FindingCode.CLASHING_CODES,
                table=CatalogueTable.PROCEDURES,
                subject=code,
                items=which,
                words=LocalizedText(
                    f"Là mã của nhiều thủ tục: {listed(which)}. Cổng gửi mã này sẽ bị hỏi lại; bỏ"
                    " mã khỏi thủ tục không mang nó.",
                    f"It is a code of several procedures: {listed(which)}. A portal that sends it"
                    " is asked which is meant; take it off those that do not bear it.",
                ),
            )


def procedure_findings(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Fees of procedures that are not there, and procedures without any fee on the asked day."""
    known = {procedure.code for procedure in catalogue.procedures}
    for fee in catalogue.fees:
        if fee.procedure_code is not None and fee.procedure_code not in known:
            yield Finding(
                level=Level.ERROR,
                code=FindingCode.UNKNOWN_PROCEDURE,
                table=CatalogueTable.FEES,
                subject=fee.code,
                owner=_owner_code(catalogue, fee),
                words=LocalizedText(
                    f"Không có thủ tục {fee.procedure_code}. Thêm thủ tục, hoặc sửa mã.",
                    f"There is no procedure {fee.procedure_code}. Add it, or correct the code.",
                ),
            )
    with_fees = {fee.procedure_code for fee in catalogue.fees if fee.holds_on(window[0])}
    for procedure in catalogue.procedures:
        if procedure.code not in with_fees:
            today = (window[0], window[0])
            day = told_span(today)
            yield Finding(
                level=Level.WARNING,
                code=FindingCode.NO_FEE,
                table=CatalogueTable.PROCEDURES,
                subject=procedure.code,
                span=today,
                words=LocalizedText(
                    f"Không có khoản thu nào có hiệu lực {day.vi}. Thêm khoản thu; nếu thủ tục"
                    " không thu, thêm khoản thu 0 đồng kèm căn cứ.",
                    f"No fee is in force {day.en}. Add one; if the procedure is free, add a fee"
                    " of 0 with its basis.",
                ),
            )


def relief_findings(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Reliefs from fees that are not there, or not on all days of the window they hold on."""
    by_code: dict[str, list[FeeValue]] = {}
    for fee in catalogue.fees:
        by_code.setdefault(fee.code, []).append(fee)
    for relief in catalogue.reliefs:
        if span_of(relief.valid_from, relief.valid_to)[1] < window[0]:
            continue
        in_force = _from_the_asked_day(relief, window)
        idle: dict[Span, list[str]] = {}
        for code in sorted(relief.fees):
            fees = [
                span_of(fee.valid_from, fee.valid_to)
                for fee in by_code.get(code, ())
                if _concerns(catalogue, relief, fee)
            ]
            if not fees and relief.agency_id is None and code in catalogue.fees_elsewhere:
                continue
            if not fees:
                yield _unknown_fee(catalogue, relief, code)
            elif in_force and (without := _first_within(window, uncovered(in_force, fees))):
                idle.setdefault(without, []).append(code)
        for without, codes in idle.items():
            yield _idle_relief(catalogue, relief, tuple(codes), without)


def share_findings(catalogue: Catalogue) -> Iterator[Finding]:
    """Shares of fees that nobody has, in the catalogue of whoever collects them."""
    known = {fee.code for fee in catalogue.fees} | catalogue.fees_elsewhere
    for share in catalogue.shares:
        if share.code not in known:
            owner = None if share.agency_id is None else catalogue.owner(share.agency_id).code
            yield Finding(
                level=Level.WARNING,
                code=FindingCode.UNKNOWN_FEE,
                table=CatalogueTable.SHARES,
                subject=share.code,
                owner=owner,
                words=LocalizedText(
                    f"Không có khoản thu {share.code} để chia tỷ lệ. Sửa mã.",
                    f"There is no fee {share.code} to be shared. Correct the code.",
                ),
            )


def _from_the_asked_day(entry: FeeValue | ReliefValue, window: Span) -> Span | None:
    """The days from the first of the window on which it is in force; None if it begins after it."""
    span = common(span_of(entry.valid_from, entry.valid_to), (window[0], FOREVER))
    return span if span is not None and span[0] <= window[1] else None


def _first_within(window: Span, spans: tuple[Span, ...]) -> Span | None:
    """The first of the spans, if it begins in the window."""
    return spans[0] if spans and spans[0][0] <= window[1] else None


def _concerns(catalogue: Catalogue, relief: ReliefValue, fee: FeeValue) -> bool:
    """Whether some agency has both in its schedule: one's owner counts for the other's."""
    return (
        relief.agency_id is None
        or fee.agency_id in catalogue.counts_for(relief.agency_id)
        or relief.agency_id in catalogue.counts_for(fee.agency_id)
    )


def _no_sub_item(catalogue: Catalogue, fee: FeeValue, procedure: str, span: Span) -> Finding:
    days = told_span(span)
    return Finding(
        level=Level.WARNING,
        code=FindingCode.NO_SUB_ITEM,
        table=CatalogueTable.FEES,
        subject=fee.code,
        owner=_owner_code(catalogue, fee),
        span=span,
        words=LocalizedText(
            f"Khoản thu của thủ tục {procedure} không có tiểu mục {days.vi}. Ghi tiểu mục; chỉ để"
            " trống nếu không phải thu ngân sách.",
            f"A fee of procedure {procedure} without a sub-item {days.en}. Give it one; leave it"
            " out only if it is no state revenue.",
        ),
    )


def _missing_sub_item(
    catalogue: Catalogue, fee: FeeValue, sub_item: str, span: Span, level: Level
) -> Finding:
    days = told_span(span)
    return Finding(
        level=level,
        code=FindingCode.MISSING_SUB_ITEM,
        table=CatalogueTable.FEES,
        subject=fee.code,
        owner=_owner_code(catalogue, fee),
        span=span,
        words=LocalizedText(
            f"Tiểu mục {sub_item} không có trong mục lục ngân sách {days.vi}. Thêm tiểu mục cho"
            " năm đó, hoặc sửa tiểu mục của khoản thu.",
            f"The budget index has no sub-item {sub_item} {days.en}. Add it for that year, or"
            " correct the sub-item of the fee.",
        ),
    )


def _unconfirmed_sub_items(fees: dict[str, tuple[str, ...]]) -> Finding:
    codes = tuple(sorted(fees))
    count = len({fee for of_one in fees.values() for fee in of_one})
    return Finding(
        level=Level.WARNING,
        code=FindingCode.UNCONFIRMED_SUB_ITEM,
        table=CatalogueTable.SUB_ITEMS,
        subject=listed(codes),
        items=tuple(f"{code}: {', '.join(fees[code])}" for code in codes),
        words=LocalizedText(
            f"{len(codes)} tiểu mục chưa xác nhận, {count} khoản thu hạch toán vào đó. Đối chiếu"
            " với mục lục ngân sách hoặc hỏi Kho bạc trước khi báo cáo.",
            f"{len(codes)} sub-items not confirmed, {count} fees are booked under them. Compare"
            " them with the budget index or ask the treasury before reporting.",
        ),
    )


def _unknown_fee(catalogue: Catalogue, relief: ReliefValue, code: str) -> Finding:
    return Finding(
        level=Level.ERROR,
        code=FindingCode.UNKNOWN_FEE,
        table=CatalogueTable.RELIEFS,
        subject=relief.code,
        owner=_owner_code(catalogue, relief),
        words=LocalizedText(
            f"Không có khoản thu {code} để miễn, giảm. Sửa mã, hoặc bỏ mã này khỏi danh sách.",
            f"There is no fee {code} to relieve. Correct the code, or take it off the list.",
        ),
    )


def _idle_relief(
    catalogue: Catalogue, relief: ReliefValue, codes: tuple[str, ...], span: Span
) -> Finding:
    days, which = told_span(span), listed(codes)
    return Finding(
        level=Level.WARNING,
        code=FindingCode.IDLE_RELIEF,
        table=CatalogueTable.RELIEFS,
        subject=relief.code,
        owner=_owner_code(catalogue, relief),
        span=span,
        items=codes,
        words=LocalizedText(
            f"Mức miễn, giảm có hiệu lực {days.vi}, khoản thu {which} thì không. Thêm giai đoạn"
            " của khoản thu, hoặc bỏ khoản thu đã hết hiệu lực khỏi mức miễn, giảm.",
            f"The relief is in force {days.en}, but not {which}. Add a period of the fee, or take"
            " a fee that has ended off the relief.",
        ),
    )


def _owner_code(catalogue: Catalogue, entry: FeeValue | ReliefValue) -> str | None:
    return None if entry.agency_id is None else catalogue.owner(entry.agency_id).code
