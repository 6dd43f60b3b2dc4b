"""Entries survive their way through a file: export, then import, and nothing is different."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.money import MAX_AMOUNT
from core.unseen import unseen
from payments.catalogue.rules import fees
from payments.catalogue.rules.certainty import Certainty
from payments.catalogue.rules.fee_requests import FeeRequest
from payments.catalogue.rules.fees import FeeRule
from payments.catalogue.rules.reliefs import Ground
from payments.catalogue.rules.wording import FeeAmount, LocalizedText, times
from payments.catalogue.upkeep.entries import KINDS, Entry, FeeEntry, ReliefEntry
from payments.catalogue.upkeep.proposals.objections import differing
from payments.catalogue.upkeep.sheets.cells import read_free, write_free
from payments.catalogue.upkeep.sheets.columns import COLUMNS
from payments.catalogue.upkeep.sheets.exports import write_csv, write_workbook
from payments.catalogue.upkeep.sheets.files import read_file
from payments.catalogue.upkeep.sheets.intake import take
from tests.support.examples import examples

CODES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
TEXTS = (
    st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs")), min_size=1, max_size=40)
    .map(str.strip)
    .filter(lambda text: text[:1] not in ("", "=", "+", "@"))
    # A mark that nobody sees is refused by its cell.
    .filter(lambda text: not unseen(text))
)
DAYS = st.dates(date(1945, 1, 1), date(2199, 12, 31))
AMOUNTS = st.integers(0, MAX_AMOUNT)
LIMITS = st.none() | st.integers(1, MAX_AMOUNT)
SUB_ITEMS = st.from_regex(r"[0-9]{4}", fullmatch=True)


@st.composite
def dated(draw: st.DrawFn) -> dict[str, Any]:
    first, last = sorted((draw(DAYS), draw(DAYS)))
    return {
        "basis": draw(TEXTS),
        "source": draw(TEXTS),
        "certainty": draw(st.sampled_from(Certainty)),
        "checked_on": draw(DAYS),
        "valid_from": first,
        "valid_to": draw(st.sampled_from([None, last])),
    }


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(
        st.sampled_from(["fixed", "per_unit", "percentage", "assessed", "foreign_currency"])
    )
    low, high = sorted((draw(st.integers(1, MAX_AMOUNT)), draw(st.integers(1, MAX_AMOUNT))))
    chosen = draw(st.sampled_from([(None, None), (low, None), (None, high), (low, high)]))
    if kind == "fixed":
        return kind, {"amount": draw(AMOUNTS)}
    if kind == "per_unit":
        later = draw(st.lists(st.integers(2, 10_000), max_size=4, unique=True).map(sorted))
        steps = [{"from": first, "each": draw(AMOUNTS)} for first in (1, *later)]
        return kind, {"steps": steps, "minimum": chosen[0], "cap": chosen[1]}
    if kind == "percentage":
        percent = draw(st.from_regex(r"[1-9][0-9]?(\.[0-9]{1,4})?", fullmatch=True))
        return kind, {"percent": percent, "floor": chosen[0], "ceiling": chosen[1]}
    if kind == "assessed":
        return kind, {}
    return kind, {"currency": draw(st.sampled_from(["USD", "EUR"])), "amount": low}


@st.composite
def fee_entries(draw: st.DrawFn) -> Entry:
    kind, rule = draw(rules())
    named = {name: draw(TEXTS) for name in ("name_vi", "name_en", "unit_vi", "unit_en")}
    rest = {
        "code": draw(CODES),
        "procedure": draw(st.none() | CODES),
        "charged": draw(st.sampled_from(["always", "choice", "on_request"])),
        "sub_item": draw(st.none() | SUB_ITEMS),
    }
    return FeeEntry.model_validate(named | rest | {"kind": kind, "rule": rule} | draw(dated()))


@st.composite
def relief_entries(draw: st.DrawFn) -> Entry:
    measure = draw(
        st.fixed_dictionaries({"percent": st.integers(1, 100)})
        | st.fixed_dictionaries({"each": AMOUNTS})
    )
    from_age = draw(st.none() | st.integers(0, 80))
    values = {
        "code": draw(CODES),
        "name_vi": draw(TEXTS),
        "name_en": draw(TEXTS),
        "fees": draw(st.lists(CODES, min_size=1, max_size=4)),
        "cap": draw(LIMITS),
        "ground": draw(st.none() | st.sampled_from(Ground)),
        "channel": draw(st.sampled_from([None, "online", "counter"])),
        "age_from": from_age,
        "age_below": draw(st.none() | st.integers((from_age or 0) + 1, 150)),
        "once_a_year": draw(st.booleans()),
    }
    return ReliefEntry.model_validate(values | measure | draw(dated()))


@st.composite
def other_entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from([kind for kind in KINDS if kind not in (FeeEntry, ReliefEntry)]))
    values: dict[str, Any] = {
        name: draw(TEXTS) for name, field in kind.model_fields.items() if field.annotation is str
    }
    values["code"] = draw(SUB_ITEMS if kind.table == "sub_items" else CODES)
    values["kept_percent"] = draw(st.integers(0, 100))
    values["code_certainty"] = draw(st.sampled_from(Certainty))
    values["commune_code"] = draw(st.none() | CODES)
    values["other_codes"] = sorted(draw(st.sets(CODES, max_size=3)))
    values["number"] = draw(
        st.from_regex(r"[0-9]{1,3}/20[0-9]{2}/(?:[A-ZĐ]{2,4}-[A-ZĐ]{1,6}|QH1[0-9])", fullmatch=True)
    )
    values |= draw(dated())
    return kind.model_validate({n: v for n, v in values.items() if n in kind.model_fields})


ENTRIES = st.lists(fee_entries() | relief_entries() | other_entries(), max_size=6)


def by_table(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    return {table: [one for one in entries if one.table == table] for table in COLUMNS}


def assert_same(before: Sequence[Entry], content: bytes, table: str | None = None) -> None:
    taken = take(read_file(content, table))
    # A file without rows is told so.
    assert [fault.code for fault in taken.faults] == ([] if before else ["empty"])
    after = [one.entry for one in taken.placed]
    assert [one.natural_key for one in after] == [one.natural_key for one in before]
    assert [differing(old, new) for old, new in zip(before, after, strict=True)] == [{}] * len(
        after
    )
    assert [one.columns() for one in after] == [one.columns() for one in before]


def fee(**changes: Any) -> Entry:
    values = {
        "code": "x",
        "name_vi": "Phí",
        "name_en": "Fee",
        "unit_vi": "bản",
        "unit_en": "copy",
        "kind": "fixed",
        "rule": {"amount": 1000},
        "basis": "b",
        "source": "s",
        "certainty": "confirmed",
        "checked_on": date(2026, 1, 1),
        "valid_from": date(2026, 1, 1),
    }
    return FeeEntry.model_validate(values | changes)


@settings(max_examples=examples(60))
@given(ENTRIES)
@example([fee(name_vi="-1+2", source="'quoted", basis="_x0041_ & <b>", unit_vi='a;"b",c')])
@example([fee(name_vi="＝1+1", source='"=1', basis="“-1", unit_vi="''x", name_en="- @")])
@example([fee(rule={"amount": 1}), fee(code="y", rule={"amount": 999})])
@example([fee(code="1", sub_item="0801", name_vi="2000", name_en="true", basis="1e3")])
def test_what_is_exported_and_imported_again_is_not_different(entries: list[Entry]) -> None:
    tables = by_table(entries)
    assert_same([one for found in tables.values() for one in found], write_workbook(tables))
    for table, found in tables.items():
        assert_same(found, write_csv(table, found), table)
        if found:  # and without being told which table it is
            assert_same(found, write_csv(table, found))


def test_a_lost_cell_would_be_noticed() -> None:
    before = fee(kind="per_unit", rule={"steps": [{"from": 1, "each": 5}], "cap": 9})
    content = write_csv("fees", [before]).replace(b",9,", b",,")
    with pytest.raises(AssertionError):
        assert_same([before], content)


@dataclass(frozen=True, slots=True)
class Odd(FeeRule):
    """A kind of rule that the sheets have never heard of."""

    kind: ClassVar[str] = "odd"
    data: Mapping[str, object]

    @classmethod
    def from_data(cls, data: Mapping[str, object]) -> Self:
        return cls(dict(data))

    def to_data(self) -> dict[str, object]:
        return dict(self.data)

    def charge(self, asked: FeeRequest, unit: LocalizedText) -> FeeAmount:
        return FeeAmount(unit, (times(1, 0),))

    def tariff(self, unit: LocalizedText) -> LocalizedText:
        return unit


@contextmanager
def odd_kind() -> Iterator[None]:
    fees.fee_kind(Odd)
    try:
        yield
    finally:
        fees._KINDS.pop("odd")


VALUES = st.recursive(
    st.booleans() | st.integers(-(10**15), 10**15) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CODES, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True).filter(
    lambda key: (
        key not in {"amount", "steps", "cap", "minimum", "percent", "floor", "ceiling"}
        and key != "currency"
    )
)


@settings(max_examples=examples(60))
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@example({"bands": [{"upto": 5, "amount": 10}], "share": "0.5", "count": "15", "open": True})
def test_a_new_kind_of_rule_needs_nothing_here(data: dict[str, Any]) -> None:
    with odd_kind():
        before = [fee(kind="odd", rule=data), fee(code="y")]
        assert_same(before, write_csv("fees", before))
        assert_same(before, write_workbook({"fees": before}))


@given(VALUES)
@example("[")
@example("2.000")
@example('"')
def test_any_value_of_a_rule_is_read_back_as_itself(value: object) -> None:
    written = write_free(value)
    back = read_free(written)
    assert (type(back), back) == (type(value), value)
