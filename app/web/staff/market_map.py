"""A market's map as SVG: a tile for each stall, its state in colour, pattern and sign. Pure.

A stall that has a place of its own on the market's grid stands there; the others stand lane by lane
in the order in which a collector comes past. Each tile is a link and is told in words; what a
pattern means stands in the legend. The file stands by itself: it has no style or script of others.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise
from typing import Final

from core.unseen import without_unseen
from payments.billing.reports.states import STANDING_STATES, StandingState

#: A tile with the gap beside it, and how many stand beside each other in a lane.
_STEP_X: Final = 64
_STEP_Y: Final = 42
_ACROSS: Final = 14
#: How wide ground without stalls is drawn, however many steps of the grid it takes.
_AISLE: Final = 16
_EDGE: Final = 8
#: Where the lanes' names end.
_MARGIN: Final = 56
#: The longest code that a tile holds; of a longer one its end tells stalls apart.
_LONGEST: Final = 8
#: Steps of the grid at most, so that one wrong place does not make a map of empty paper.
_MOST_STEPS: Final = 120

#: What each tile is drawn as: its fill, its edge and a sign of its own beside the colour.
_TILES: Final[Mapping[StandingState, tuple[str, str, str]]] = {
    "paid": ("#d9f0e1", "#0b6537", '<path d="M46 7l3 3 5-6" fill="none" stroke-width="2"/>'),
    "part": ("#fff", "#744600", '<path d="M1 27h56v6H1z" fill="#f0a830" stroke="none"/>'),
    "owed": ("#ffefc4", "#744600", '<circle cx="50" cy="8" r="4" fill="none"/>'),
    "overdue": ("#fbd0d0", "#9d1a1f", '<path d="M50 3v7M50 12v2" stroke-width="3"/>'),
    "waived": ("#e3ecf8", "#0f4c81", '<path d="M4 34L38 0M20 34L54 0" stroke-width=".6"/>'),
    "empty": ("#fff", "#5b6875", '<path d="M46 4l8 8M54 4l-8 8"/>'),
}


@dataclass(frozen=True, slots=True)
class MapTile:
    """A stall on the map: where it leads, what is said of it, and where it is, if anywhere."""

    code: str
    href: str
    said: str
    state: StandingState
    lane: str
    place: tuple[int, int] | None


def draw_map(title: str, tiles: Sequence[MapTile], words: Mapping[StandingState, str]) -> str:
    """The map of these stalls; `words` are what each state is called, with its count if wanted."""
    placed, others = _apart(tiles)
    drawn: list[str] = []
    width, y = _MARGIN + _ACROSS * _STEP_X + _EDGE, _EDGE + _legend_height(words)
    if placed:
        columns = _offsets((x for _, x, _ in placed), _STEP_X)
        rows = _offsets((row for row, _, _ in placed), _STEP_Y)
        for row, in_row in groupby(sorted(placed, key=lambda one: one[:2]), lambda one: one[0]):
            shown = [(tile, _EDGE + columns[x]) for _, x, tile in in_row]
            drawn.append(_row(shown, y + rows[row]))
        width = max(width, _EDGE * 2 + max(columns.values()) + _STEP_X)
        y += max(rows.values()) + _STEP_Y + _EDGE
    for lane, in_lane in groupby(others, lambda tile: tile.lane):
        listed = list(in_lane)
        drawn.append(f'<text x="{_EDGE}" y="{y + 21}">{_plain(lane[:6] or "–")}</text>')
        for begin in range(0, len(listed), _ACROSS):
            part = listed[begin : begin + _ACROSS]
            shown = [(tile, _MARGIN + n * _STEP_X) for n, tile in enumerate(part)]
            drawn.append(_row(shown, y))
            y += _STEP_Y
        y += _EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}"'
        f' height="{y}" role="group" aria-label="{_plain(title)}" font-family="sans-serif"'
        f' font-size="12" fill="#16202b"><title>{_plain(title)}</title><defs>{_signs()}</defs>'
        f'<rect width="{width}" height="{y}" fill="#fff"/>{_legend(words)}{"".join(drawn)}</svg>'
    )


def _apart(tiles: Iterable[MapTile]) -> tuple[list[tuple[int, int, MapTile]], list[MapTile]]:
    """The stalls that have a place of their own, by row and column, and all others."""
    placed: list[tuple[int, int, MapTile]] = []
    others, taken = list[MapTile](), set[tuple[int, int]]()
    for tile in tiles:
        if tile.place is None or tile.place in taken:
            others.append(tile)
        else:
            taken.add(tile.place)
            placed.append((tile.place[1], tile.place[0], tile))
    if not placed:
        return [], others
    top, left = min(one[0] for one in placed), min(one[1] for one in placed)
    moved = [(row - top, x - left, tile) for row, x, tile in placed]
    near = [one for one in moved if max(one[:2]) < _MOST_STEPS]
    far = [tile for row, x, tile in moved if max(row, x) >= _MOST_STEPS]
    return near, sorted(others + far, key=lambda tile: tile.lane)


def _offsets(steps: Iterable[int], wide: int) -> dict[int, int]:
    """Where each step of the grid that has stalls is drawn; empty ground between is an aisle."""
    taken = sorted(set(steps))
    found = {taken[0]: 0}
    for before, step in pairwise(taken):
        found[step] = found[before] + wide + (_AISLE if step - before > 1 else 0)
    return found


def _row(shown: Sequence[tuple[MapTile, int]], y: int) -> str:
    return f'<g transform="translate(0 {y})">{"".join(_tile(*one) for one in shown)}</g>'


def _tile(tile: MapTile, x: int) -> str:
    code = tile.code if len(tile.code) <= _LONGEST else f"…{tile.code[1 - _LONGEST :]}"
    return (
        f'<a href="{_plain(tile.href)}"><title>{_plain(tile.said)}</title>'
        f'<use href="#{_sign(tile.state)}" x="{x}"/>'
        f'<text x="{x + 4}" y="24">{_plain(code)}</text></a>'
    )


def _sign(state: StandingState) -> str:
    """The name of a state's tile within the file; short, for it stands in every tile."""
    return f"s{STANDING_STATES.index(state)}"


def _signs() -> str:
    drawn = []
    for state, (fill, edge, sign) in _TILES.items():
        dashed = ' stroke-dasharray="4 3"' if state == "empty" else ""
        drawn.append(
            f'<g id="{_sign(state)}" stroke="{edge}" fill="{fill}">'
            f'<rect width="58" height="34" rx="4"{dashed}/>{sign}</g>'
        )
    return "".join(drawn)


def _legend_height(words: Mapping[StandingState, str]) -> int:
    return len(words) * _STEP_Y + _EDGE


def _legend(words: Mapping[StandingState, str]) -> str:
    """What each tile means, one below the other, so that a phone shows all of it."""
    drawn = []
    for place, (state, said) in enumerate(words.items()):
        y = _EDGE + place * _STEP_Y
        drawn.append(
            f'<use href="#{_sign(state)}" x="{_EDGE}" y="{y}"/>'
            f'<text x="{_EDGE + 66}" y="{y + 21}">{_plain(said)}</text>'
        )
    return f'<g font-size="14">{"".join(drawn)}</g>'


def _plain(text: str) -> str:
    """A text as it stands in the file: nothing of it is markup, and nothing of it is hidden."""
    return escape(str(without_unseen(text)))
