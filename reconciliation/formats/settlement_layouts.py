"""Which column of a gateway's settlement file means what: layouts as data, dated.

Keys of an entry:

- `code`, `title`, `valid_from` and `valid_to` (last day, left out while it is in use);
- `title_en`: the title for English readers, who else see the Vietnamese one;
- `confirmed`: whether a real file was seen; one that was not says so in its titles;
- `delimiters`, `header_within`: as in `mappings.toml`;
- `columns`: names of `batch_ref`, `settled_on`, `amount`, `fee`, `net`, and where there are any of
  `order_ref` (ours) and `gateway_ref` (the gateway's), one of which there must be, `kind` and
  `paid_at`;
- `days`, `times`: formats of `settled_on` and of `paid_at`, strptime's or "iso";
- `style`: how numbers are written; `scale`: how many units of the file are one đồng;
- `payment_words`, `refund_words`, `chargeback_words`, `adjustment_words`: what `kind` says;
  `refunds` "positive" or "negative": the sign of what goes back to a payer, which an adjustment
  always bears itself;
- `totals`: first words of the row of totals, which must agree with the rows, and whether it is
  `totals_required`.

Pure.
"""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from pydantic import ConfigDict, TypeAdapter

from core.days import holds_on
from core.errors import FieldError
from core.folding import caseless
from reconciliation.formats.cells import NumberStyle
from reconciliation.formats.mappings import AmountColumns, Mapping, UnknownMapping
from reconciliation.formats.settlement_rows import SettlementKind

#: What stands in the title of a layout of which no real file was seen.
UNCONFIRMED: Final = "chưa xác nhận"
UNCONFIRMED_EN: Final = "unconfirmed"
_NEEDED: Final = frozenset({"batch_ref", "settled_on", "amount", "fee", "net"})
_MAY_BE: Final = _NEEDED | {"order_ref", "gateway_ref", "kind", "paid_at"}


@dataclass(frozen=True, slots=True)
class SettlementLayout:
    """The layout of one gateway's settlement file, as long as it was in use."""

    code: str
    title: str
    valid_from: date
    confirmed: bool
    columns: dict[str, str]
    days: tuple[str, ...]
    scale: Literal[1, 100]
    valid_to: date | None = None
    times: tuple[str, ...] = ()
    style: NumberStyle = field(default_factory=NumberStyle)
    delimiters: tuple[str, ...] = (",",)
    header_within: int = 1
    payment_words: tuple[str, ...] = ()
    refund_words: tuple[str, ...] = ()
    chargeback_words: tuple[str, ...] = ()
    adjustment_words: tuple[str, ...] = ()
    refunds: Literal["positive", "negative"] = "positive"
    totals: str = ""
    totals_required: bool = False
    title_en: str = ""

    # A misspelt key would silently mean its default.
    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def words(self) -> dict[SettlementKind, tuple[str, ...]]:
        """The words of each kind of row."""
        return {
            "payment": self.payment_words,
            "refund": self.refund_words,
            "chargeback": self.chargeback_words,
            "adjustment": self.adjustment_words,
        }

    @property
    def heading(self) -> Mapping:
        """What of it the readers of files need to find the heading."""
        return Mapping(
            code=self.code,
            title=self.title,
            valid_from=self.valid_from,
            times=self.times,
            columns={},
            amount=AmountColumns("signed", self.style),
            delimiters=self.delimiters,
            header_within=self.header_within,
            present=tuple(self.columns.values()),
        )

    def is_valid(self, on: date) -> bool:
        """Whether files of that day have this layout."""
        return holds_on(on, self.valid_from, self.valid_to)


def get_layout(layouts: Sequence[SettlementLayout], code: str, on: date) -> SettlementLayout:
    """The layout of that code on that day. Raises `UnknownMapping`."""
    for layout in layouts:
        if layout.code == code and layout.is_valid(on):
            return layout
    known = ", ".join(sorted({one.code for one in layouts if one.is_valid(on)}))
    detail = f"Không có mẫu tệp quyết toán {code!r} cho ngày {on:%d/%m/%Y}; hiện có: {known}."
    raise UnknownMapping(detail, errors=[FieldError("mapping", UnknownMapping.code, detail)])


def read_layouts(text: str) -> tuple[SettlementLayout, ...]:
    """The layouts in a text of TOML. Raises ValueError if one is wrong, or two overlap."""
    listed = tomllib.loads(text)["layout"]
    layouts = TypeAdapter(tuple[SettlementLayout, ...]).validate_python(listed)
    for place, one in enumerate(layouts):
        _check(one)
        for other in layouts[:place]:
            later = max(one.valid_from, other.valid_from)
            if one.code == other.code and one.is_valid(later) and other.is_valid(later):
                raise ValueError(f"two layouts {one.code} are valid on {later}")
    return layouts


def _check(layout: SettlementLayout) -> None:
    for place, reason in wrong_parts_of(layout):
        raise ValueError(f"{layout.code}: {place}: {reason}")


def wrong_parts_of(layout: SettlementLayout) -> Iterator[tuple[str, str]]:
    """What contradicts itself in a layout: the part, and in words of people what is wrong."""
    named = set(layout.columns)
    if not (_NEEDED <= named <= _MAY_BE and named & {"order_ref", "gateway_ref"}):
        yield "columns", f"cần {', '.join(sorted(_NEEDED))} và order_ref hoặc gateway_ref"
    words = {bool(layout.payment_words), bool(layout.refund_words), "kind" in named}
    if len(words) > 1:
        yield "payment_words", "cột kind cần payment_words và refund_words, và ngược lại"
    said = [caseless(word) for words in layout.words.values() for word in words]
    if len(set(said)) < len(said) or (said and "kind" not in named):
        yield "payment_words", "một từ của kind có hai lần, hoặc thiếu cột kind"
    if ("paid_at" in named) != bool(layout.times):
        yield "times", "cột paid_at cần times, và ngược lại"
    if layout.confirmed == (UNCONFIRMED in layout.title):
        yield "title", f'"{UNCONFIRMED}" đứng trong tên của mẫu chưa thấy tệp thật, và chỉ ở đó'
    if layout.title_en and layout.confirmed == (UNCONFIRMED_EN in layout.title_en):
        yield "title_en", f'"{UNCONFIRMED_EN}" đứng ở đó như "{UNCONFIRMED}" trong title'
