"""What a file's columns may mean, proposed to a person who sees its rows and sums beside. Pure.

Nothing is read into the books by a proposal: it is shown, corrected, and then used as a layout.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from core.folding import caseless, without_marks
from reconciliation.formats.cells import ISO, CellRefused, NumberStyle, read_time
from reconciliation.formats.mappings import AmountColumns, Mapping, Trailer

#: Among so many first rows the heading is looked for, and after it so many are tried.
LOOKED_AT: Final = 30
_TRIED: Final = 200

Rows = Sequence[tuple[int, Sequence[str]]]

#: What heads a column, without marks; of a cell the first that fits.
_HEADINGS: Final = tuple(
    (role, re.compile(words))
    for role, words in (
        ("balance", r"so du|\bbalance\b"),
        ("direction", r"^(?:loai|no/co|c/d|d/c|direction|dau)$"),
        (
            "debit",
            r"ghi no|phat sinh no|\bps no|^no$|\bdebit|\bdramount|tien ra|tien rut|\bwithdrawal",
        ),
        (
            "credit",
            r"ghi co|phat sinh co|\bps co|^co$|\bcredit|\bcramount|tien (?:gui )?vao|so tien nop"
            r"|tien gui|\bdeposit",
        ),
        ("amount", r"so tien|\bamount\b"),
        ("booked_at", r"\bngay\b|thoi gian|\bdate\b|\btime\b|\btrdate\b|booked_at"),
        ("narrative", r"noi dung|dien giai|mo ta|description|remark|narrative|\bdetails?\b"),
        (
            "bank_ref",
            r"so (?:tham chieu|but toan|ct|chung tu|gd|giao dich)\b"
            r"|ma (?:giao dich|gd|tham chieu|but toan)\b"
            r"|\bref|bank_ref|transaction (?:id|no)",
        ),
    )
)
#: What heads a column of accounts, whichever side these are on.
_ACCOUNTS = re.compile(r"^(?:so )?(?:tk|tai khoan|stk)\b|\baccount (?:no|number)\b|^account$")
#: Which of several days is that of booking: the first of these that fits, and never that of value.
_DAYS: Final = tuple(
    re.compile(words)
    for words in (r"hach toan|ghi so|booking|posting", r"^(?!.*(?:hieu luc|gia tri|\bvalue\b))", "")
)
#: So many columns are known at most.
MOST_KNOWN: Final = len(_HEADINGS)
#: The code of a layout that nobody has looked at yet.
PROPOSED: Final = "proposed"
_TIMES: Final = (
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y%m%d", ISO),
)
_SUFFIXES: Final = ("đ", "VND")
_STYLES: Final = tuple(
    NumberStyle(thousands, decimals, _SUFFIXES)
    for decimals in (0, 2)
    for thousands in ("", ".", ",")
)
_CREDIT: Final = frozenset({"c", "co", "cr", "credit", "+"})
_DEBIT: Final = frozenset({"d", "no", "dr", "debit", "-"})
_BALANCES = re.compile(r"so du (?:dau|cuoi)")
_TOTALS = re.compile(r"(?:cong|tong) (?:cong|phat sinh|so)\b")


@dataclass(frozen=True, slots=True)
class GuessedHeading:
    """The row that seems to head the columns, and which of its cells means what."""

    row: int
    columns: dict[str, str]
    places: dict[str, int]

    @property
    def is_enough(self) -> bool:
        """Whether a statement can be read by it."""
        amounts = {"debit", "credit"} <= set(self.columns) or "amount" in self.columns
        return amounts and {"booked_at", "narrative"} <= set(self.columns)


def guess_heading(rows: Rows) -> GuessedHeading | None:
    """The row with most columns that are known by their words, if it has those that are needed."""
    found = [_read_heading(number, cells) for number, cells in rows[:LOOKED_AT]]
    enough = [one for one in found if one.is_enough]
    return max(enough, key=lambda one: len(one.columns), default=None)


def propose_layout(rows: Rows, delimiter: str, today: date) -> Mapping | None:
    """A layout under which these rows seem to be a statement, None where no heading is known."""
    heading = guess_heading(rows)
    if heading is None:
        return None
    below = [cells for number, cells in rows if number > heading.row][:_TRIED]
    columns = heading.columns
    return Mapping(
        code=PROPOSED,
        title="Mẫu đề xuất theo tiêu đề cột",
        valid_from=today,
        times=_times_of(_values(heading, below, "booked_at")),
        columns={
            name: columns[name]
            for name in ("booked_at", "narrative", "bank_ref", "balance")
            if name in columns
        },
        amount=_amounts_of(heading, below),
        delimiters=(delimiter or ",",),
        header_within=heading.row,
        skip=tuple(_beginnings(below, _BALANCES)),
        trailer=Trailer(totals=next(iter(_beginnings(below, _TOTALS)), "")),
    )


def _read_heading(number: int, cells: Sequence[str]) -> GuessedHeading:
    folded = [caseless(cell) for cell in cells]
    columns: dict[str, str] = {}
    places: dict[str, int] = {}
    for place, cell in enumerate(folded):
        if not cell or folded.count(cell) > 1:
            continue
        plain = without_marks(cell)
        if _ACCOUNTS.search(plain):
            continue
        role = next((role for role, words in _HEADINGS if words.search(plain)), None)
        known = columns.get(role) if role is not None else None
        better = role == "booked_at" and known is not None and _rank(plain) < _rank(known)
        if role is not None and (known is None or better):
            columns[role], places[role] = cells[place].strip(), place
    return GuessedHeading(number, columns, places)


def _rank(heading: str) -> int:
    plain = without_marks(caseless(heading))
    return next(rank for rank, words in enumerate(_DAYS) if words.search(plain))


def _values(heading: GuessedHeading, rows: Sequence[Sequence[str]], role: str) -> list[str]:
    place = heading.places[role]
    return [row[place].strip() for row in rows if place < len(row) and row[place].strip()]


def _times_of(values: list[str]) -> tuple[str, ...]:
    fitting = tuple(one for one in _TIMES if any(_is_time(value, one) for value in values))
    return fitting or (_TIMES[2],)


def _is_time(value: str, wanted: str) -> bool:
    try:
        read_time(value, [wanted])
    except CellRefused:
        return False
    return True


def _amounts_of(heading: GuessedHeading, rows: Sequence[Sequence[str]]) -> AmountColumns:
    columns = heading.columns
    if {"debit", "credit"} <= set(columns):
        values = [*_values(heading, rows, "debit"), *_values(heading, rows, "credit")]
        return AmountColumns(
            "sides",
            _style_of(values),
            credit_column=columns["credit"],
            debit_column=columns["debit"],
        )
    style = _style_of(_values(heading, rows, "amount"))
    if "direction" in columns:
        words = list(dict.fromkeys(_values(heading, rows, "direction")))
        credits_ = tuple(one for one in words if without_marks(caseless(one)) in _CREDIT)
        debits = tuple(one for one in words if without_marks(caseless(one)) in _DEBIT)
        if credits_ or debits:
            return AmountColumns(
                "direction",
                style,
                column=columns["amount"],
                direction=columns["direction"],
                credit_words=credits_ or ("C",),
                debit_words=debits or ("D",),
            )
    return AmountColumns("signed", style, column=columns["amount"])


def _style_of(values: list[str]) -> NumberStyle:
    return max(_STYLES, key=lambda style: sum(_is_amount(value, style) for value in values))


def _is_amount(value: str, style: NumberStyle) -> bool:
    try:
        style.read(value)
    except CellRefused:
        return False
    return True


def _beginnings(rows: Sequence[Sequence[str]], words: re.Pattern[str]) -> list[str]:
    """What rows begin with that are no lines, by their first words."""
    firsts = [next((cell.strip() for cell in row if cell.strip()), "") for row in rows]
    return list(dict.fromkeys(one for one in firsts if words.match(without_marks(caseless(one)))))
