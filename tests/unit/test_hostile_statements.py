"""A hundred hostile statements of the treasury: good ones, changed in what real files get wrong.

Each is made by one to three changes of a known kind (encoding, separator, date, sum, duplicate,
order, furniture), and each kind says what has to come of it: the same rows, the changed rows, or a
refusal. What is refused is refused by row or as a whole file, with a reason; nothing is left out
without a word, read as zero, or guessed.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

import pytest

from core.errors import FieldError
from reconciliation.formats import row_reader
from reconciliation.formats.cells import CellRefused, NumberStyle
from reconciliation.formats.csv_statement import read_day_file
from reconciliation.formats.rows import StatementRefused
from reconciliation.formats.statement_file import StatementFile
from tests.support.tcvn3 import as_bytes
from tests.unit.test_statement_csv import as_windows

TODAY: Final = date(2026, 11, 20)
HEADER: Final = ("Ngày hạch toán", "Số tham chiếu", "Nội dung", "Phát sinh nợ", "Phát sinh có")
SEEDS: Final = range(160)


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A statement as it is about to be written, and whether it has become wrong.

    A line is a day, a reference, words, debit and credit as they are written.
    """

    lines: tuple[tuple[str, ...], ...]
    total: tuple[int, int]
    count: int
    before: tuple[str, ...] = ()
    delimiter: str = ";"
    write: Callable[[str], bytes] = field(default=str.encode)
    end: str = "\r\n"
    wrong: bool = False

    def content(self) -> bytes:
        """Its bytes; what is `{…}` in a line is written as it is."""
        rows = [self._row(line) for line in (HEADER, *self.lines)]
        rows.append(
            self._row(("Cộng phát sinh", "", "", written(self.total[0]), written(self.total[1])))
        )
        rows.append(self._row(("Số giao dịch", str(self.count), "", "", "")))
        return self.write(self.end.join((*self.before, *rows)) + self.end)

    def _row(self, cells: tuple[str, ...]) -> str:
        if len(cells) == 1:  # stands alone
            return cells[0] + self.delimiter * 5
        return self.delimiter.join((*cells, "Số dư" if cells == HEADER else ""))

    def expected(self) -> list[tuple[str, int, str]]:
        """Reference, amount and side of each line that is one."""
        told = []
        for line in self.lines:
            if len(line) == 1 or not line[1].startswith("FT26"):
                continue
            debit, credit = (int(cell.replace(".", "") or 0) for cell in line[3:5])
            told.append((line[1], debit or credit, "debit" if debit else "credit"))
        return told


