"""What stands in a statement's file and is no line of it, and dates that are none."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from core.clock import VIETNAM
from reconciliation.formats.cells import CellRefused, read_time
from reconciliation.formats.csv_statement import read_day_file
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile

FOLDER = Path(__file__).parents[1] / "golden" / "statements"
TODAY = date(2026, 11, 20)
TREASURY = "Ngày hạch toán;Số tham chiếu;Nội dung;Phát sinh nợ;Phát sinh có;Số dư"
AGRIBANK = (
    "TRBRCD,USERID,JOURSEQ,DYTRSEQ,LOCAC,BUSCD,CCY,UNIT,TRCD,CUSTOMER,TRTP,REFERENCE,REMARK,"
    "DRAMOUNT,CRAMOUNT,CRTDTM,TRDATE"
)


def treasury(*rows: str, total: int = 0, count: int = 0) -> bytes:
    """A statement of the treasury with these rows, which credit `total` đồng in `count` lines."""
    lines = [TREASURY, *rows, f"Cộng phát sinh;;;0;{total:,};".replace(",", ".")]
    return "\n".join([*lines, f"Số giao dịch;{count};;;;"]).encode()


def agribank(*rows: str) -> bytes:
    """Agribank's report with these rows: reference, credit and TRDATE."""
    lines = []
    for number, row in enumerate(rows, 1):
        ref, credit, day = row.split("|")
        lines.append(
            f"1500,U1,{number},{number},101,BC,VND,U,T,C,TP,{ref},nop,0,{credit},20261120,{day}"
        )
    return "\n".join([AGRIBANK, *lines]).encode()


def faults(content: bytes, code: str) -> list[tuple[str, str]]:
    with pytest.raises(StatementRefused) as refused:
        read_day_file(content, code, TODAY)
    return [(fault.field, fault.code) for fault in refused.value.errors]


def refs(found: StatementFile) -> list[str]:
    return [row.bank_ref for row in found.rows]


@pytest.mark.parametrize("day", ["202611", "2026123", "20261", "2026-11-2x", "1/2/26", "1-11-2026"])
def test_what_is_no_day_is_not_read_as_one(day: str) -> None:
    assert faults(agribank(f"R1|5.000|{day}"), "agribank-gl02") == [
        ("row 2, column TRDATE", "time")
    ]


def test_a_reading_that_trusts_strptime_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.formats.cells._bare", lambda text: "")
    with pytest.raises(BaseException, match="DID NOT RAISE"):
        test_what_is_no_day_is_not_read_as_one("202611")


@pytest.mark.parametrize(
    ("cell", "wanted", "moment"),
    [
        ("5/11/2026", "%d/%m/%Y", datetime(2026, 11, 5, tzinfo=VIETNAM)),
        ("05/11/2026 24:00:00", "%d/%m/%Y %H:%M:%S", datetime(2026, 11, 6, tzinfo=VIETNAM)),
        ("31/12/2026 24:00", "%d/%m/%Y %H:%M", datetime(2027, 1, 1, tzinfo=VIETNAM)),
        ("2026-11-05T24:00:00+07:00", "iso", datetime(2026, 11, 6, tzinfo=VIETNAM)),
        ("20261105", "%Y%m%d", datetime(2026, 11, 5, tzinfo=VIETNAM)),
    ],
)
def test_times_are_read_as_they_are_meant(cell: str, wanted: str, moment: datetime) -> None:
    assert read_time(cell, [wanted]) == moment


@pytest.mark.parametrize(
    "cell", ["05/11/2026 24:00:01", "05/11/2026 24:01:00", "05/11/2026 25:00:00"]
)
def test_no_other_time_is_after_the_end_of_a_day(cell: str) -> None:
    with pytest.raises(CellRefused):
        read_time(cell, ["%d/%m/%Y %H:%M:%S"])


