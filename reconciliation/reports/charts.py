"""Draws a report's chart as SVG: horizontal bars with their names and figures beside. Pure.

Everything is said by attributes, so that no policy of a page stops it; the smallest width at which
it can be read is a phone's. Names and figures are text, and the table beside has all of them.
"""

from collections.abc import Iterator
from html import escape
from typing import Final

from reconciliation.reports.tables import ReportChart

_WIDTH: Final = 360
_BAR: Final = 14
_STEP: Final = 40
_LEFT: Final = 8
_ROOM: Final = _WIDTH - 2 * _LEFT - 6
#: So much of a bar is seen of what is not nothing.
_LEAST: Final = 1.5
#: Told apart by their lightness too, in grey and by eyes that see few colours.
_COLOURS: Final = ("#17496e", "#d9822b", "#9aa5b1", "#4c9f70")
_INK, _MUTED = "#1c2733", "#52606d"
_FONT: Final = 'font-family="Be Vietnam Pro, Segoe UI, Roboto, Noto Sans, sans-serif"'
#: So many characters of a name fit on the width.
_NAME: Final = 50


def draw_chart(chart: ReportChart) -> str:
    """The chart as an SVG element that scales with the room it has."""
    legend = 22 * len(chart.series)
    top = 34 + legend
    height = top + _STEP * len(chart.labels) + 8
    told = "; ".join(_told(chart, place) for place in range(len(chart.labels)))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' width="{_WIDTH}" height="{height}" {_FONT} aria-labelledby="chart-title chart-desc">',
        f'<title id="chart-title">{_safe(chart.title)}</title>',
        f'<desc id="chart-desc">{_safe(told)}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_LEFT, 20, f"{chart.title} ({chart.unit})", size=14, weight=700),
        *_legend(chart),
        *_bars(chart, top),
        "</svg>",
    ]
    return "\n".join(parts)


def _told(chart: ReportChart, place: int) -> str:
    amounts = ", ".join(f"{one.title} {_grouped(one.values[place])}" for one in chart.series)
    return f"{chart.labels[place]}: {amounts}"


def _legend(chart: ReportChart) -> Iterator[str]:
    for number, one in enumerate(chart.series):
        y = 32 + 22 * number
        yield f'<rect x="{_LEFT}" y="{y}" width="12" height="12" fill="{_COLOURS[number]}"/>'
        total = _grouped(sum(one.values))
        yield _text(_LEFT + 18, y + 10, f"{one.title}: {total}", size=12, colour=_MUTED)


def _bars(chart: ReportChart, top: int) -> Iterator[str]:
    sums = [sum(max(one.values[place], 0) for one in chart.series) for place in _places(chart)]
    most = max([*sums, 1])
    for place in _places(chart):
        y = top + _STEP * place
        whole = _grouped(sum(one.values[place] for one in chart.series))
        name = chart.labels[place]
        room = _NAME - len(whole) - 2
        shown = name if len(name) <= room else f"{name[: room - 1].rstrip()}…"
        yield _text(_LEFT, y + 10, shown, size=12)
        yield _text(_WIDTH - _LEFT, y + 10, whole, size=12, anchor="end")
        x = float(_LEFT)
        for number, one in enumerate(chart.series):
            width = _ROOM * max(one.values[place], 0) / most
            if width > 0:
                width = max(width, _LEAST)
                yield (
                    f'<rect x="{x:.2f}" y="{y + 16}" width="{width:.2f}" height="{_BAR}"'
                    f' fill="{_COLOURS[number]}"/>'
                )
            x += width


def _places(chart: ReportChart) -> range:
    return range(len(chart.labels))


def _text(
    x: int,
    y: int,
    words: str,
    *,
    size: int,
    weight: int = 400,
    colour: str = _INK,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
        f' text-anchor="{anchor}">{_safe(words)}</text>'
    )


def _safe(words: str) -> str:
    """As text of XML, which knows no control characters."""
    return escape("".join(c if c.isprintable() else " " for c in words))


def _grouped(amount: int) -> str:
    return f"{amount:,}".replace(",", ".").replace("-", "−")
