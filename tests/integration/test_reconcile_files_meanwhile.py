"""`lephi reconcile files` looks at ids and writes while it still matches: nothing of it is lost."""

import errno
import shutil
import threading
from pathlib import Path

import duckdb
import pytest

from reconciliation.matching import files as reconciling
from tests.integration.test_reconcile_files import ONE, THREE, TWO, line, payment, reconcile, table
from tests.support.days import reference_of


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 41])
def test_matches_written_in_two_parts_are_one_list_in_the_order_of_the_payments(
    tmp_path: Path, count: int
) -> None:
    _, out = reconcile(
        tmp_path,
        [payment(n) for n in range(count)],
        [line(f"L{n}", reference_of(n)) for n in reversed(range(count))],
    )

    header, *rows = table(out / "matches.csv")
    assert header == ["payment_id", "line_id", "reference", "amount", "rule"]
    assert [row[:2] for row in rows] == [[f"pay_{n}", f"L{n}"] for n in range(count)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["L.csv", "P.csv", "out"]


@pytest.mark.parametrize("part", ["matches.csv", "rest.csv", "discrepancies.csv"])
def test_a_part_that_cannot_be_written_is_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    write_well = reconciling._write

    def full_disk(
        connection: duckdb.DuckDBPyConnection, select: str, path: Path, *, header: bool = True
    ) -> None:
        if path.name == part:
            raise duckdb.IOException("no space left")
        write_well(connection, select, path, header=header)

    monkeypatch.setattr(reconciling, "_write", full_disk)
    threads = threading.active_count()

    result, _ = reconcile(tmp_path, [payment(1), payment(2)], [line("L1", ONE)])

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["Không đối chiếu được: no space left"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["L.csv", "P.csv"]
    assert threading.active_count() == threads


def test_parts_that_cannot_be_joined_are_told_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(shutil, "copyfileobj", full_disk)

    result, _ = reconcile(tmp_path, [payment(1), payment(2)], [line("L1", ONE)])

    assert result.exit_code == 1
    assert "no space left" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["L.csv", "P.csv"]


@pytest.mark.parametrize(
    ("name", "said"),
    [("_is_unique", "cột line_id: "), ("_is_unique_in_order", "cột payment_id: ")],
)
def test_an_id_that_comes_twice_is_refused_though_the_matches_are_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """The answer comes as late as it can: when all is written, and only the move is left."""
    answer = getattr(reconciling, name)
    written = threading.Event()
    write_well = reconciling._write

    def write(
        connection: duckdb.DuckDBPyConnection, select: str, path: Path, *, header: bool = True
    ) -> None:
        write_well(connection, select, path, header=header)
        if path.name == "rest.csv":
            written.set()

    def late(*arguments: object) -> object:
        if threading.current_thread() is not threading.main_thread():
            assert written.wait(10)
        return answer(*arguments)

    monkeypatch.setattr(reconciling, "_write", write)
    monkeypatch.setattr(reconciling, name, late)
    threads = threading.active_count()

    result, _ = reconcile(
        tmp_path,
        [payment(1), payment(2), payment(3, payment_id="pay_1" if "order" in name else "pay_3")],
        [line("L1", ONE), line("L2", TWO), line("L2" if name == "_is_unique" else "L3", THREE)],
    )

    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["L.csv", "P.csv"]
    assert threading.active_count() == threads


@pytest.mark.parametrize("name", ["_is_unique", "_is_unique_in_order"])
def test_what_fails_beside_the_matching_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    answer = getattr(reconciling, name)

    def run_out(*arguments: object) -> object:
        if threading.current_thread() is threading.main_thread():
            return answer(*arguments)
        raise duckdb.OutOfMemoryException("no memory")

    monkeypatch.setattr(reconciling, name, run_out)

    result, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE)])

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["Không đối chiếu được: no memory"]
    assert not out.exists()
