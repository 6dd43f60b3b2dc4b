"""`lephi reconcile files` on real files: what it writes, and what it refuses without writing."""

import csv
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner, Result

from app.cli.reconcile import app
from reconciliation.matching import engine as matching
from reconciliation.matching import typed_csv
from reconciliation.matching.columns import PAYMENTS
from reconciliation.matching.typed_csv import find_problems, open_source
from tests.support.days import reference_of

PAYMENT_HEADER = "payment_id,reference,amount,paid_at,gateway,gateway_ref"
LINE_HEADER = "line_id,booked_at,amount,direction,reference,narrative,bank_ref"
DAY = "2026-11-02"
MIXED = reference_of(123_456_789_012_345)
ONE, TWO, THREE, FOUR, FIVE = (reference_of(n) for n in range(1, 6))


def payment(number: int, **other: str) -> str:
    cells = {
        "payment_id": f"pay_{number}",
        "reference": reference_of(number),
        "amount": "50000",
        "paid_at": f"{DAY}T09:15:00+07:00",
        "gateway": "paygov",
        "gateway_ref": f"PG{number}",
    }
    return ",".join((cells | other).values())


def line(name: str, reference: str = "", **other: str) -> str:
    cells = {
        "line_id": name,
        "booked_at": f"{DAY}T10:00:00+07:00",
        "amount": "50000",
        "direction": "credit",
        "reference": reference,
        "narrative": "CT DEN",
        "bank_ref": f"FT{name}",
    }
    return ",".join((cells | other).values())


def write(path: Path, header: str, rows: Sequence[str], *, end: str = "\n") -> Path:
    path.write_bytes((end.join([header, *rows]) + end).encode())
    return path


def run(payments: Path, ledger: Path, out: Path, *options: str) -> Result:
    arguments = ["files", "--payments", str(payments), "--ledger", str(ledger)]
    return CliRunner().invoke(app, [*arguments, "--date", DAY, "--out", str(out), *options])


def reconcile(
    folder: Path, payments: Sequence[str], lines: Sequence[str], *options: str
) -> tuple[Result, Path]:
    out = folder / "out"
    result = run(
        write(folder / "P.csv", PAYMENT_HEADER, payments),
        write(folder / "L.csv", LINE_HEADER, lines),
        out,
        *options,
    )
    return result, out


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def test_every_class_is_written_as_the_contract_has_it(tmp_path: Path) -> None:
    result, out = reconcile(
        tmp_path,
        [payment(n) for n in (5, 4, 3, 2, 1)] + [payment(6, paid_at=f"{DAY}T16:00:00+07:00")],
        [
            line("L1", ONE),
            line("L2", TWO, amount="40000"),
            line("L3", THREE),
            line("L4", "", narrative=f"MBVCB {THREE[:6].lower()} {THREE[6:]} CT tu 1"),
            line("L5", FOUR, booked_at="2026-11-03T00:00:00+07:00"),
            line("L6", reference_of(6), booked_at="2026-11-03T23:00:00+07:00"),
            line("L7", reference_of(99), amount="70000"),
            line("L8", direction="debit", amount="9000000"),
        ],
    )

    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == [
        "discrepancies.csv",
        "matches.csv",
        "summary.json",
    ]
    assert table(out / "matches.csv") == [
        ["payment_id", "line_id", "reference", "amount", "rule"],
        ["pay_4", "L5", FOUR, "50000", "reference"],
        ["pay_1", "L1", ONE, "50000", "reference"],
        ["pay_6", "L6", reference_of(6), "50000", "reference"],
    ]
    header, *rows = table(out / "discrepancies.csv")
    assert header == ["side", "id", "class", "reference", "amount", "other_amount", "reason"]
    assert [row[:6] for row in rows] == [
        ["payment", "pay_2", "amount_mismatch", TWO, "50000", "40000"],
        ["payment", "pay_3", "duplicate", THREE, "50000", "100000"],
        ["payment", "pay_4", "late", FOUR, "50000", "50000"],
        ["payment", "pay_5", "missing_in_ledger", FIVE, "50000", ""],
        ["line", "L7", "unknown_in_ledger", reference_of(99), "70000", ""],
    ]
    assert all(row[6] for row in rows)
    assert json.loads((out / "summary.json").read_text()) == {
        "matched": {"count": 3, "sum": 150_000},
        "late": {"count": 1, "sum": 50_000},
        "missing_in_ledger": {"count": 1, "sum": 50_000},
        "amount_mismatch": {"count": 1, "sum": 50_000},
        "duplicate": {"count": 1, "sum": 50_000},
        "reversed": {"count": 0, "sum": 0},
        "unknown_in_ledger": {"count": 1, "sum": 70_000},
        "debits": {"count": 1, "sum": 9_000_000},
    }


