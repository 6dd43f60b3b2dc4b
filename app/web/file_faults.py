"""What is wrong with a file, as a page tells it: where, in its reader's language, and why.

A fault's field names the place in words for programs ("row 2, column Số tiền"). Some sentences
begin with the place too, for whoever reads nothing but them: on a page it stands once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from markupsafe import Markup

from app.web.texts import noted
from app.web.translations import Words, shown
from core.folding import single_spaced

#: What a file says, such as a heading, may have line breaks.
_PLACE: Final = re.compile(
    r"row (?P<row>[0-9]+)(?:, column (?P<column>.+))?|cell (?P<cell>\S+)", re.DOTALL
)
#: A row of a file of several sheets, whose place stands in the sentence in words.
_SHEET_ROW: Final = re.compile(r".+![0-9]+(?:\..+)?", re.DOTALL)
_OF_SHEET: Final = re.compile(
    r"(?P<sheet>[^,:]+), dòng (?P<row>[0-9]+)(?:, cột (?P<column>[^:]+))?: (?P<reason>.+)",
    re.DOTALL,
)
#: An element of an XML file, which has no rows that anybody sees.
_ENTRY: Final = re.compile(r"Ntry thứ (?P<entry>[0-9]+): ")
_CELL_OF_ROW: Final = noted("Dòng %(row)s, cột %(column)s")
_ROW: Final = noted("Dòng %(row)s")
_CELL: Final = noted("Ô %(cell)s")


class FaultOfFile(Protocol):
    """What is asked of a fault."""

    @property
    def field(self) -> str: ...
    @property
    def detail(self) -> str: ...


@dataclass(frozen=True, slots=True)
class ToldFault:
    """A fault in words: `place` is "" for the file as a whole, None for what is no place in it."""

    place: str | None
    reason: str


def told_fault(words: Words, fault: FaultOfFile) -> ToldFault:
    """A fault of a file in a language's words; a reason that nobody has translated says so."""
    found, reason = _PLACE.fullmatch(fault.field), fault.detail
    if found is None:
        return _told_of_sheet(words, fault)
    text, named = _text_of(found)
    at = text % named
    reason = reason.removeprefix(f"{at}: ")
    if entry := _ENTRY.match(reason):
        reason = reason[entry.end() :]
    # The sentence may say itself where it is: row 2 is not row 23.
    if re.match(rf"{re.escape(at)}(?!\w)", reason):
        return ToldFault("", words.detail(reason))
    place = _said(words, text, named)
    if entry:
        place += f", Ntry {entry['entry']}"
    return ToldFault(place, words.detail(reason))


def _told_of_sheet(words: Words, fault: FaultOfFile) -> ToldFault:
    found = _OF_SHEET.fullmatch(fault.detail)
    if found is None or not _SHEET_ROW.fullmatch(fault.field):
        return ToldFault("" if fault.field == "file" else None, words.detail(fault.detail))
    text, named = _text_of(found)
    at = _said(words, text, named)
    place = Markup("{}, {}{}").format(shown(named["sheet"]), at[:1].lower(), at[1:])
    return ToldFault(place, words.detail(named["reason"]))


def _said(words: Words, text: str, named: Mapping[str, str]) -> Markup:
    """A place in a language's words, in one line."""
    return words.say(text, **{name: single_spaced(value) for name, value in named.items()})


def _text_of(found: re.Match[str]) -> tuple[str, dict[str, str]]:
    """What a place is called, and what is named in it."""
    named = {name: value for name, value in found.groupdict().items() if value is not None}
    return _CELL if "cell" in named else _CELL_OF_ROW if "column" in named else _ROW, named
