"""The catalogue's tables as sheets: their columns, entries into cells and cells into entries. Pure.

The columns follow the entries' fields, so a new field needs a Vietnamese title here and nothing
else. A fee's rule is spread over columns of its own, one for each key of the rule's JSON: keys in
`RULE_KEYS` have a title and a way to be written; any other key gets a column `rule.<key>` by
itself, so that a new kind of rule can be exported and imported before anybody has come here.

Every column of a table must be there. A column left out could mean "as it was" or "none", and of a
cap either reading would be somebody's wrong amount. Columns without amounts that came later may be
left out, so that files of before can still be read: they are blank then, as the differences show.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from types import MappingProxyType
from typing import Any, get_args

from core.errors import Invalid
from core.folding import caseless
from payments.catalogue.rules.kinds import ForeignCurrency, kinds, rule_from
from payments.catalogue.upkeep.entries import KINDS, DatedEntry, Entry, FeeEntry
from payments.catalogue.upkeep.sheets.cells import (
    AMOUNT,
    CODES,
    DATE,
    FLAG,
    FREE,
    PERCENT,
    SHARE,
    STEPS,
    TEXT,
    WHOLE,
    Cell,
    Shape,
)

#: The sheet that explains the others; it is never read.
GUIDE = "Hướng dẫn"

#: Table → its title, which is also its sheet's name.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "legal_references": "Văn bản pháp luật",
        "sub_items": "Tiểu mục",
        "procedures": "Thủ tục",
        "fees": "Khoản thu",
        "reliefs": "Miễn giảm",
        "shares": "Tỷ lệ để lại",
    }
)

_FIELD_TITLES = {
    "code": "Mã",
    "number": "Số văn bản",
    "issuer": "Cơ quan ban hành",
    "title_vi": "Tên văn bản",
    "title_en": "Tên văn bản (tiếng Anh)",
    "procedure": "Mã thủ tục",
    "name_vi": "Tên",
    "name_en": "Tên tiếng Anh",
    "field": "Lĩnh vực",
    "code_certainty": "Độ chắc chắn của mã",
    "ministry_code": "Mã cấp bộ",
    "province_code": "Mã cấp tỉnh",
    "commune_code": "Mã cấp xã",
    "other_codes": "Các mã khác",
    "unit_vi": "Đơn vị tính",
    "unit_en": "Đơn vị tính (tiếng Anh)",
    "kind": "Cách tính",
    "charged": "Khi nào thu",
    "nature": "Bản chất",
    "refundable": "Hoàn trả",
    "refund_terms": "Hoàn trả khi nào",
    "sub_item": "Tiểu mục",
    "fees": "Các khoản thu được giảm",
    "percent": "Giảm (%)",
    "kept_percent": "Để lại cho cơ quan thu (%)",
    "each": "Chỉ thu mỗi đơn vị (đồng)",
    "cap": "Giảm tối đa (đồng)",
    "ground": "Đối tượng",
    "channel": "Kênh nộp hồ sơ",
    "age_from": "Từ đủ tuổi",
    "age_below": "Dưới tuổi",
    "once_a_year": "Mỗi năm một lần",
    "basis": "Căn cứ",
    "source": "Nguồn",
    "certainty": "Độ chắc chắn",
    "checked_on": "Ngày đối chiếu",
    "valid_from": "Hiệu lực từ ngày",
    "valid_to": "Hiệu lực đến hết ngày",
}

#: Key of a rule → its title, and how it is written. A new kind may add its keys, but need not.
RULE_KEYS: Mapping[str, tuple[str, Shape]] = MappingProxyType(
    {
        "amount": ("Mức thu", AMOUNT),
        "steps": ("Các bậc (từ đơn vị: mức thu)", STEPS),
        "minimum": ("Tối thiểu mỗi bản (đồng)", AMOUNT),
        "cap": ("Tối đa mỗi bản (đồng)", AMOUNT),
        "percent": ("Tỷ lệ (%)", SHARE),
        "floor": ("Tối thiểu (đồng)", AMOUNT),
        "ceiling": ("Tối đa (đồng)", AMOUNT),
        "currency": ("Ngoại tệ", TEXT),
    }
)

_FREE_KEY = "rule."

#: Fields of entries that are đồng; other whole numbers are ages.
_AMOUNTS = frozenset({"each", "cap"})


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column: its key as in the entry, its Vietnamese title, and what its cells hold.

    `required` cells must not be blank; `choices` are all that the cells may say, where that is
    known. `in_rule` columns hold a part of a fee's rule, under `rule_key`.
    """

    key: str
    title: str
    shape: Shape
    required: bool = False
    choices: tuple[str, ...] = ()
    in_rule: bool = False
    #: files made by an earlier version may be without it
    later: bool = False

    @property
    def rule_key(self) -> str:
        """The key in the rule's JSON."""
        return self.key.removeprefix(_FREE_KEY)

    def read(self, cell: Cell, kind: str) -> Any:
        """What a cell that is not blank holds, in a row whose rule is of `kind`.

        Raises `Misread`. A figure in a foreign currency is no đồng: 25 is 25.
        """
        foreign = self.in_rule and kind == ForeignCurrency.kind
        return (WHOLE if foreign and self.shape is AMOUNT else self.shape).read(cell)


