"""How minutes stand on their pages: the room, styles, titles, tables, and where a page ends. Pure.

What leads in what follows (a title, the head of a table) never ends a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reportlab.lib.pagesizes import A4

from receipts.typesetting import (
    ACCENT,
    ALERT,
    BOLD,
    ITALIC,
    MUTED,
    REGULAR,
    SEAL,
    WHITE,
    Block,
    Style,
    beside,
    filled,
    rule,
    space,
    stack,
    text,
)

WIDTH, HEIGHT = A4
MARGIN = 40.0
ROOM = WIDTH - 2 * MARGIN
TOP, BOTTOM = HEIGHT - 36.0, 46.0

NAME = Style(BOLD, 10.5)
TITLE = Style(BOLD, 16, ACCENT)
PART = Style(BOLD, 10.5, ACCENT)
FACT = Style(REGULAR, 9)
STRONG = Style(BOLD, 9)
HEAD = Style(BOLD, 8, WHITE)
SMALL = Style(REGULAR, 7.5, MUTED)
NOTE = Style(ITALIC, 8, MUTED)
SIGNER = Style(BOLD, 9.5, SEAL)
DEMO_STYLE = Style(BOLD, 9.5, ALERT)

#: Heading, width in points, and which edge it stands at.
TableColumn = tuple[str, float, str]


@dataclass(frozen=True, slots=True)
class _Lead(Block):
    """What leads in what follows, and never ends a page: a heading, the head of a table."""


def _leading(block: Block) -> Block:
    return _Lead(block.height, block.draw)


def paged(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks page by page."""
    pages: list[list[Block]] = [[]]
    left = TOP - BOTTOM
    for place, block in enumerate(blocks):
        needed = block.height
        for before, after in pairwise(blocks[place:]):
            if not isinstance(before, _Lead):
                break
            needed += after.height
        if needed > left and pages[-1]:
            pages.append([])
            left = TOP - BOTTOM
        pages[-1].append(block)
        left -= block.height
    return pages


def part_title(title: str) -> list[Block]:
    """The title of a part of the minutes."""
    return [_leading(stack([space(8), text(title, PART, ROOM), space(3)]))]


def subtitle(title: str) -> Block:
    """The title of a table within a part."""
    return _leading(stack([space(5), text(title, STRONG, ROOM), space(2)]))


def table(columns: Sequence[TableColumn], rows: Sequence[Sequence[object]]) -> list[Block]:
    """A table row by row, so that it goes on over pages."""
    head = [
        (left, text(title, HEAD, width, align=edge))
        for (title, width, edge), left in zip(columns, _lefts(columns), strict=True)
    ]
    made = [_leading(filled(beside(head), ROOM, fill=ACCENT, pad=(4, 2.5), radius=2))]
    for row in rows:
        cells = [
            (left + 4, text(_cell(value), FACT, width, align=edge, most=6))
            for value, (_, width, edge), left in zip(row, columns, _lefts(columns), strict=True)
        ]
        made.append(stack([beside(cells, pad=2), rule(ROOM)]))
    return made


def _lefts(columns: Sequence[TableColumn]) -> list[float]:
    lefts, left = [], 0.0
    for _, width, _ in columns:
        lefts.append(left)
        left += width + 8
    return lefts


def _cell(value: object) -> str:
    return grouped(value) if isinstance(value, int) else str(value)


def grouped(amount: int) -> str:
    """An amount with its digits in groups."""
    return f"{amount:,}".replace(",", ".").replace("-", "−")
