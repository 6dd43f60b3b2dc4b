"""The strict reader against the standard library's: it agrees on all it takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.json import canonical, dumps, loads

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=10)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INT64 | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
#: Bytes that are nearly JSON, to reach far into the reader.
PIECES = rb"""{ } [ ] " : , 1 -0 1e3 \ \u0000 \ud8 a "a": NaN true 99999999999999999999""".split()
NEARLY = st.lists(st.sampled_from([*PIECES, b" ", b"\n", b"\xff", "đ".encode()]), max_size=12).map(
    b"".join
)


@given(VALUES)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert loads(dumps(value)) == value
    assert loads(canonical(value)) == value
    assert loads(json.dumps(value).encode()) == value


@given(VALUES)
def test_canonical_form_depends_on_the_value_alone(value: Any) -> None:
    assert canonical(loads(json.dumps(value, indent=2).encode())) == canonical(value)


@given(NEARLY | st.binary(max_size=30))
def test_any_bytes_are_read_as_the_standard_library_does_or_refused_with_a_place(
    raw: bytes,
) -> None:
    try:
        value = loads(raw)
    except Invalid as error:
        refused = error
    else:
        assert value == json.loads(raw)
        return
    assert refused.errors
    assert all(error.field and error.code and error.detail for error in refused.errors)


@given(VALUES, st.sampled_from(["1.0", "1e0", "-0", "NaN", "9223372036854775808", r'"\ud800"']))
def test_one_bad_value_anywhere_spoils_the_body(value: Any, bad: str) -> None:
    raw = json.dumps({"good": value, "last": "SPOIL"}).replace('"SPOIL"', bad).encode()
    with pytest.raises(Invalid) as caught:
        loads(raw)
    assert caught.value.errors[-1].field == "last"
