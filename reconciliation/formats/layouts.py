"""A layout of columns that somebody writes down: read strictly, or refused with reasons. Pure.

What stands in mappings.toml and layouts.toml is ours; this is not, so nothing in it may be more
than columns, words and the few signs of which dates are made.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.errors import FieldError, Invalid
from reconciliation.formats.cells import ISO, NumberStyle
from reconciliation.formats.mappings import Mapping
from reconciliation.formats.settlement_layouts import SettlementLayout, wrong_parts_of

#: The longest text of a layout.
LONGEST: Final = 20_000
_FIELDS: Final = frozenset({"booked_at", "narrative", "reference", "bank_ref", "balance"})
_DELIMITERS: Final = frozenset(",;\t|")
_TIME = re.compile(r"(?:%[dmYHMS]|[-/.: T])+")
_FILLED: Final = {
    "direction": ("column", "direction", "credit_words", "debit_words"),
    "sides": ("credit_column", "debit_column"),
    "signed": ("column",),
}
_HEADER_WITHIN: Final = 50
_NAME: Final = 100
#: More of these would have every row compared without end.
_MOST_COLUMNS, _MOST_TIMES, _MOST_WORDS = 50, 10, 20
_LAYOUT: Final = TypeAdapter(Mapping)
_SETTLEMENT: Final = TypeAdapter(SettlementLayout)
_Layout = TypeVar("_Layout")
#: A part of a layout and what is wrong with it.
_Wrong = tuple[str, str]


class BadLayout(Invalid):
    """A layout does not say how to read a file; `errors` names each part and what is wrong."""

    code = "bad_layout"


def read_layout(text: str) -> Mapping:
    """The layout in a text of JSON, with the keys of mappings.toml. Raises `BadLayout`."""
    return _read(text, _LAYOUT, _wrong_parts)


def layout_json(layout: Mapping) -> dict[str, Any]:
    """A layout as `read_layout` reads it."""
    dumped: dict[str, Any] = _LAYOUT.dump_python(layout, mode="json")
    return dumped


def read_settlement_layout(text: str) -> SettlementLayout:
    """A settlement's layout in a text of JSON, with the keys of a gateway's layouts.toml.

    Raises `BadLayout`.
    """
    return _read(text, _SETTLEMENT, _wrong_settlement_parts)


def settlement_layout_json(layout: SettlementLayout) -> dict[str, Any]:
    """A layout as `read_settlement_layout` reads it."""
    dumped: dict[str, Any] = _SETTLEMENT.dump_python(layout, mode="json")
    return dumped


def _read(
    text: str, adapter: TypeAdapter[_Layout], wrong_parts: Callable[[_Layout], list[_Wrong]]
) -> _Layout:
    if len(text) > LONGEST:
        raise _bad([("", f"dài quá {LONGEST} ký tự")])
    try:
        layout = adapter.validate_json(text)
    except ValidationError as error:
        raise _bad(
            [
                (".".join(map(str, one["loc"])), one["msg"])
                for one in error.errors(include_url=False)
            ]
        ) from None
    if wrong := wrong_parts(layout):
        raise _bad(wrong)
    return layout


def _wrong_parts(layout: Mapping) -> list[_Wrong]:
    """What pydantic does not see: names that are none, times that are none, fields that lack."""
    wrong = []
    fields = set(layout.columns)
    if not {"booked_at", "narrative"} <= fields <= _FIELDS:
        wrong.append(
            ("columns", "cần booked_at, narrative; có thể có reference, bank_ref, balance")
        )
    amount = layout.amount
    wrong += list(_wrong_names(layout.names, [*layout.columns.values(), *amount.names]))
    wrong += [
        (f"amount.{name}", f"cần có khi kind là {amount.kind}")
        for name in _FILLED[amount.kind]
        if not getattr(amount, name)
    ]
    if set(amount.credit_words) & set(amount.debit_words):
        wrong.append(("amount.debit_words", "trùng với credit_words"))
    wrong += list(_wrong_style("amount.style", amount.style))
    wrong += list(_wrong_times("times", layout.times, least=1))
    wrong += list(_wrong_shape(layout.delimiters, layout.header_within))
    wrong += list(_wrong_words({"skip": layout.skip}))
    words = (amount.credit_words, amount.debit_words, amount.style.suffixes)
    if any(len(one) > _MOST_WORDS for one in words):
        wrong.append(("amount", f"nhiều nhất {_MOST_WORDS} từ"))
    return wrong


def _wrong_settlement_parts(layout: SettlementLayout) -> list[_Wrong]:
    columns = list(layout.columns.values())
    wrong = list(_wrong_names(columns, columns))
    wrong += list(wrong_parts_of(layout))
    wrong += list(_wrong_times("days", layout.days, least=1))
    wrong += list(_wrong_times("times", layout.times, least=0))
    wrong += list(_wrong_style("style", layout.style))
    wrong += list(_wrong_shape(layout.delimiters, layout.header_within))
    wrong += list(_wrong_words({f"{kind}_words": words for kind, words in layout.words.items()}))
    if max(map(len, (layout.title, layout.title_en, layout.totals))) > _NAME:
        wrong.append(("title", f"tên và chữ đầu dòng tổng không dài quá {_NAME} ký tự"))
    return wrong


def _wrong_names(names: Sequence[str], read: Sequence[str]) -> Iterable[_Wrong]:
    """`names`: every column of a layout; `read`: those whose cells it reads."""
    if len(names) > _MOST_COLUMNS:
        yield "columns", f"quá {_MOST_COLUMNS} cột"
    if any(not name.strip() or len(name) > _NAME for name in names):
        yield "columns", f"tên cột trống hoặc dài quá {_NAME} ký tự"
    if len(set(read)) < len(read):
        yield "columns", "một cột được dùng hai lần"


def _wrong_style(place: str, style: NumberStyle) -> Iterable[_Wrong]:
    if not 0 <= style.decimals <= 3:
        yield f"{place}.decimals", "từ 0 đến 3"


def _wrong_times(place: str, times: Sequence[str], *, least: int) -> Iterable[_Wrong]:
    if not least <= len(times) <= _MOST_TIMES or any(
        one != ISO and _TIME.fullmatch(one) is None for one in times
    ):
        yield place, 'cần dạng như "%d/%m/%Y %H:%M:%S" hoặc "iso"'


def _wrong_shape(delimiters: Sequence[str], header_within: int) -> Iterable[_Wrong]:
    if not delimiters or not set(delimiters) <= _DELIMITERS:
        yield "delimiters", "chỉ , ; | hoặc tab"
    if not 1 <= header_within <= _HEADER_WITHIN:
        yield "header_within", f"từ 1 đến {_HEADER_WITHIN}"


def _wrong_words(words: dict[str, Sequence[str]]) -> Iterable[_Wrong]:
    for place, said in words.items():
        if len(said) > _MOST_WORDS or not all(map(str.strip, said)):
            yield place, f"không được trống, nhiều nhất {_MOST_WORDS}"


def _bad(wrong: list[tuple[str, str]]) -> BadLayout:
    return BadLayout(
        "Mẫu này không dùng được.",
        errors=[
            FieldError(f"layout.{place}" if place else "layout", "bad_layout", reason)
            for place, reason in wrong
        ],
    )