def test_a_credit_that_a_debit_returns_makes_its_payment_reversed(tmp_path: Path) -> None:
    _, out = reconcile(
        tmp_path,
        [payment(number) for number in range(1, 6)],
        [
            line("L1", ONE, bank_ref="FT26001"),
            line("L2", "", direction="debit", narrative="HOAN TRA GD", bank_ref="ft26001\\BNK"),
            line("L3", TWO),
            line("L4", "", direction="debit", narrative=f"tra lai {TWO.lower()}"),
            line("L5", THREE),
            line("L6", THREE),
            line("L7", "", direction="debit", narrative=f"HUY {THREE}"),
            # Another amount, another name, and before the credit: they return nothing.
            line("L8", FOUR),
            line("L9", "", direction="debit", amount="49999", narrative=f"HOAN TRA {FOUR}"),
            line("L10", "", direction="debit", narrative="quet cuoi ngay"),
            line(
                "L11",
                "",
                direction="debit",
                narrative=f"HOAN TRA {FOUR}",
                booked_at="2026-10-30T09:00:00+07:00",
            ),
        ],
    )
    assert [row[:2] for row in table(out / "matches.csv")[1:]] == [["pay_4", "L8"]]
    rows = [row[1:6] for row in table(out / "discrepancies.csv")[1:]]
    assert rows == [
        ["pay_5", "missing_in_ledger", FIVE, "50000", ""],
        ["pay_1", "reversed", ONE, "50000", "0"],
        ["pay_2", "reversed", TWO, "50000", "0"],
        ["pay_3", "reversed", THREE, "50000", "50000"],
    ]
    summary = json.loads((out / "summary.json").read_text())
    assert summary["reversed"] == {"count": 3, "sum": 150_000}
    assert summary["debits"]["count"] == 6


def test_a_reference_in_the_narrative_matches_by_that_rule(tmp_path: Path) -> None:
    _, out = reconcile(
        tmp_path, [payment(1)], [line("L1", "", narrative=f"nop {ONE.lower()} le phi")]
    )

    assert table(out / "matches.csv")[1] == ["pay_1", "L1", ONE, "50000", "narrative"]


def test_json_prints_the_summary(tmp_path: Path) -> None:
    result, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE)], "--json")

    assert json.loads(result.stdout) == json.loads((out / "summary.json").read_text())


def test_people_get_a_table(tmp_path: Path) -> None:
    result, _ = reconcile(tmp_path, [payment(1)], [line("L1", ONE)])

    assert "khớp" in result.stdout
    assert "50.000 đ" in result.stdout


def test_the_cut_off_is_an_option(tmp_path: Path) -> None:
    rows = [payment(1)], [line("L1", ONE, booked_at="2026-11-03T09:00:00+07:00")]

    _, out = reconcile(tmp_path, *rows)
    assert json.loads((out / "summary.json").read_text())["late"]["count"] == 1
    _, out = reconcile(tmp_path, *rows, "--cut-off", "09:15")
    assert json.loads((out / "summary.json").read_text())["late"]["count"] == 0


@pytest.mark.parametrize("option", [["--cut-off", "25:00"], ["--date", "02/11/2026"]])
def test_a_wrong_option_ends_with_2(tmp_path: Path, option: list[str]) -> None:
    result, out = reconcile(tmp_path, [], [], *option)

    assert result.exit_code == 2
    assert not out.exists()


def test_empty_files_give_empty_results(tmp_path: Path) -> None:
    result, out = reconcile(tmp_path, [], [])

    assert result.exit_code == 0, result.output
    assert len(table(out / "matches.csv")) == 1
    assert len(table(out / "discrepancies.csv")) == 1


BAD_AMOUNTS = [
    *("1e3", "1.000", '"1,000"', "1000.0", "", "-5000", "+5000", "0", "05000", " 5000", "5_000"),
    *("٥٠٠٠", "10000000000001", "99999999999999999999", "nan", "0x10", "5000đ"),
]
BAD_TIMES = [
    *("2026-11-02T09:15:00", "2026-11-02", "2026-02-30T09:15:00+07:00", "", "now", "infinity"),
    *("2026-11-02T24:00:00+07:00", "02/11/2026 09:15 +07:00", "2026-11-02T09:15:60+07:00"),
    *("2026-11-02T09:15:00+7", "2026-11-02T09:15:00 +07:00", "2026-11-02T09:15:00+25:00"),
    *("2026-W45-1T09:15:00+07:00", "20261102T091500+0700", "2026-11-02T09:15:00.1234567+07:00"),
]
BAD_REFERENCES = [
    *("", ONE.lower(), ONE + " ", ONE[:-1], ONE + "A", "LPÉÉÉÉÉÉ", "LP" + "É" * 12, "XX" + ONE[2:]),
    MIXED[:6] + MIXED[7] + MIXED[6] + MIXED[8:],
    MIXED[:-1] + ("A" if MIXED[-1] != "A" else "B"),
]
BAD_CELLS = {
    "amount": BAD_AMOUNTS,
    "paid_at": BAD_TIMES,
    "reference": BAD_REFERENCES,
    "payment_id": ["", "p" * 256],
}


