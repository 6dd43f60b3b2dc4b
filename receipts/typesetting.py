"""Type on a page: the fonts, broken lines, and blocks that know their height.

The page of a receipt is drawn straight on a reportlab canvas. Nothing here reads markup, so a
payer's name can never become a tag, a link or a font change: it is only glyphs.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from core.lettering import drawable_form
from receipts.text import CUT

#: The typeface as its makers publish it, with its licence.
FONTS = Path(__file__).parent / "fonts"
REGULAR, BOLD, ITALIC = "BeVietnamPro-Regular", "BeVietnamPro-Bold", "BeVietnamPro-Italic"

INK = HexColor(0x16212B)
MUTED = HexColor(0x566573)
ACCENT = HexColor(0x0B3C5D)
ALERT = HexColor(0xA61C1C)
SEAL = HexColor(0x1B6B4A)
LINE = HexColor(0xC6D0D8)
TINT = HexColor(0xF1F5F8)
WHITE = HexColor(0xFFFFFF)


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of text looks. `size` and `leading` (line to line) in points.

    Two styles of the same leading share a base line when they stand side by side; `level_with`
    gives a style the leading of its neighbour.
    """

    font: str
    size: float
    color: Color = INK
    leading: float = 0.0

    def __post_init__(self) -> None:
        if not self.leading:
            object.__setattr__(self, "leading", self.size * 1.32)

    def level_with(self, neighbour: "Style") -> "Style":
        """This style on the base line of another."""
        return Style(self.font, self.size, self.color, neighbour.leading)


@dataclass(frozen=True, slots=True)
class Block:
    """Something to draw: its height in points, and how, given the left edge and the top."""

    height: float
    draw: Callable[[Canvas, float, float], None]


@functools.cache
def register_fonts() -> None:
    """Make Be Vietnam Pro known to reportlab; once for each process, some tens of milliseconds."""
    for name in (REGULAR, BOLD, ITALIC):
        pdfmetrics.registerFont(TTFont(name, str(FONTS / f"{name}.ttf")))


def width(text: str, style: Style) -> float:
    """The width of one line, in points."""
    return float(pdfmetrics.stringWidth(text, style.font, style.size))


def wrap(text: str, style: Style, room: float) -> list[str]:
    """Break a text into lines no wider than `room`, between words, inside them only if it must."""
    lines: list[str] = []
    line = ""
    for word in drawable_form(text).split():
        candidate = f"{line} {word}" if line else word
        if width(candidate, style) <= room:
            line = candidate
            continue
        if line:
            lines.append(line)
        *whole, line = _pieces(word, style, room)
        lines += whole
    if line:
        lines.append(line)
    return lines


def _pieces(word: str, style: Style, room: float) -> list[str]:
    """A word cut where it leaves the room; one piece when it fits."""
    pieces = [""]
    used = 0.0
    for character in word:
        advance = width(character, style)
        if pieces[-1] and used + advance > room:
            pieces.append("")
            used = 0.0
        pieces[-1] += character
        used += advance
    return pieces


def _cut_to(line: str, style: Style, room: float) -> str:
    """The line with an ellipsis at its end, still within the room."""
    while line and width(line + CUT, style) > room:
        line = line[:-1]
    return line + CUT


def text(
    value: str, style: Style, room: float, *, align: str = "left", most: int | None = None
) -> Block:
    """A paragraph in a column `room` wide; `align` is left, right or center. Empty text, no height.

    With `most`, further lines are left out and an ellipsis says so: no text, however long, may
    push the rest off the page. A block's top is where its first line's leading begins, so blocks
    stack without gaps.
    """
    lines = wrap(value, style, room)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], _cut_to(lines[most - 1], style, room)]

    def draw(canvas: Canvas, x: float, top: float) -> None:
        canvas.setFillColor(style.color)
        canvas.setFont(style.font, style.size)
        baseline = top - style.leading * 0.76
        for line in lines:
            if align == "right":
                canvas.drawRightString(x + room, baseline, line)
            elif align == "center":
                canvas.drawCentredString(x + room / 2, baseline, line)
            else:
                canvas.drawString(x, baseline, line)
            baseline -= style.leading

    return Block(style.leading * len(lines), draw)


def stack(blocks: Iterable[Block], *, gap: float = 0.0) -> Block:
    """Blocks one below the other; blocks without height take no gap either."""
    shown = [block for block in blocks if block.height > 0]
    height = sum(block.height for block in shown) + gap * max(0, len(shown) - 1)

    def draw(canvas: Canvas, x: float, top: float) -> None:
        for block in shown:
            block.draw(canvas, x, top)
            top -= block.height + gap

    return Block(height, draw)


def beside(columns: Sequence[tuple[float, Block]], *, pad: float = 0.0) -> Block:
    """Blocks side by side, each at its offset from the left edge, tops aligned; `pad` around."""

    def draw(canvas: Canvas, x: float, top: float) -> None:
        for offset, block in columns:
            block.draw(canvas, x + offset, top - pad)

    return Block(max(block.height for _, block in columns) + 2 * pad, draw)


def space(height: float) -> Block:
    """An empty block."""
    return Block(height, lambda canvas, x, top: None)


def rule(room: float, *, color: Color = LINE, thickness: float = 0.5) -> Block:
    """A hairline as wide as `room`."""

    def draw(canvas: Canvas, x: float, top: float) -> None:
        canvas.setStrokeColor(color)
        canvas.setLineWidth(thickness)
        canvas.line(x, top - thickness / 2, x + room, top - thickness / 2)

    return Block(thickness, draw)


def filled(
    inner: Block,
    room: float,
    *,
    fill: Color | None = TINT,
    stroke: Color | None = None,
    pad: tuple[float, float] = (8.0, 5.0),
    radius: float = 3.0,
) -> Block:
    """A block on a rounded panel; `pad` is (sides, top and bottom)."""
    height = inner.height + 2 * pad[1]

    def draw(canvas: Canvas, x: float, top: float) -> None:
        if fill is not None:
            canvas.setFillColor(fill)
        if stroke is not None:
            canvas.setStrokeColor(stroke)
            canvas.setLineWidth(0.7)
        canvas.roundRect(
            x, top - height, room, height, radius, stroke=stroke is not None, fill=fill is not None
        )
        inner.draw(canvas, x + pad[0], top - pad[1])

    return Block(height, draw)


def modules(matrix: Sequence[Sequence[bool]], side: float) -> Block:
    """A QR symbol as one path of dark runs, `side` points wide; its quiet zone is the caller's."""
    count = len(matrix)

    def draw(canvas: Canvas, x: float, top: float) -> None:
        canvas.saveState()
        canvas.translate(x, top - side)
        canvas.scale(side / count, side / count)
        path = canvas.beginPath()
        for row, cells in enumerate(matrix):
            column = 0
            while column < count:
                start = column
                while column < count and cells[column]:
                    column += 1
                if column > start:
                    path.rect(start, count - 1 - row, column - start, 1)
                column += 1
        canvas.setFillColor(INK)
        canvas.drawPath(path, stroke=0, fill=1)
        canvas.restoreState()

    return Block(side, draw)
