"""The mask is the one that the standard's four rules choose.

The library's own scorer goes module by module and is the oracle: for any picture the points are
the same, and for any payload so is the whole symbol. The negative controls leave out one rule at
a time, and the same comparison sees the difference.
"""

import string

import pytest
import qrcode
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from qrcode import util

from core import qr
from tests.support.examples import examples

LEVELS: dict[qr.ErrorCorrection, int] = {"L": 1, "M": 0, "Q": 3, "H": 2}
PAYLOADS = st.one_of(
    st.text(string.digits, min_size=1, max_size=200),
    st.text(string.ascii_uppercase + string.digits + " $%*+-./:", min_size=1, max_size=150),
    st.text(string.printable, min_size=1, max_size=120),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    st.lists(
        st.text(string.digits, min_size=18, max_size=25)
        | st.text(string.ascii_uppercase, min_size=18, max_size=25)
        | st.text(string.ascii_lowercase, min_size=1, max_size=5),
        min_size=1,
        max_size=5,
    ).map("".join),
)

PICTURES = st.integers(11, 29).flatmap(
    lambda width: st.lists(
        st.integers(0, 2**width - 1) | st.sampled_from([0, 2**width - 1, 0b10111010000]),
        min_size=width,
        max_size=width,
    )
)


def modules_of(rows: list[int]) -> list[list[bool | None]]:
    width = len(rows)
    return [[bool(row >> (width - 1 - column) & 1) for column in range(width)] for row in rows]


def packed(rows: list[int]) -> int:
    width = len(rows)
    return int("".join(f"{row:0{width}b}0" for row in rows), 2)


@given(PICTURES)
@settings(max_examples=examples(200), deadline=None)
def test_the_points_are_those_of_the_rules(rows: list[int]) -> None:
    assert qr.penalty(packed(rows), len(rows)) == util.lost_point(modules_of(rows))


@given(PAYLOADS, st.sampled_from(list(LEVELS)))
@settings(max_examples=examples(60), deadline=None)
def test_the_symbol_is_the_library_s_own(payload: str, level: qr.ErrorCorrection) -> None:
    code = qrcode.QRCode(error_correction=LEVELS[level])
    code.add_data(payload)
    try:
        code.make()
    except ValueError:
        assume(False)  # the library cannot do it: see the unit test of a row of zeros
    assert [list(row) for row in qr.matrix(payload, error_correction=level)] == code.modules


@pytest.mark.parametrize("level", [1, 2, 3, 4], ids=["runs", "blocks", "finders", "balance"])
def test_a_scorer_without_one_of_the_rules_is_seen_to_differ(level: int) -> None:
    """On pictures in which that rule has something to say, the points are not the same."""
    rule = getattr(util, f"_lost_point_level{level}")
    finder = 0b10111010000 << 10
    pictures = [[0] * 21, [finder] * 21, [2**21 - 1] * 21]
    differing = [
        rows
        for rows in pictures
        for modules in [modules_of(rows)]
        if util.lost_point(modules) - rule(modules, 21) != qr.penalty(packed(rows), 21)
    ]
    assert differing
