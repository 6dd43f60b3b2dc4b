"""What a cell of a statement may say: amounts and times, each by the grammar of its mapping.

A bad cell is refused with a reason and never read as 0 or as another day. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, Literal

from core.clock import VIETNAM
from core.money import MAX_AMOUNT

#: The time format that stands for ISO 8601 with an offset.
ISO: Final = "iso"

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})"
)
_YEARS = range(2000, 2100)
#: The end of a day, as some banks write the midnight after it.
_END_OF_DAY = re.compile(r"(?<![0-9:])24:00(:00)?(?![0-9:.])")
_LEADING_ZEROS = re.compile(r"\b0+(?=[0-9])")


class CellRefused(Exception):
    """A cell does not follow its grammar; `code` is for a program, `detail` for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class NumberStyle:
    """How a bank writes đồng: `thousands` is ".", "," or ""; `decimals` how many zeros follow.

    With thousands ".", decimals come after ",", otherwise after ".". `suffixes` may follow the
    number ("đ", "VND"). Numbers without separators are fine in every style; a separator of the
    other style, or groups that are not of three, are not.
    """

    thousands: Literal["", ".", ","] = ""
    decimals: int = 0
    suffixes: tuple[str, ...] = ()

    def read(self, cell: str) -> int:
        """The number in whole đồng, with its sign. Raises `CellRefused`."""
        text = cell.strip().replace("\N{MINUS SIGN}", "-")
        found = self._grammar.fullmatch(text)
        if found is None:
            raise CellRefused("amount", f'"{_cut(cell)}" không phải số tiền kiểu {self.example}')
        if found["fraction"] and found["fraction"].strip("0"):
            raise CellRefused("amount", f'"{_cut(cell)}" có phần lẻ dưới một đồng')
        amount = int(found["sign"] + re.sub(r"[.,]", "", found["whole"]))
        if abs(amount) > MAX_AMOUNT:
            raise CellRefused("amount", f'"{_cut(cell)}" lớn hơn mức cho phép')
        return amount

    @property
    def example(self) -> str:
        """A million đồng as this style writes it."""
        fraction = self._point + "0" * self.decimals if self.decimals else ""
        return self.thousands.join(("1", "000", "000")) + fraction

    @property
    def _point(self) -> str:
        return "," if self.thousands == "." else "."

    @cached_property
    def _grammar(self) -> re.Pattern[str]:
        whole = "0|[1-9][0-9]*"
        if self.thousands:
            whole += f"|[1-9][0-9]{{0,2}}(?:{re.escape(self.thousands)}[0-9]{{3}})+"
        fraction = "(?P<fraction>)"
        if self.decimals:
            point = re.escape(self._point)
            fraction = f"(?:{point}(?P<fraction>[0-9]{{{self.decimals}}}))?"
        suffix = "|".join(map(re.escape, self.suffixes))
        after = rf"(?:\s*(?:{suffix}))?" if suffix else ""
        return re.compile(f"(?P<sign>[+-]?)(?P<whole>{whole}){fraction}{after}", re.IGNORECASE)


def read_time(cell: str, formats: Sequence[str]) -> datetime:
    """The moment a cell tells, aware: by the first format that fits, in Vietnam's zone.

    A format is `strptime`'s, or "iso" for ISO 8601 with an offset of its own. What is read, written
    by the same format, must be the cell again, but for leading zeros: `202611` is no day. 24:00 is
    the next midnight. Raises `CellRefused`.
    """
    text = cell.strip()
    after = timedelta(days=1) if _END_OF_DAY.search(text) else timedelta(0)
    text = _END_OF_DAY.sub(lambda found: f"00:00{found[1] or ''}", text)
    for wanted in formats:
        try:
            if wanted == ISO:
                if not _ISO.fullmatch(text):
                    continue
                # Not in a zone of its own, which every one of many rows would have.
                moment = datetime.fromisoformat(text).astimezone(VIETNAM)
            else:
                moment = datetime.strptime(text, wanted).replace(tzinfo=VIETNAM)
                if _bare(moment.strftime(wanted)) != _bare(text):
                    continue
        except ValueError:
            continue
        if moment.year in _YEARS:
            return moment + after
    shapes = ", ".join(map(_shape, formats))
    raise CellRefused("time", f'"{_cut(cell)}" không phải thời điểm dạng {shapes}')


def _bare(text: str) -> str:
    return _LEADING_ZEROS.sub("", text)


def _shape(wanted: str) -> str:
    """A time format as a person writes it: dd/mm/yyyy."""
    if wanted == ISO:
        return "2026-11-02T09:15:00+07:00"
    words = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%H": "hh", "%M": "mm", "%S": "ss"}
    return re.sub("%[a-zA-Z]", lambda found: words.get(found[0], found[0]), wanted)


def quoted(cell: str) -> str:
    """A cell as a message shows it: in quotation marks, cut, without control characters."""
    return f'"{_cut(cell)}"'


def _cut(cell: str) -> str:
    text = cell if len(cell) <= 40 else cell[:40] + "…"
    return "".join(c if c.isprintable() else "�" for c in text)
