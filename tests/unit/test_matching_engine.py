"""What the engine of matching is set to, is given and gives, down to a day of nothing."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.calendar import national
from core.references import new_reference
from reconciliation.matching import engine
from reconciliation.matching.engine import CLASSES, ClassTally
from reconciliation.matching.reversals import LONGEST, reversals_of
from reconciliation.matching.values import DayLine

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
ONE = new_reference()


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(engine.connect(threads=1)) as connection:
        engine.create_relations(connection)
        yield connection


def settings(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    names: tuple[str, ...] = ("temp_directory", "threads", "autoinstall_known_extensions")
    names += ("autoload_known_extensions",)
    return {
        name: connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
        for name in names
    }


def test_it_spills_only_where_it_is_told_and_fetches_nothing_from_anywhere(tmp_path: Path) -> None:
    alone = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    with closing(engine.connect(threads=1)) as one:
        assert settings(one) == {"temp_directory": "", "threads": 1, **alone}
    with closing(engine.connect(temporary=tmp_path)) as other:
        found = settings(other)
    assert found == {"temp_directory": str(tmp_path), "threads": found["threads"], **alone}


def test_of_nothing_every_class_has_nothing_and_each_step_is_told(
    duck: duckdb.DuckDBPyConnection,
) -> None:
    steps: list[str] = []
    tallies = engine.match(duck, national(), progress=steps.append)
    assert list(tallies.items()) == [(name, ClassTally(0, 0)) for name in CLASSES]
    assert steps == [name for name, _ in engine._steps()]
    assert (steps[-1], len(set(steps)), "returned" in steps) == ("control", len(steps), True)


def test_the_tallies_are_counts_and_sums(duck: duckdb.DuckDBPyConnection) -> None:
    two = new_reference()
    engine.add_rows(duck, "payments", [("p1", ONE, 5_000, AT), ("p2", two, 7_000, AT)])
    told = [("l1", "credit", ONE, 5_000), ("l2", "credit", None, 900), ("l3", "credit", None, 80)]
    told += [("d1", "debit", None, 6)]
    engine.add_rows(
        duck,
        "lines",
        [(name, AT, amount, way, ref, None, None) for name, way, ref, amount in told],
    )
    assert {name: one for name, one in engine.match(duck, national()).items() if one.count} == {
        "matched": ClassTally(1, 5_000),
        "missing_in_ledger": ClassTally(1, 7_000),
        "unknown_in_ledger": ClassTally(2, 980),
        "debits": ClassTally(1, 6),
    }


def test_a_row_that_has_other_columns_is_refused(duck: duckdb.DuckDBPyConnection) -> None:
    rows: list[tuple[object, ...]] = [("p1", ONE, 5_000, AT), ("p2", ONE, 5_000, AT, "more")]
    with pytest.raises(ValueError, match="argument 2 is longer"):
        engine.add_rows(duck, "payments", rows)


def line(name: str, words: str, ref: str, *, debit: bool = False, hours: float = 0) -> DayLine:
    at = AT + timedelta(hours=hours)
    return DayLine(name, at, 10_000, "debit" if debit else "credit", "", words, ref)


def taken_back(*lines: DayLine, worded: bool = True) -> dict[str, str]:
    return {credit: debit.line_id for credit, debit in reversals_of(lines, worded=worded).items()}


BACK = f"HOAN TRA {ONE}"


def test_which_credit_a_debit_takes_back() -> None:
    debit = line("d", BACK, "NONREF", debit=True, hours=2)
    early, late = line("c1", ONE, "NONREF"), line("c2", ONE, "FT900", hours=1)
    # Where the debit's bank reference tells nothing, one that tells nothing is no likeness.
    assert taken_back(early, late, debit) == {"c2": "d"}
    named = line("d", BACK, "FT900", debit=True, hours=3)
    later = line("c3", ONE, "FT901", hours=2)
    assert taken_back(early, late, later, named) == {"c2": "d"}
    # Without any before it, one of its day after it.
    after = line("c4", ONE, "", hours=4)
    assert taken_back(after, named) == {"c4": "d"}
    assert taken_back(late, after, named) == {"c2": "d"}


@pytest.mark.parametrize(
    ("hours", "found"),
    [(-24, {}), (0, {"c": "d"}), (14 * 24, {"c": "d"}), (15 * 24, {})],
)
def test_a_debit_takes_back_what_came_within_two_weeks_before_it(
    hours: int, found: dict[str, str]
) -> None:
    assert timedelta(days=14) == LONGEST
    debit = line("d", BACK, "FT900", debit=True, hours=hours)
    assert taken_back(line("c", ONE, "FT900"), debit) == found


def test_credits_take_nothing_back_and_debits_are_not_taken_back() -> None:
    one, two = line("c1", BACK, "FT900"), line("c2", BACK, "FT900", hours=1)
    assert taken_back(one, two) == {}
    assert taken_back(one, two, worded=False) == {}
    debits = [line(f"d{n}", BACK, "FT900", debit=True, hours=n) for n in (3, 4)]
    assert taken_back(*debits) == {}
    assert taken_back(one, *debits) == {"c1": "d3"}
