"""What somebody has chosen of a file's columns, and the layout that this makes. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

#: How a time may be written, the usual first; the names are the choices of the form.
TIMES: Final = (
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y"),
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y%m%d", "iso"),
)
_SUFFIXES: Final = ["đ", "VND"]


@dataclass(frozen=True, slots=True)
class ColumnChoices:
    """The fields of the form, as chosen: columns by their names, "" where there is none.

    `header` is the row of the heading, counted from 1; `kind` is how amounts stand ("sides",
    "signed", "direction"); words are parted by commas.
    """

    header: str = ""
    booked_at: str = ""
    time: str = TIMES[0]
    narrative: str = ""
    reference: str = ""
    bank_ref: str = ""
    balance: str = ""
    kind: str = "sides"
    credit_column: str = ""
    debit_column: str = ""
    column: str = ""
    direction: str = ""
    credit_words: str = ""
    debit_words: str = ""
    thousands: str = ""
    decimals: str = "0"
    skip: str = ""

    @classmethod
    def typed(cls, given: Mapping[str, str]) -> "ColumnChoices":
        """What was sent."""
        names = {one.name for one in fields(cls)}
        return cls(**{name: value[:300] for name, value in given.items() if name in names})

    @classmethod
    def of_layout(cls, layout: Mapping[str, Any], header: int | None) -> "ColumnChoices":
        """The choices that make a layout, such as one that was proposed."""
        columns, amount = layout["columns"], layout["amount"]
        style = amount["style"]
        return cls(
            header="" if header is None else str(header),
            time=str(layout["times"][0]),
            kind=amount["kind"],
            thousands=style["thousands"],
            decimals=str(style["decimals"]),
            skip=", ".join(layout["skip"]),
            credit_words=", ".join(amount["credit_words"]),
            debit_words=", ".join(amount["debit_words"]),
            **{
                name: str(columns.get(name, ""))
                for name in ("booked_at", "narrative", "reference", "bank_ref", "balance")
            },
            **{
                name: str(amount[name])
                for name in ("credit_column", "debit_column", "column", "direction")
            },
        )

    def layout(self, delimiter: str, begun: Mapping[str, Any] | None) -> str:
        """The layout that the choices make, in JSON; what they do not say is that of `begun`."""
        columns = {
            name: getattr(self, name)
            for name in ("booked_at", "narrative", "reference", "bank_ref", "balance")
            if getattr(self, name)
        }
        amount: dict[str, Any] = {"kind": self.kind, "style": self._style()}
        names = {
            "sides": ("credit_column", "debit_column"),
            "signed": ("column",),
            "direction": ("column", "direction"),
        }.get(self.kind, ())
        amount |= {name: getattr(self, name) for name in names}
        if self.kind == "direction":
            amount |= {
                "credit_words": _words(self.credit_words),
                "debit_words": _words(self.debit_words),
            }
        made: dict[str, Any] = {
            "code": "proposed",
            "title": "proposed",
            "valid_from": "2000-01-01",
            "times": [self.time],
            "columns": columns,
            "amount": amount,
            "delimiters": [delimiter or ","],
            "header_within": max(int(self.header), 1) if self.header.isdecimal() else 30,
            "skip": _words(self.skip),
        }
        kept = ("trailer", "title") if begun else ()
        made |= {name: begun[name] for name in kept if begun}
        return json.dumps(made, ensure_ascii=False)

    def _style(self) -> dict[str, Any]:
        decimals = int(self.decimals) if self.decimals in ("0", "1", "2", "3") else 0
        return {"thousands": self.thousands, "decimals": decimals, "suffixes": _SUFFIXES}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def columns_of(rows: Sequence[tuple[int, Sequence[str]]], header: int | None) -> list[str]:
    """The names in the row of the heading, those that are there once."""
    cells = next((list(cells) for number, cells in rows if number == header), [])
    return [cell for cell in cells if cell.strip() and cells.count(cell) == 1]