def written(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")


def good(chance: random.Random) -> HostileFile:
    lines, sums = [], [0, 0]
    for number in range(chance.randrange(3, 12)):
        amount = chance.choice([2_000, 8_000, 20_000, 35_500, 150_000, 1_250_000])
        side = chance.choice([0, 1, 1, 1])
        sums[side] += amount
        cells = [f"{chance.randrange(1, 20):02d}/11/2026", f"FT26{number:06d}", "Nộp lệ phí"]
        lines.append((*cells, *(written(amount) if at == side else "" for at in range(2))))
    return HostileFile(tuple(lines), (sums[0], sums[1]), len(lines))


def places(file: HostileFile) -> list[int]:
    """Where the lines stand that are lines of the statement."""
    return [at for at, line in enumerate(file.lines) if line[1:2] and line[1].startswith("FT26")]


Change = Callable[[random.Random, HostileFile], HostileFile]


def at_one(chance: random.Random, file: HostileFile, place: int, cell: str) -> HostileFile:
    """One cell of one line that is a line, written otherwise; then the file is wrong."""
    lines = [list(line) for line in file.lines]
    lines[chance.choice(places(file))][place] = cell
    return replace(file, lines=tuple(map(tuple, lines)), wrong=True)


def encoding(chance: random.Random, file: HostileFile) -> HostileFile:
    def marked(text: str) -> bytes:
        return ("\ufeff" * chance_marks + text).encode(chance_name)

    chance_marks, chance_name = chance.choice(
        [(1, "utf-8"), (2, "utf-8"), (1, "utf-16-le"), (1, "utf-16-be")]
    )
    ways: list[Callable[[str], bytes]] = [str.encode, as_windows, as_bytes, marked]
    return replace(file, write=chance.choice(ways))


def separator(chance: random.Random, file: HostileFile) -> HostileFile:
    told = chance.choice(";\t")
    return replace(file, delimiter=told, before=(f"sep={told}",) if chance.random() < 0.5 else ())


def one_separator(chance: random.Random, file: HostileFile) -> HostileFile:
    lines = list(file.lines)
    place = chance.choice(places(file))
    lines[place] = ("|".join(lines[place]),)
    return replace(file, lines=tuple(lines), wrong=True)


def day(chance: random.Random, file: HostileFile) -> HostileFile:
    return at_one(
        chance,
        file,
        0,
        chance.choice(
            [
                *("31/11/2026", "29/02/2026", "2026-11-18", "18-11-2026", "18/11/26", "202611"),
                *("11/18/2026", "18/11/2062", "23/11/2026", "00/11/2026", "18/11/2026 25:00:00"),
                *("46344", "18/11/2026 24:00:01", "hôm nay", "", "18/11/1026"),
            ]
        ),
    )


def good_day(chance: random.Random, file: HostileFile) -> HostileFile:
    cell = chance.choice(["8/11/2026", "22/11/2026", "18/11/2026 24:00:00", " 18/11/2026 "])
    return replace(at_one(chance, file, 0, cell), wrong=file.wrong)


def amount(chance: random.Random, file: HostileFile) -> HostileFile:
    bad = [
        "20,000",
        "20 000",
        "2.00.00",
        "20.0",
        "1e4",
        "=20000",
        "#REF!",
        "2O.000",
        "-",
        "20.000,5",
    ]
    return at_one(chance, at_one(chance, file, 3, ""), 4, chance.choice(bad))


def total(chance: random.Random, file: HostileFile) -> HostileFile:
    debit, credit = file.total
    return replace(file, total=(debit, credit + chance.choice([1_000, -2_000, 1])), wrong=True)


def counted(chance: random.Random, file: HostileFile) -> HostileFile:
    return replace(file, count=file.count + chance.choice([-1, 1, 10]), wrong=True)


def duplicate(chance: random.Random, file: HostileFile) -> HostileFile:
    """A line twice: the sums do not agree any more."""
    again = file.lines[chance.choice(places(file))]
    return replace(file, lines=(*file.lines, again), wrong=True)


def missing(chance: random.Random, file: HostileFile) -> HostileFile:
    lines = list(file.lines)
    lines.pop(chance.choice(places(file)))
    return replace(file, lines=tuple(lines), wrong=True)


def order(chance: random.Random, file: HostileFile) -> HostileFile:
    return replace(file, lines=tuple(chance.sample(file.lines, len(file.lines))))


def after_trailer(chance: random.Random, file: HostileFile) -> HostileFile:
    """The sums stand before the last line."""
    sums = ("Cộng phát sinh", "", "", *map(written, file.total))
    last = places(file)[-1]
    lines = (*file.lines[:last], sums, *file.lines[last:])
    return replace(file, lines=lines, wrong=True)


def furniture(chance: random.Random, file: HostileFile) -> HostileFile:
    lines = list(file.lines)
    odd = [
        HEADER,
        ("Cộng trang 1", "", "", "0", "5.000"),
        ("Tổng cộng trang 2", "", "", "", "9.000"),
        ("Trang 3/4",),
        ("18/11/2026", "FT0", "THU PHI", "0", "0"),
        ("Mang sang trang sau", "", "", "", "5.000"),
    ]
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(odd))
    return replace(file, lines=tuple(lines))


