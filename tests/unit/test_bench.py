"""The benchmarks' own arithmetic: fair turns, and a file that keeps the others' figures."""

import gc
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench import figures, measure, pgbench, results

RESULT = {
    "name": "qr",
    "value": 700.0,
    "unit": "PNG/s",
    "floor": 100.0,
    "floor_what": "the library",
    "ratio": 7.0,
    "peers": {"another": 400.0},
    "measured_on": "2026-11-30",
    "measured_at": "363a353",
    "measured_by": "2 cores",
}


def test_every_candidate_is_given_the_same_numbers_and_no_turn_repeats_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Before each turn the garbage is collected, which takes seconds in a worker of many tests.
    monkeypatch.setattr(gc, "collect", lambda: 0)
    seen: dict[str, list[int]] = {"ours": [], "theirs": []}
    rates = measure.rates(
        {name: numbers.append for name, numbers in seen.items()}, rounds=3, seconds=1e-5
    )
    assert rates.keys() == seen.keys()
    assert all(rate > 0 for rate in rates.values())
    for numbers in seen.values():
        measured = numbers[6:]
        assert len(measured) == len(set(measured))
        assert 0 not in measured


def test_the_rate_is_the_median_of_the_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = iter([5.0, 1.0, 100.0, 2.0])
    monkeypatch.setattr(measure, "_time", lambda *_: next(durations))
    assert measure.rates({"it": lambda _: None}, rounds=3, seconds=1.0) == {"it": 0.5}


def test_a_new_figure_takes_the_place_of_the_old_one_and_of_no_other(tmp_path: Path) -> None:
    path = tmp_path / "var" / "bench.json"
    results.merge(path, RESULT)
    results.merge(path, {**RESULT, "name": "bills"})
    results.merge(path, {**RESULT, "value": 800.0, "ratio": 8.0})
    kept = {each["name"]: each["ratio"] for each in json.loads(path.read_text("utf-8"))}
    assert kept == {"bills": 7.0, "qr": 8.0}


def test_what_is_measured_says_when_of_which_commit_and_on_what(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    (kept,) = results.merge(
        path, {**{key: RESULT[key] for key in results.FIELDS}, **results.stamp()}
    )
    assert {field for field in results.STAMP if kept[field]} == set(results.STAMP)


def test_figures_that_are_not_measured_again_stay_in_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FOUND", tmp_path / "bench.json")
    monkeypatch.setattr(figures, "KEPT", tmp_path / "figures.json")
    monkeypatch.setattr(figures, "PAGE", tmp_path / "figures.md")
    results.merge(figures.KEPT, RESULT)
    results.merge(figures.KEPT, {**RESULT, "name": "bills"})
    results.merge(tmp_path / "bench.json", {**RESULT, "value": 800.0})
    figures.main()
    drawn = figures.PAGE.read_text("utf-8")
    assert "| [qr](#qr) | 800.00 PNG/s" in drawn
    assert "| [bills](#bills) | 700.00 PNG/s" in drawn


@pytest.mark.parametrize(
    "found",
    [
        {**RESULT, "value": 800.0, "measured_on": "2026-11-29"},
        {**{field: RESULT[field] for field in results.FIELDS}, "value": 800.0},
    ],
    ids=["older than what is kept", "nobody knows when"],
)
def test_only_a_newer_figure_takes_the_place_of_one_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    """What an earlier `make bench` left here may be older than what others have measured since."""
    monkeypatch.setattr(figures, "FOUND", tmp_path / "bench.json")
    monkeypatch.setattr(figures, "KEPT", tmp_path / "figures.json")
    monkeypatch.setattr(figures, "PAGE", tmp_path / "figures.md")
    results.merge(figures.KEPT, RESULT)
    results.merge(tmp_path / "bench.json", found)
    results.merge(tmp_path / "bench.json", {**found, "name": "bills"})
    figures.main()
    drawn = figures.PAGE.read_text("utf-8")
    assert "| [qr](#qr) | 700.00 PNG/s" in drawn
    assert ("[bills]" in drawn) == ("measured_on" in found)


def test_a_figure_without_its_floor_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    with pytest.raises(ValueError, match="no floor, ratio"):
        results.merge(path, {k: v for k, v in RESULT.items() if k not in ("floor", "ratio")})
    assert not path.exists()


def test_the_table_shows_figures_floor_peers_and_further_facts() -> None:
    written = io.StringIO()
    Console(file=written, width=100).print(results.table([{**RESULT, "p99_ms": 12.5}]))
    text = written.getvalue()
    for shown in ("qr", "700.00", "100.00", "the library", "7.00", "another", "p99_ms", "12.50"):
        assert shown in text


@pytest.mark.parametrize("statements", [pgbench.ALONE, pgbench.EACH_TABLE])
def test_pgbench_has_a_value_for_every_place_of_the_services_own_statement(statements: str) -> None:
    assert pgbench.places(statements) - pgbench.KNOWN == set()
    assert pgbench.places("SELECT %(nothing)s") == {"nothing"}


def test_the_page_tells_every_figure_beside_its_floor() -> None:
    deep = {"p99_ms": {"page": 12.5, "rows": 1_000_000}}
    drawn = results.page([RESULT, {**RESULT, "name": "pages", **deep}])
    assert "| [qr](#qr) | 700.00 PNG/s | 100.00 | 7.00 | the library |" in drawn
    assert "Measured on 2026-11-30 at 363a353: 2 cores." in drawn
    assert drawn.count("- another: 400.00") == 2
    assert "- p99_ms:\n  - page: 12.50\n  - rows: 1,000,000\n" in drawn
