"""The two ways of reading a file of `lephi reconcile files` take exactly the same cells."""

from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reconciliation.matching import engine as matching
from reconciliation.matching.columns import LINES, PAYMENTS, InputRefused
from reconciliation.matching.typed_csv import find_problems, open_source
from tests.integration.test_reconcile_files import (
    DAY,
    LINE_HEADER,
    PAYMENT_HEADER,
    line,
    run,
    write,
)

CELLS = st.sampled_from(
    ["", "5000", "0", "1e3", " 5000", "x", '"5000"', '"5\n000"', "10000000000000", "5000 ", '"']
)
TIMES = st.sampled_from(
    [
        f"{DAY}T09:15:00+07:00",
        f"{DAY} 09:15+07",
        f"{DAY}T02:15:00.5Z",
        f"{DAY}T09:15:00-0030",
        f"{DAY}T09:15:00",
        f"{DAY}T09:60:00+07:00",
        f"{DAY}T9:15:00+07:00",
        "infinity",
        "now",
    ]
)
#: Of the usual form but for a character or two: most are no time, or one that we do not take.
NEARLY_TIMES = st.builds(
    lambda date, clock, zone, changes: _changed(f"{date}T{clock}{zone}", changes),
    st.sampled_from([str(DAY), "1899-12-31", "1900-01-01", "2199-12-31", "2200-01-01"]),
    st.sampled_from(["09:15:00", "23:59:59", "24:00:00", "09:60:00", "09:15:60", " 9:15:00"]),
    st.sampled_from(["+07:00", "+07:60", "+14:59", "+15:00", "-07:00", "+0700 "]),
    st.lists(
        st.tuples(st.integers(0, 24), st.sampled_from(["", *"0123456789 +-:.TZ\t"])), max_size=2
    ),
)


def _changed(text: str, changes: list[tuple[int, str]]) -> str:
    for place, character in changes:
        text = text[:place] + character + text[place + 1 :]
    return text


@settings(max_examples=20, deadline=None)
@given(st.lists(NEARLY_TIMES, min_size=200, max_size=400))
def test_both_ways_take_the_same_times(cells: list[str]) -> None:
    (column,) = (column for column in PAYMENTS.columns if column.name == "paid_at")
    with closing(matching.connect(threads=1)) as duck:
        taken = duck.execute(
            f"SELECT {column.sql} IS NOT NULL FROM (SELECT unnest(?::VARCHAR[]) AS paid_at)",
            [cells],
        ).fetchall()

    assert [took for (took,) in taken] == [column.refuse(cell) is None for cell in cells]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(CELLS, TIMES, st.sampled_from(["\n", "\r\n"])), max_size=3))
@example([("5000", f"{DAY}T09:15:00+07:00", "\r\n")])
def test_the_fast_way_takes_exactly_what_the_slow_way_takes(
    tmp_path: Path, rows: list[tuple[str, str, str]]
) -> None:
    text = LINE_HEADER + "\n"
    for number, (amount, booked_at, end) in enumerate(rows):
        text += line(f"L{number}", amount=amount, booked_at=booked_at) + end
    ledger = tmp_path / "L.csv"
    ledger.write_bytes(text.encode())
    payments = write(tmp_path / "P.csv", PAYMENT_HEADER, [])
    try:
        expected = len(find_problems(open_source(ledger, LINES), None)) > 0
    except InputRefused:
        expected = True

    result = run(payments, ledger, tmp_path / "out")

    assert (result.exit_code == 2) == expected, result.output
    assert len(PAYMENTS.columns) == 6