def _leaves(annotation: Any) -> Iterable[type]:
    """The classes that an annotation is made of."""
    if args := get_args(annotation):
        for arg in args:
            yield from _leaves(arg)
    elif isinstance(annotation, type):
        yield annotation


def _shape(name: str, leaves: Sequence[type], is_list: bool) -> Shape:
    if is_list:
        return CODES
    if name in ("percent", "kept_percent"):
        return PERCENT
    if name in _AMOUNTS:
        return AMOUNT
    for kind, shape in ((bool, FLAG), (date, DATE), (int, WHOLE)):
        if kind in leaves:
            return shape
    return TEXT


def _columns_of(kind: type[Entry]) -> tuple[SheetColumn, ...]:
    columns: list[SheetColumn] = []
    # What an entry is comes first, since when and where it was read comes last.
    fields = sorted(kind.model_fields.items(), key=lambda item: item[0] in DatedEntry.model_fields)
    for name, field in fields:
        if name == "rule":
            columns.extend(
                SheetColumn(key, title, shape, in_rule=True)
                for key, (title, shape) in RULE_KEYS.items()
            )
            continue
        leaves = list(_leaves(field.annotation))
        choices = tuple(str(one.value) for leaf in leaves if issubclass(leaf, Enum) for one in leaf)
        columns.append(
            SheetColumn(
                key=name,
                title=_FIELD_TITLES[name],
                shape=_shape(name, leaves, "list[" in str(field.annotation)),
                required=field.is_required(),
                choices=kinds() if name == "kind" else choices,
                later=name in kind.later,
            )
        )
    return tuple(columns)


#: Table → its entries' class, in the order in which tables may be written.
CLASSES: Mapping[str, type[Entry]] = MappingProxyType({kind.table: kind for kind in KINDS})

#: Table → its columns, apart from those of keys that nobody described.
COLUMNS: Mapping[str, tuple[SheetColumn, ...]] = MappingProxyType(
    {kind.table: _columns_of(kind) for kind in KINDS}
)

_HEADINGS = {
    table: {caseless(name): column for column in columns for name in (column.key, column.title)}
    for table, columns in COLUMNS.items()
}


def free_column(key: str) -> SheetColumn:
    """The column of a rule's key that nobody described."""
    return SheetColumn(_FREE_KEY + key, _FREE_KEY + key, FREE, in_rule=True)


def columns_for(table: str, entries: Iterable[Entry] = ()) -> tuple[SheetColumn, ...]:
    """The columns of a table, with those that the rules of these entries need beyond the usual."""
    usual = COLUMNS[table]
    met = {key for entry in entries if isinstance(entry, FeeEntry) for key in rule_data(entry)}
    return (*usual, *(free_column(key) for key in sorted(met - RULE_KEYS.keys())))


def find_column(table: str, heading: str) -> SheetColumn | None:
    """The column that a heading means, by its key or its title; None for one nobody knows."""
    folded = caseless(heading)
    if folded in _HEADINGS[table]:
        return _HEADINGS[table][folded]
    key = folded.removeprefix(_FREE_KEY)
    if table == FeeEntry.table and folded != key and key.isidentifier() and key.isascii():
        return free_column(key) if key not in RULE_KEYS else find_column(table, key)
    return None


def rule_data(entry: FeeEntry) -> Mapping[str, object]:
    """A fee's rule as JSON, in the one form that equal rules have."""
    try:
        return rule_from(entry.kind, entry.rule).to_data()
    except Invalid:
        return entry.rule  # of a row that was not written by way of an entry


def cells_of(entry: Entry, columns: Sequence[SheetColumn]) -> tuple[Cell, ...]:
    """The cells of an entry's row."""
    rule = rule_data(entry) if isinstance(entry, FeeEntry) else {}
    cells: list[Cell] = []
    for column in columns:
        value = rule.get(column.rule_key) if column.in_rule else getattr(entry, column.key)
        cells.append(None if value is None else column.shape.write(value))
    return tuple(cells)


def amounts_of(entry: Entry) -> Iterator[int]:
    """Every figure of an entry that is an amount in đồng, as far as its columns are known."""
    if isinstance(entry, FeeEntry) and entry.kind == ForeignCurrency.kind:
        return
    rule = rule_data(entry) if isinstance(entry, FeeEntry) else {}
    for column in COLUMNS[entry.table]:
        value = rule.get(column.rule_key) if column.in_rule else getattr(entry, column.key)
        if column.shape is AMOUNT and isinstance(value, int):
            yield value
        elif column.shape is STEPS and isinstance(value, list):
            yield from (step["each"] for step in value)


def name_of(entry: Entry) -> str:
    """What an entry is called in a message: its code, and from when on where it has a date."""
    parts = [
        f"từ {part:%d/%m/%Y}" if isinstance(part, date) else part for part in entry.natural_key
    ]
    return ", ".join(parts)