@pytest.mark.parametrize("column", BAD_CELLS)
def test_the_fast_way_takes_no_bad_cell(tmp_path: Path, column: str) -> None:
    rows = [payment(n, **{column: cell}) for n, cell in enumerate(BAD_CELLS[column])]
    path = write(tmp_path / "P.csv", PAYMENT_HEADER, [*rows, payment(99)])
    sql, parameters = open_source(path, PAYMENTS).select()
    with closing(matching.connect(threads=1)) as duck:
        read = duck.execute(f"SELECT {column} IS NULL FROM ({sql})", parameters).fetchall()

    assert read == [(True,)] * len(rows) + [(False,)]


@pytest.mark.parametrize("column", BAD_CELLS)
def test_the_slow_way_names_every_bad_cell(tmp_path: Path, column: str) -> None:
    rows = [payment(n, **{column: cell}) for n, cell in enumerate(BAD_CELLS[column])]
    path = write(tmp_path / "P.csv", PAYMENT_HEADER, [*rows, payment(99)])

    problems = find_problems(open_source(path, PAYMENTS), None)

    assert [(p.row, p.column) for p in problems] == [(n + 2, column) for n in range(len(rows))]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"amount": "1e3"}, "amount"),
        ({"paid_at": "2026-11-02T09:15:00"}, "paid_at"),
        ({"paid_at": "2026-11-03T00:00:00+07:00"}, "paid_at"),
        ({"paid_at": "2026-11-01T23:59:59+07:00"}, "paid_at"),
        ({"paid_at": "2026-11-02T17:00:00Z"}, "paid_at"),
        ({"payment_id": "pay_1"}, "payment_id"),
        ({"reference": ONE}, "reference"),
        ({"reference": BAD_REFERENCES[-1]}, "reference"),
    ],
)
def test_a_payment_that_cannot_be_read_is_named_and_nothing_is_written(
    tmp_path: Path, cells: dict[str, str], column: str
) -> None:
    result, out = reconcile(tmp_path, [payment(1), payment(2, **cells)], [line("L1", ONE)])

    assert result.exit_code == 2, result.output
    assert f"P.csv, dòng 3, cột {column}: " in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert not out.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["L.csv", "P.csv"]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"amount": "0"}, "amount"),
        ({"amount": "50.000"}, "amount"),
        ({"booked_at": "2026-11-02T09:15:00"}, "booked_at"),
        ({"booked_at": "epoch"}, "booked_at"),
        ({"direction": "CREDIT"}, "direction"),
        ({"direction": ""}, "direction"),
        ({"line_id": ""}, "line_id"),
        ({"line_id": "L1"}, "line_id"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_is_written(
    tmp_path: Path, cells: dict[str, str], column: str
) -> None:
    result, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE), line("L2", **cells)])

    assert result.exit_code == 2, result.output
    assert f"L.csv, dòng 3, cột {column}: " in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("lines", [[], [line("L1", ONE)], [line("L1", "", narrative=ONE)]])
def test_a_reference_on_two_payments_is_refused_whether_a_line_names_it_or_not(
    tmp_path: Path, lines: list[str]
) -> None:
    result, out = reconcile(tmp_path, [payment(1), payment(2), payment(3, reference=ONE)], lines)

    assert result.exit_code == 2
    assert "P.csv, dòng 4, cột reference: " in result.stderr
    assert "trùng với dòng 2" in result.stderr
    assert not out.exists()


def test_a_bad_debit_is_refused_too(tmp_path: Path) -> None:
    result, _ = reconcile(tmp_path, [], [line("L1", direction="debit", amount="x")])

    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("payment_id,reference,amount,paid_at,gateway", "cột gateway_ref: thiếu"),
        (PAYMENT_HEADER + ",note", "cột note: cột thừa"),
        (PAYMENT_HEADER.replace("gateway_ref", "gateway"), "cột gateway: cột có hai lần"),
        ("", "cột payment_id: thiếu"),
        (PAYMENT_HEADER.replace(",", ";"), "cột payment_id: thiếu"),
    ],
)
def test_columns_are_exactly_those_of_the_contract(tmp_path: Path, header: str, said: str) -> None:
    payments = write(tmp_path / "P.csv", header, [])

    result = run(payments, write(tmp_path / "L.csv", LINE_HEADER, []), tmp_path / "out")

    assert result.exit_code == 2
    assert said in result.stderr
    assert "dòng 1" in result.stderr