def test_a_line_far_ahead_is_refused() -> None:
    days = [TODAY + timedelta(days=ahead) for ahead in (1, 2, 3, 36_000 // 1000)]
    content = agribank(*(f"R{n}|5.000|{day:%Y%m%d}" for n, day in enumerate(days, 1)))
    assert faults(content, "agribank-gl02") == [
        ("row 4, column TRDATE", "future"),
        ("row 5, column TRDATE", "future"),
    ]


@pytest.mark.parametrize("ref", ["5.26E+15", "5,26E+15", "1E+20", "5.26e15"])
def test_a_reference_that_a_spreadsheet_rounded_is_refused(ref: str) -> None:
    cell = f'"{ref}"'
    assert faults(agribank(f"{cell}|5.000|20261120"), "agribank-gl02") == [
        ("row 2, column REFERENCE", "mangled")
    ]


def test_furniture_is_passed_over_and_counted() -> None:
    rows = [
        "17/11/2026;S16A;NOP PHI A;;17.000;17.000",
        "Cộng trang 1;;;0;17.000;",
        "Mang sang trang 2;;;;17.000;",
        TREASURY,
        TREASURY.upper(),
        "17/11/2026;S16Z;THU PHI DV;0;0;17.000",
        "17/11/2026;S16B;NOP PHI B;;18.000;35.000",
        "Tổng cộng trang 2;;;0;35.000;",
        "Trang 2/3;;;;;",
        "Cộng mang sang trang sau;;;;35.000;",
        f"\ufeff{TREASURY};;",
        "Page 3 of 3;;;;;",
        "Số dư cuối kỳ;;;;;35.000",
    ]
    found = read_day_file(treasury(*rows, total=35_000, count=2), "kbnn-so-phu", TODAY)
    assert refs(found) == ["S16A", "S16B"]
    assert found.skipped == {
        "page_sum": 4,
        "page_number": 2,
        "header": 3,
        "zero": 1,
        "balance": 1,
    }


@pytest.mark.parametrize(
    "before",
    [
        *("\ufeff", "\ufeff\ufeff", "sep=,\r\n", "\ufeff\ufeffsep=,\n", "SEP=,\n"),
        *('"sep=,"\r\n', "sep=,,,\n", "\r\n\r\n", ",,,\n"),
    ],
)
def test_what_programs_put_before_the_heading_is_passed_over(before: str) -> None:
    content = before.encode() + agribank("R1|11.000|20261118")
    found = read_day_file(content, "agribank-gl02", TODAY)
    assert refs(found) == ["R1"]
    assert found.skipped == ({"sep": 1} if "sep" in before.lower() else {})


def test_files_put_one_behind_the_other_are_one_statement() -> None:
    one, other = agribank("R1|11.000|20261118"), agribank("R2|12.000|20261118")
    content = b"sep=,\r\n" + one + b"\r\n" + "\ufeffsep=,\r\n".encode() + other
    found = read_day_file(content, "agribank-gl02", TODAY)
    assert (refs(found), found.skipped) == (["R1", "R2"], {"sep": 2, "header": 1})


@pytest.mark.parametrize(
    "row",
    [
        "Cong phi;S1;x;;5.000;",
        "17/11/2026;S1;x;;;",
        "17/11/2026;S1;x;;0;",
        "Cộng trang;17/11/2026;x;y;z",
        "ghi chú;;;;;",
        # The number of a page moves no money.
        "Trang 2;;;;5.000;",
        "Cộng;;;;5.000;",
    ],
)
def test_what_is_neither_a_line_nor_known_furniture_is_refused_by_row(row: str) -> None:
    if row.startswith("Cộng trang"):
        found = read_day_file(treasury(row), "kbnn-so-phu", TODAY)
        assert found.skipped == {"page_sum": 1}
        return
    assert {place.partition(",")[0] for place, _ in faults(treasury(row), "kbnn-so-phu")} == {
        "row 2"
    }


Mutation = Callable[[random.Random, list[str]], list[str]]


def _cut(chance: random.Random, rows: list[str]) -> list[str]:
    return rows[: chance.randrange(1, len(rows))]


def _again(chance: random.Random, rows: list[str]) -> list[str]:
    return [*rows, chance.choice(rows[1:])]


def _other_order(chance: random.Random, rows: list[str]) -> list[str]:
    return [rows[0], *chance.sample(rows[1:], len(rows) - 1)]


def _other_separator(chance: random.Random, rows: list[str]) -> list[str]:
    return [row.replace(",", chance.choice(";|\t")) for row in rows]


def _character(chance: random.Random, rows: list[str]) -> list[str]:
    at = chance.randrange(len(rows))
    row = rows[at]
    place = chance.randrange(len(row))
    other = row[:place] + chance.choice("0159.,-+ ;'\"x\x00Eđ") + row[place + 1 :]
    return [*rows[:at], other, *rows[at + 1 :]]


def _broken_quote(chance: random.Random, rows: list[str]) -> list[str]:
    at = chance.randrange(1, len(rows))
    return [*rows[:at], rows[at].replace("nop", '"nop', 1), *rows[at + 1 :]]


MUTATIONS: list[Mutation] = [
    _cut,
    _again,
    _other_order,
    _other_separator,
    _character,
    _broken_quote,
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1258"]


def oracle(rows: list[str]) -> list[tuple[str, int]] | None:
    """References and amounts by the plainest reading there is; None where it sees anything odd."""
    if not rows or rows[0] != AGRIBANK:
        return None
    found = []
    for row in rows[1:]:
        cells = row.split(",")
        if len(cells) != 17 or cells[6] != "VND" or '"' in row or "\x00" in row:
            return None
        debit, amount, day = cells[13], cells[14], cells[16]
        plain = amount.replace(".", "")
        if not (plain.isascii() and plain.isdigit()):
            return None
        grouped = f"{int(plain):,}".replace(",", ".")
        try:
            when = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        except ValueError:
            return None
        if debit != "0" or amount not in (grouped, plain) or amount.startswith("0"):
            return None
        if f"{when:%Y%m%d}" != day or when > TODAY + timedelta(days=2) or when.year < 2000:
            return None
        found.append((cells[11].strip(), int(plain)))
    return found


@pytest.mark.parametrize("seed", range(120))
def test_a_hostile_file_gives_the_right_rows_or_a_refusal_that_names_them(seed: int) -> None:
    chance = random.Random(seed)
    good = (
        agribank(
            *(
                f"FT26{n:06d}|{chance.choice(['5.000', '12.500', '100.000'])}|20261118"
                for n in range(12)
            )
        )
        .decode()
        .split("\n")
    )
    rows = good
    for _ in range(chance.randrange(1, 4)):
        rows = chance.choice(MUTATIONS)(chance, rows) if len(rows) > 2 else rows
    encoding = chance.choice(ENCODINGS)
    content = "\r\n".join(rows).encode(encoding, errors="ignore")
    expected = oracle(rows)
    found, refused = read_or_refused(content)
    if refused is not None:
        assert expected is None, "refused what is plainly right"
        assert refused.errors
        assert all(fault.field.startswith(("row ", "file")) for fault in refused.errors)
        return
    assert found is not None
    told = [(row.bank_ref, row.amount) for row in found.rows]
    if expected is not None:
        assert told == expected
    # What is odd to the oracle and taken: every amount stands in the file as it was read.
    assert sum(found.skipped.values()) + len(told) <= len(rows)
    for _, amount in told:
        written = (str(amount), f"{amount:,}".replace(",", "."))
        assert amount > 0
        assert any(form in row for row in rows for form in written)


def read_or_refused(content: bytes) -> tuple[StatementFile | None, StatementRefused | None]:
    try:
        return read_day_file(content, "agribank-gl02", TODAY), None
    except StatementRefused as refused:
        return None, refused
