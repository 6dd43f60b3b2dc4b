"""Inspecting the catalogue: gaps, overlaps, ends, doubtful figures, what rests on nothing. Pure.

The database refuses two rows of one thing on one day; everything else here it cannot know, for it
takes several rows, or a day, to see it. Nothing is corrected: each finding says what to do.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from core.days import day_text
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.schedule import Applicability, Schedule
from payments.catalogue.rules.spans import Span, between, collisions, common, day_after, uncovered
from payments.catalogue.rules.wording import LocalizedText
from payments.catalogue.upkeep.inspection.contents import Catalogue, CatalogueTable, Item
from payments.catalogue.upkeep.inspection.findings import (
    Finding,
    FindingCode,
    Level,
    level_on,
    told_span,
)
from payments.catalogue.upkeep.inspection.legal_bases import basis_findings
from payments.catalogue.upkeep.inspection.links import (
    clash_findings,
    nature_findings,
    procedure_findings,
    relief_findings,
    share_findings,
    sub_item_findings,
)

#: After so many days a figure should be looked up again, if nothing else is said.
CHECKED_WITHIN = 365

_Name = tuple[CatalogueTable, str, str | None]


def inspect(
    catalogue: Catalogue, on: date, horizon: date, *, checked_within: int = CHECKED_WITHIN
) -> tuple[Finding, ...]:
    """Everything to look at from `on` to the end of `horizon`, errors first.

    Gaps and overlaps are found whenever they are; all else concerns what is in force on some day
    of that time. Figures checked more than `checked_within` days before `on` are stale. Raises
    `ValueError` if the horizon comes first.
    """
    if horizon < on:
        raise ValueError("the horizon lies before the asked day")
    window = (on, horizon)
    named: dict[_Name, list[Item]] = {}
    for item in catalogue.items():
        named.setdefault((item.table, item.code, item.owner_id), []).append(item)
    found = [
        *_rows_of_one_name(catalogue, named, window),
        *_mixed_charges(catalogue, window),
        *basis_findings(catalogue, window),
        *sub_item_findings(catalogue, window),
        *nature_findings(catalogue, window),
        *procedure_findings(catalogue, window),
        *clash_findings(catalogue),
        *relief_findings(catalogue, window),
        *share_findings(catalogue),
        *_unconfirmed(catalogue, window),
        *_stale(catalogue, window, checked_within),
    ]
    return tuple(sorted(found, key=lambda finding: finding.order))


def _rows_of_one_name(
    catalogue: Catalogue, named: dict[_Name, list[Item]], window: Span
) -> Iterator[Finding]:
    """Gaps between rows, overlaps of rows, and ends without anything that follows."""
    for (table, code, owner_id), items in named.items():
        owner = None if owner_id is None else catalogue.owner(owner_id).code
        spans = [item.span for item in items]
        # Where an agency has no fee of its own, that of the body above or of the nation holds.
        instead = [
            item.span
            for other in catalogue.counts_for(owner_id) - {owner_id}
            for item in named.get((table, code, other), ())
        ]
        for span in collisions(spans):
            yield _overlap(table, code, owner, span)
        for span in uncovered(between(spans), spans + instead):
            yield _gap(table, code, owner, span, window[0])
        last = between(spans)[1]
        after = day_after(last)
        if (
            table in (CatalogueTable.FEES, CatalogueTable.RELIEFS)
            and after is not None
            and window[0] <= last <= window[1]
            and uncovered((after, after), instead)
        ):
            yield _ends(table, code, owner, (last, last))


def _mixed_charges(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """Procedures that take some fees always and let others be chosen, on a day of the window."""
    days = sorted(
        {window[0]}
        | {fee.valid_from for fee in catalogue.fees if window[0] < fee.valid_from <= window[1]}
    )
    # An agency can make a procedure mixed only by a fee of its own.
    with_own = {(fee.agency_id, fee.procedure_code) for fee in catalogue.fees}
    mixed_for_all: set[str] = set()
    for owner_id, schedule in catalogue.views():
        owner = None if owner_id is None else catalogue.owner(owner_id).code
        for procedure in catalogue.procedures:
            if (owner_id, procedure.code) not in with_own or procedure.code in mixed_for_all:
                continue
            day = next((day for day in days if _is_mixed(schedule, procedure.code, day)), None)
            if day is None:
                continue
            if owner_id is None:
                mixed_for_all.add(procedure.code)
            yield _mixed(procedure.code, owner, (day, day))


def _is_mixed(schedule: Schedule, procedure: str, day: date) -> bool:
    kinds = {fee.charged for fee in schedule.of_procedure(procedure, day)}
    return {Applicability.ALWAYS, Applicability.CHOICE} <= kinds


def _unconfirmed(catalogue: Catalogue, window: Span) -> Iterator[Finding]:
    """One finding for each certainty below confirmed: how many figures, and which."""
    doubtful = [
        (item.certainty, item.table, _name(catalogue, item))
        for item in _in_force(catalogue, window)
    ]
    doubtful += [
        (procedure.code_certainty, CatalogueTable.PROCEDURES, procedure.code)
        for procedure in catalogue.procedures
    ]
    for certainty in (Certainty.UNCONFIRMED, Certainty.SECONDARY):
        which = [(table, name) for found, table, name in doubtful if found == certainty]
        if which:
            counted = _counted(table for table, _ in which)
            yield Finding(
                level=Level.WARNING,
                code=FindingCode.UNCONFIRMED,
                table=None,
                subject=certainty,
                items=_listed(which),
                words=LocalizedText(
                    f"{counted.vi} {certainty.words.vi}. Đọc văn bản, rồi ghi mức độ chắc chắn là"
                    " confirmed và ngày đối chiếu.",
                    f"{counted.en} {certainty.words.en}. Read the text, then set the certainty to"
                    " confirmed and the day of the check.",
                ),
            )


def _stale(catalogue: Catalogue, window: Span, checked_within: int) -> Iterator[Finding]:
    """One finding for all figures that were last checked too long ago."""
    limit = timedelta(days=checked_within)
    old = [item for item in _in_force(catalogue, window) if window[0] - item.checked_on > limit]
    if old:
        counted = _counted(item.table for item in old)
        oldest = day_text(min(item.checked_on for item in old))
        yield Finding(
            level=Level.WARNING,
            code=FindingCode.STALE,
            table=None,
            subject=f"{checked_within}",
            items=_listed((item.table, _name(catalogue, item)) for item in old),
            words=LocalizedText(
                f"{counted.vi} đối chiếu lần cuối đã quá {checked_within} ngày, cũ nhất ngày"
                f" {oldest}. Đối chiếu lại và ghi ngày mới.",
                f"{counted.en} last checked more than {checked_within} days ago, the oldest on"
                f" {oldest}. Check them again and note the new day.",
            ),
        )


def _in_force(catalogue: Catalogue, window: Span) -> Iterator[Item]:
    return (item for item in catalogue.items() if common(item.span, window))


def _counted(tables: Iterable[CatalogueTable]) -> LocalizedText:
    """How many of what: "12 khoản thu, 3 tiểu mục"."""
    counts = sorted(Counter(tables).items(), key=lambda pair: list(CatalogueTable).index(pair[0]))
    return LocalizedText(
        ", ".join(f"{count} {table.words.vi}" for table, count in counts),
        ", ".join(f"{count} {table.words.en}{'s' * (count > 1)}" for table, count in counts),
    )


def _listed(which: Iterable[tuple[CatalogueTable, str]]) -> tuple[str, ...]:
    return tuple(sorted({f"{table.words.vi} {name}" for table, name in which}))


def _name(catalogue: Catalogue, item: Item) -> str:
    if item.owner_id is None:
        return item.code
    return f"{item.code} ({catalogue.owner(item.owner_id).code})"


def _gap(table: CatalogueTable, code: str, owner: str | None, span: Span, on: date) -> Finding:
    days = told_span(span)
    # A relief or a text may well have been out of force for a while; a fee hardly ever.
    weighs = table in (CatalogueTable.FEES, CatalogueTable.SUB_ITEMS)
    return Finding(
        level=level_on(span, on) if weighs else Level.WARNING,
        code=FindingCode.GAP,
        table=table,
        subject=code,
        owner=owner,
        span=span,
        words=LocalizedText(
            f"Không có hiệu lực {days.vi}, giữa hai giai đoạn. Thêm giai đoạn còn thiếu, hoặc sửa"
            " ngày hết hiệu lực của giai đoạn trước.",
            f"Not in force {days.en}, between two periods. Add the missing one, or correct the"
            " last day of the one before.",
        ),
    )


def _overlap(table: CatalogueTable, code: str, owner: str | None, span: Span) -> Finding:
    days = told_span(span)
    return Finding(
        level=Level.ERROR,
        code=FindingCode.OVERLAP,
        table=table,
        subject=code,
        owner=owner,
        span=span,
        words=LocalizedText(
            f"Có hai dòng cùng hiệu lực {days.vi}. Cho dòng trước hết hiệu lực vào ngày trước khi"
            " dòng sau bắt đầu.",
            f"Two rows are in force {days.en}. End the earlier one on the day before the later"
            " one begins.",
        ),
    )


def _ends(table: CatalogueTable, code: str, owner: str | None, span: Span) -> Finding:
    day = day_text(span[1])
    return Finding(
        level=Level.WARNING,
        code=FindingCode.ENDS,
        table=table,
        subject=code,
        owner=owner,
        span=span,
        words=LocalizedText(
            f"Hết hiệu lực ngày {day}, chưa có gì tiếp theo. Tìm văn bản cho những ngày sau đó và"
            " thêm trước ngày ấy, nếu có.",
            f"Ends on {day} and nothing follows. Find out what holds afterwards and add it before"
            " that day, if anything does.",
        ),
    )


def _mixed(procedure: str, owner: str | None, span: Span) -> Finding:
    return Finding(
        level=Level.WARNING,
        code=FindingCode.MIXED_CHARGES,
        table=CatalogueTable.PROCEDURES,
        subject=procedure,
        owner=owner,
        span=span,
        words=LocalizedText(
            "Vừa có khoản luôn thu vừa có khoản để chọn: khoản phải nộp không thể chỉ nêu mã thủ"
            " tục, phải nêu từng khoản thu. Tách thủ tục, hoặc đổi cách thu nếu ghi nhầm.",
            "Some fees are always taken and others chosen: a bill cannot name the procedure alone,"
            " it must name each fee. Split the procedure, or correct `charged` if it is wrong.",
        ),
    )