def test_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    names = PAYMENT_HEADER.split(",")
    cells = payment(1).split(",")
    payments = write(tmp_path / "P.csv", ",".join(names[::-1]), [",".join(cells[::-1])])
    ledger = write(tmp_path / "L.csv", LINE_HEADER, [line("L1", ONE)])

    assert run(payments, ledger, tmp_path / "out").exit_code == 0
    assert table(tmp_path / "out" / "matches.csv")[1][0] == "pay_1"


@pytest.mark.parametrize(
    ("row", "said"),
    [(payment(2) + ",x", "thừa ô"), (payment(2).rpartition(",")[0], "cột gateway_ref: thiếu ô")],
)
def test_a_row_of_another_width_is_refused(tmp_path: Path, row: str, said: str) -> None:
    result, _ = reconcile(tmp_path, [payment(1), row], [])

    assert result.exit_code == 2
    assert "dòng 3" in result.stderr
    assert said in result.stderr


def test_every_problem_of_both_files_has_a_line(tmp_path: Path) -> None:
    result, _ = reconcile(
        tmp_path,
        [payment(1, amount="x", paid_at="y"), payment(2, amount="z")],
        [line("L1", amount="")],
    )

    places = [text.split(":")[0] for text in result.stderr.splitlines()]
    assert places == [
        "P.csv, dòng 2, cột amount",
        "P.csv, dòng 2, cột paid_at",
        "P.csv, dòng 3, cột amount",
        "L.csv, dòng 2, cột amount",
    ]


def test_a_file_full_of_problems_is_not_listed_to_its_end(tmp_path: Path) -> None:
    result, _ = reconcile(tmp_path, [payment(n, amount="x") for n in range(100)], [])

    assert len(result.stderr.splitlines()) == typed_csv.PROBLEMS_LISTED + 1
    assert "có thể còn lỗi khác" in result.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"{PAYMENT_HEADER}\n{payment(1)}\n".encode("utf-16"), "UTF-16"),
        (f"{PAYMENT_HEADER}\n{payment(1, gateway='Lệ')}\n".encode("cp1258", "replace"), ""),
        (f"{PAYMENT_HEADER}\n".encode() + payment(1, gateway="é").encode("latin-1"), "dòng 2"),
        (f"{PAYMENT_HEADER}\n{payment(1)}\n{payment(2)}".encode()[:-1] + b"\0", "dòng 3"),
        (f"{PAYMENT_HEADER}\n{payment(1, gateway='ệ')}".encode()[:-4] + b"\xe1", "UTF-8"),
    ],
)
def test_other_encodings_are_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    payments = tmp_path / "P.csv"
    payments.write_bytes(content)

    result = run(payments, write(tmp_path / "L.csv", LINE_HEADER, []), tmp_path / "out")

    if said:
        assert result.exit_code == 2, result.output
        assert said in result.stderr
        assert "hãy lưu lại tệp dạng CSV UTF-8" in result.stderr


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_fine(tmp_path: Path) -> None:
    payments = tmp_path / "P.csv"
    payments.write_bytes(f"\ufeff{PAYMENT_HEADER}\r\n{payment(1)}\r\n\r\n".encode())
    ledger = write(tmp_path / "L.csv", LINE_HEADER, [line("L1", ONE)], end="\r\n")

    assert run(payments, ledger, tmp_path / "out").exit_code == 0
    assert len(table(tmp_path / "out" / "matches.csv")) == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_breaks_in_quotation_marks_stay_in_their_cell(tmp_path: Path, end: str) -> None:
    narrative = f'"dòng một{end}{line("L9", TWO)}{end}, ""{ONE}"" hết"'
    payments = write(tmp_path / "P.csv", PAYMENT_HEADER, [payment(1), payment(2)], end=end)
    ledger = write(tmp_path / "L.csv", LINE_HEADER, [line("L1", "", narrative=narrative)], end=end)

    result = run(payments, ledger, tmp_path / "out", "--json")

    found = json.loads(result.stdout)
    assert found["unknown_in_ledger"]["count"] == 1
    assert found["missing_in_ledger"]["count"] == 2