def lost(chance: random.Random, file: HostileFile) -> HostileFile:
    """As a spreadsheet leaves it that takes a dot for a decimal point."""

    def read(cell: str) -> str:
        return f"{float(cell):g}" if cell.count(".") == 1 else cell

    lines = list(file.lines)
    for at in places(file):
        lines[at] = (*lines[at][:3], *map(read, lines[at][3:]))
    if tuple(lines) == file.lines:
        return counted(chance, file)
    whole = [amount for at in places(file) for amount in lines[at][3:] if "." not in amount]
    # Its sums were lost with the rest, as far as they can be told.
    debit = sum(int(lines[at][3] or 0) for at in places(file) if lines[at][3] in whole)
    credit = sum(int(lines[at][4] or 0) for at in places(file) if lines[at][4] in whole)
    return replace(file, lines=tuple(lines), total=(debit, credit), wrong=True)


def line_end(chance: random.Random, file: HostileFile) -> HostileFile:
    return replace(file, end=chance.choice(["\n", "\r", "\r\n"]))


HARMLESS: Final[list[Change]] = [encoding, separator, good_day, order, furniture, line_end]
HARMFUL: Final[list[Change]] = [
    *(one_separator, day, amount, total, counted, duplicate, missing, after_trailer, lost),
]


def harm_of(seed: int) -> Change:
    """Which harmful change a seed has, if any: each in its turn."""
    return HARMFUL[(seed - seed // 3) % len(HARMFUL)]


def hostile(seed: int) -> HostileFile:
    """The file of a seed: some harmless changes, and of two files in three a harmful one."""
    chance = random.Random(seed)
    file = good(chance)
    for change in chance.sample(HARMLESS, chance.randrange(1, 4)):
        file = change(chance, file)
    if seed % 3:
        file = harm_of(seed)(chance, file)
    return file


def check(seed: int) -> None:
    """What has to come of a file comes of it."""
    file = hostile(seed)
    found, errors = read_or_refused(file.content())
    if found is None:
        assert file.wrong, errors
        assert errors
        assert all(one.field.startswith(("row ", "file")) for one in errors)
        assert all(one.code and one.detail for one in errors)
        return
    assert not file.wrong, "taken though it is wrong"
    told = [(row.bank_ref, row.amount, row.direction) for row in found.rows]
    assert told == file.expected()


def read_or_refused(content: bytes) -> tuple[StatementFile | None, Sequence[FieldError]]:
    try:
        return read_day_file(content, "kbnn-so-phu", TODAY), ()
    except StatementRefused as refused:
        return None, refused.errors


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_statement_gives_its_rows_or_a_refusal_that_says_where(seed: int) -> None:
    check(seed)


def test_every_kind_of_change_is_among_them() -> None:
    wrong = [seed for seed in SEEDS if hostile(seed).wrong]
    assert len(wrong) >= 90
    assert len(SEEDS) - len(wrong) >= 40
    assert {harm_of(seed).__name__ for seed in wrong} == {one.__name__ for one in HARMFUL}


def caught() -> bool:
    """Whether one of the files shows that the reader is not what it was."""
    for seed in SEEDS:
        try:
            check(seed)
        except (AssertionError, ValueError):
            return True
    return False


def zero_for_a_bad_amount(patch: pytest.MonkeyPatch) -> None:
    sound = NumberStyle.read

    def careless(style: NumberStyle, cell: str) -> int:
        try:
            return sound(style, cell)
        except CellRefused:
            return 0

    patch.setattr(NumberStyle, "read", careless)


def sums_unseen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(row_reader.RowReader, "_check_totals", lambda reader, *_: None)
    patch.setattr(row_reader.RowReader, "_check_count", lambda reader, *_: None)


def thousands_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(row_reader, "lost_thousands", lambda *_: [])


def days_unseen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("reconciliation.formats.csv_statement.AHEAD", date.max - date(2026, 12, 31))


def odd_rows_left_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(row_reader.RowReader, "_fault", lambda *_: None)


@pytest.mark.parametrize(
    "variant",
    [zero_for_a_bad_amount, sums_unseen, thousands_believed, days_unseen, odd_rows_left_out],
)
def test_a_reader_that_guesses_is_seen(
    monkeypatch: pytest.MonkeyPatch, variant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert not caught()
    variant(monkeypatch)
    assert caught()
