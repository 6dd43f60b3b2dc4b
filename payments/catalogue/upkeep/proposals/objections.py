"""What speaks against a file's entries, given what the catalogue holds. Pure.

What has begun is not rewritten: a citizen paid by it, and a bill of that day must be explained by
it. A fee or relief that is or was in force keeps everything that decides what it costs; it can be
ended, from yesterday on, and followed by another. What only tells about it (names, basis, source,
certainty, the day it was checked, the sub-item, its nature) may be corrected at any time. The share
that a body keeps of a fee is treated alike: what was reported by it stays explained. A new fee
or relief may begin in the past only where nothing of its code held on the days before today: the
first load of a schedule, or of a code. Sub-items and legal texts cost nobody anything and may be
corrected.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from core.days import day_text, span_text
from payments.catalogue.rules.spans import Span, common, span_of
from payments.catalogue.upkeep.entries import (
    DatedEntry,
    Entry,
    FeeEntry,
    ReliefEntry,
    ShareEntry,
)
from payments.catalogue.upkeep.proposals.owned import OwnedCatalogue
from payments.catalogue.upkeep.sheets.cells import Cell
from payments.catalogue.upkeep.sheets.columns import TITLES, cells_of, columns_for
from payments.catalogue.upkeep.sheets.faults import SheetFault
from payments.catalogue.upkeep.sheets.intake import PlacedEntry

#: What of a fee or relief in force may be corrected, for it changes no amount.
CORRECTABLE = frozenset(
    {
        *("name_vi", "name_en", "basis", "source", "certainty", "checked_on", "sub_item"),
        *("nature", "refundable", "refund_terms"),
    }
)

#: The tables that decide what something costs.
PRICED = (FeeEntry, ReliefEntry)
#: Those in which an agency may have its own, and in which what has begun is not rewritten.
_OWNED = (*PRICED, ShareEntry)

_OwnedEntry = FeeEntry | ReliefEntry | ShareEntry
_DAY = timedelta(days=1)


def find_objections(
    placed: Sequence[PlacedEntry],
    owned: OwnedCatalogue,
    today: date,
    codes: Mapping[str, frozenset[str]] | None = None,
) -> list[SheetFault]:
    """Every fault of the entries with each other and with the catalogue, in the file's order.

    `codes`, by table, are codes that the file has beside those of the entries, in faulty rows.
    """
    codes = codes or {}
    faults = [
        *_not_theirs(placed, owned),
        *_doubled(placed),
        *_unknown(placed, owned, codes),
        *_overlaps(placed, owned),
    ]
    held = _held(owned)
    for one in placed:
        faults.extend(_rewriting(one, owned, held, today))
    order = {table: place for place, table in enumerate(TITLES)}
    return sorted(faults, key=lambda fault: (order[fault.sheet], fault.row or 0))


def _not_theirs(placed: Sequence[PlacedEntry], owned: OwnedCatalogue) -> Iterator[SheetFault]:
    if owned.agency_id is None:
        return
    met: set[str] = set()
    for one in placed:
        if not isinstance(one.entry, _OWNED) and one.table not in met:
            met.add(one.table)
            reason = (
                "Bảng này là danh mục chung; cơ quan chỉ sửa khoản thu, miễn giảm và tỷ lệ để lại"
                " của mình."
            )
            yield SheetFault(one.table, None, "", "not_yours", reason)


def _doubled(placed: Sequence[PlacedEntry]) -> Iterator[SheetFault]:
    rows: dict[tuple[object, ...], int] = {}
    for one in placed:
        first = rows.setdefault((one.table, *one.entry.natural_key), one.row)
        if first != one.row:
            reason = f"Trùng với dòng {first}: cùng mã và cùng ngày có hiệu lực."
            yield SheetFault(one.table, one.row, "", "doubled", reason)


def _unknown(
    placed: Sequence[PlacedEntry], owned: OwnedCatalogue, codes: Mapping[str, frozenset[str]]
) -> Iterator[SheetFault]:
    procedures = owned.procedures | codes.get("procedures", frozenset())
    fees = owned.fees | codes.get("fees", frozenset())
    for one in placed:
        if isinstance(one.entry, FeeEntry):
            procedure = one.entry.procedure
            if procedure is not None and procedure not in procedures:
                reason = f"Không có thủ tục {procedure}."
                yield SheetFault(one.table, one.row, "procedure", "unknown", reason)
        elif isinstance(one.entry, ReliefEntry):
            missing = [code for code in one.entry.fees if code not in fees]
            if missing:
                reason = f"Không có khoản thu {', '.join(missing)}."
                yield SheetFault(one.table, one.row, "fees", "unknown", reason)
        elif isinstance(one.entry, ShareEntry) and one.entry.code not in fees:
            reason = f"Không có khoản thu {one.entry.code}."
            yield SheetFault(one.table, one.row, "code", "unknown", reason)


def _overlaps(placed: Sequence[PlacedEntry], owned: OwnedCatalogue) -> Iterator[SheetFault]:
    """Two rows of one name on one day, as the catalogue would be with the file applied."""
    named: dict[tuple[object, ...], dict[date, tuple[DatedEntry, int | None]]] = {}
    for entries in owned.entries.values():
        for entry in entries.values():
            if isinstance(entry, DatedEntry):
                named.setdefault(_name(entry), {})[entry.valid_from] = (entry, None)
    changed = set()
    for one in placed:
        if isinstance(one.entry, DatedEntry):
            changed.add(_name(one.entry))
            named.setdefault(_name(one.entry), {})[one.entry.valid_from] = (one.entry, one.row)
    for name in changed:
        rows = sorted(named[name].items())
        reached: tuple[DatedEntry, int | None] | None = None
        for _, (entry, row) in rows:
            if reached is not None and _meet(reached[0], entry):
                yield _overlap(reached, (entry, row))
            if (
                reached is None
                or span_of(entry.valid_from, entry.valid_to)[1]
                > (span_of(reached[0].valid_from, reached[0].valid_to)[1])
            ):
                reached = (entry, row)


def _name(entry: DatedEntry) -> tuple[object, ...]:
    """What no two entries share on one day: everything of the key but the date."""
    return (entry.table, *(part for part in entry.natural_key if not isinstance(part, date)))


def _meet(one: DatedEntry, other: DatedEntry) -> bool:
    spans = span_of(one.valid_from, one.valid_to), span_of(other.valid_from, other.valid_to)
    return common(*spans) is not None


def _overlap(
    earlier: tuple[DatedEntry, int | None], later: tuple[DatedEntry, int | None]
) -> SheetFault:
    (entry, row), other = (later, earlier) if later[1] is not None else (earlier, later)
    beside = "dòng đã có trong danh mục" if other[1] is None else f"dòng {other[1]}"
    theirs = span_text(other[0].valid_from, other[0].valid_to)
    reason = (
        f"Chồng thời gian với {beside} ({theirs});"
        f" dòng này {span_text(entry.valid_from, entry.valid_to)}."
        " Hãy ghi ngày cuối của dòng trước."
    )
    return SheetFault(entry.table, row, "valid_from", "overlap", reason)


def _rewriting(
    one: PlacedEntry,
    owned: OwnedCatalogue,
    held: Mapping[tuple[str, str], Sequence[Span]],
    today: date,
) -> Iterator[SheetFault]:
    entry = one.entry
    if not isinstance(entry, _OWNED):
        return
    before = owned.find(entry)
    if isinstance(before, _OWNED):
        yield from _changing(one, before, entry, today)
    elif any(
        common(past, span) is not None
        for past in _past(entry, today)
        for span in held.get((entry.table, entry.code), ())
    ):
        reason = (
            f"Mã này đã có mức trong những ngày đã qua; dòng mới phải bắt đầu từ {day_text(today)}"
            " trở đi."
        )
        yield SheetFault(one.table, one.row, "valid_from", "in_the_past", reason)


def _changing(
    one: PlacedEntry, before: _OwnedEntry, after: _OwnedEntry, today: date
) -> Iterator[SheetFault]:
    if before.valid_from <= today:
        reason = (
            f"Đã có hiệu lực từ {day_text(before.valid_from)} nên không sửa được; hãy kết thúc dòng"
            " này và thêm dòng mới."
        )
        for key in differing(before, after):
            if key not in CORRECTABLE and key != "valid_to":
                yield SheetFault(one.table, one.row, key, "has_begun", reason)
    if before.valid_to == after.valid_to:
        return
    yesterday = today - _DAY
    if before.valid_to is not None and before.valid_to < yesterday:
        reason = (
            f"Đã hết hiệu lực sau {day_text(before.valid_to)}; không sửa ngày kết thúc được nữa."
        )
        yield SheetFault(one.table, one.row, "valid_to", "has_ended", reason)
    elif after.valid_to is not None and after.valid_to < yesterday:
        reason = f"Không kết thúc trước hôm qua ({day_text(yesterday)})."
        yield SheetFault(one.table, one.row, "valid_to", "in_the_past", reason)


def differing(before: Entry, after: Entry) -> dict[str, tuple[Cell, Cell]]:
    """The columns in which two entries differ, with the cells of both."""
    columns = columns_for(after.table, (before, after))
    cells = zip(columns, cells_of(before, columns), cells_of(after, columns), strict=True)
    return {column.key: (old, new) for column, old, new in cells if old != new}


def _past(entry: _OwnedEntry, today: date) -> Iterator[Span]:
    """The days before today that an entry claims."""
    past = common(span_of(entry.valid_from, entry.valid_to), (date.min, today - _DAY))
    if past is not None:
        yield past


def _held(owned: OwnedCatalogue) -> dict[tuple[str, str], list[Span]]:
    """By table and code, the days on which something holds for the owner, whosever it is."""
    spans: dict[tuple[str, str], list[Span]] = {}
    for table, values in (
        (FeeEntry.table, owned.schedule.fees),
        (ReliefEntry.table, owned.schedule.reliefs),
    ):
        for one in values:
            spans.setdefault((table, one.code), []).append(span_of(one.valid_from, one.valid_to))
    for share in owned.entries.get(ShareEntry.table, {}).values():
        if isinstance(share, ShareEntry):
            place = (ShareEntry.table, share.code)
            spans.setdefault(place, []).append(span_of(share.valid_from, share.valid_to))
    return spans


def past_beginnings(
    placed: Iterable[PlacedEntry], owned: OwnedCatalogue, today: date
) -> list[PlacedEntry]:
    """The new fees and reliefs that begin in the past, where nothing speaks against them."""
    return [
        one
        for one in placed
        if isinstance(one.entry, PRICED)
        and one.entry.valid_from < today
        and owned.find(one.entry) is None
    ]