def test_rows_are_counted_as_a_person_counts_them(tmp_path: Path) -> None:
    result, _ = reconcile(
        tmp_path,
        [],
        [line("L1", narrative='"a\nb\nc"'), "", line("L2"), line("L3", amount="x")],
    )

    assert "dòng 5, cột amount" in result.stderr


@pytest.mark.parametrize("narrative", ['"a" ', ' "a"', 'x "y" z', '"a"\r\n"b', '"unclosed', '"a"b'])
def test_odd_quotation_marks_are_read_rightly_or_refused(tmp_path: Path, narrative: str) -> None:
    result, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE, narrative=narrative)])

    assert result.exit_code in (0, 2)
    assert out.exists() == (result.exit_code == 0)
    if result.exit_code == 0:
        assert table(out / "matches.csv")[1][1] == "L1"
    else:
        assert "không đọc được như CSV" in result.stderr


def test_mixed_line_ends_are_read_by_the_slow_way(tmp_path: Path) -> None:
    payments = tmp_path / "P.csv"
    payments.write_bytes(f"{PAYMENT_HEADER}\r\n{payment(1)}\n{payment(2)}\r\n".encode())
    ledger = write(tmp_path / "L.csv", LINE_HEADER, [line("L1", ONE), line("L2", TWO)])

    result = run(payments, ledger, tmp_path / "out", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["matched"]["count"] == 2


@pytest.mark.parametrize("name", ["a[1].csv", "b*.csv", "c?.csv", "d'e.csv", "g=h.csv"])
def test_names_of_files_are_taken_as_they_are(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "k=v [x]'*"
    folder.mkdir()
    (folder / "ax.csv").write_text("not this one")
    payments = write(folder / name, PAYMENT_HEADER, [payment(1)])
    ledger = write(folder / ("L" + name), LINE_HEADER, [line("L1", ONE)])

    result = run(payments, ledger, folder / "o'ut", "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["matched"]["count"] == 1


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "no.csv", tmp_path / "nor.csv", tmp_path / "out")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2


def test_results_never_replace_what_they_are_made_from(tmp_path: Path) -> None:
    payments = write(tmp_path / "matches.csv", PAYMENT_HEADER, [payment(1)])
    ledger = write(tmp_path / "L.csv", LINE_HEADER, [])

    assert run(payments, ledger, tmp_path).exit_code == 2
    assert table(payments)[1][0] == "pay_1"


def test_too_little_memory_is_told_in_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: object, **__: object) -> None:
        raise duckdb.OutOfMemoryException("no memory")

    monkeypatch.setattr(matching, "match", run_out)

    result, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE)])

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["Không đối chiếu được: no memory"]
    assert not out.exists()


def test_a_refused_run_leaves_the_results_of_the_last_one(tmp_path: Path) -> None:
    _, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE)])
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    result, _ = reconcile(tmp_path, [payment(1, amount="0")], [line("L1", ONE)])

    assert result.exit_code == 2
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_new_run_replaces_the_results_and_nothing_else(tmp_path: Path) -> None:
    _, out = reconcile(tmp_path, [payment(1)], [line("L1", ONE)])
    (out / "notes.txt").write_text("keep")

    result, _ = reconcile(tmp_path, [payment(1), payment(2)], [line("L1", ONE)])

    assert result.exit_code == 0
    assert json.loads((out / "summary.json").read_text())["missing_in_ledger"]["count"] == 1
    assert sorted(path.name for path in out.iterdir()) == [
        "discrepancies.csv",
        "matches.csv",
        "notes.txt",
        "summary.json",
    ]


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    rows = [payment(n) for n in range(40)], [line(f"L{n}", reference_of(n)) for n in range(35)]
    _, out = reconcile(tmp_path, *rows)
    first = [path.read_bytes() for path in sorted(out.iterdir())]

    _, out = reconcile(tmp_path, rows[0], rows[1][::-1])

    assert [path.read_bytes() for path in sorted(out.iterdir())] == first


def test_ids_that_look_like_formulas_stay_exact_and_reasons_are_inert(tmp_path: Path) -> None:
    _, out = reconcile(
        tmp_path,
        [payment(1, payment_id="=1+1"), payment(2, payment_id="-x")],
        [line("@L1", "=SUM(A1)"), line("+L2", TWO)],
    )

    rows = table(out / "discrepancies.csv")[1:]
    assert [row[1] for row in rows] == ["=1+1", "@L1"]
    assert rows[1][3] == "=SUM(A1)"
    assert not [row for row in rows if row[6][:1] in "=+-@\t\r"]
    assert table(out / "matches.csv")[1][:2] == ["-x", "+L2"]
