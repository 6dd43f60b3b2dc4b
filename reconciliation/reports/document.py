"""A report as a page of its own: facts, chart, and beside it the table with every figure. Pure.

It loads nothing and runs nothing; its one style sheet is inside it, and its hash is what a policy
allows. It reads the same on paper, on a phone and by a screen reader.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final

from core.days import day_text
from reconciliation.reports.charts import draw_chart
from reconciliation.reports.tables import ReportCell, ReportColumn, ReportTable

STYLE: Final = """
body{margin:0 auto;max-width:72rem;padding:1rem;color:#1c2733;background:#fff;
font:16px/1.5 "Be Vietnam Pro","Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:1.4rem;line-height:1.3;margin:0}
.en{color:#52606d;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0 0 1rem}
dt{color:#52606d}dd{margin:0}
figure{margin:0 0 1.5rem}
figure svg{display:block;width:100%;max-width:34rem;height:auto}
.table{overflow-x:auto}
.table:focus-visible{outline:3px solid #17496e}
table{border-collapse:collapse;font-size:.875rem}
caption{text-align:left;font-weight:700;padding:.25rem 0}
th,td{min-width:5rem;padding:.35rem .6rem;border-bottom:1px solid #cbd2d9;text-align:left;
vertical-align:top}
td:not(.n){min-width:7rem}
th[scope=col]{vertical-align:bottom;border-bottom:2px solid #17496e}
td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
tfoot th,tfoot td{font-weight:700;border-top:2px solid #17496e}
@media print{.table{overflow:visible}}
"""

#: What the page may do where it is served: show itself, in its own style.
POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none';"
    f" style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)


def write_document(table: ReportTable) -> str:
    """The report as HTML, in Vietnamese with the columns' English names beside."""
    return "\n".join(_parts(table))


def _parts(table: ReportTable) -> Iterator[str]:
    title = escape(table.title_vi)
    yield '<!doctype html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">'
    yield f"<title>{title}</title>"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    yield f'<h1>{title}</h1>\n<p class="en" lang="en">{escape(table.title_en)}</p>'
    days = f"{day_text(table.first)} – {day_text(table.last)}"
    facts = {"Đơn vị": table.agency, "Thời gian": days, **table.facts}
    yield "<dl>"
    for name, told in facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(told)}</dd>"
    yield "</dl>"
    if table.chart is not None:
        yield f"<figure>{draw_chart(table.chart)}</figure>"
    if table.rows:
        yield from _table(table)
    else:
        yield "<p>Không có số liệu trong thời gian này.</p>"
    for note in table.notes:
        yield f"<p>{escape(note)}</p>"
    yield "</main>\n</body>\n</html>"


def _table(table: ReportTable) -> Iterator[str]:
    numbers = _numbers(table)
    yield '<div class="table" role="region" tabindex="0" aria-labelledby="figures">\n<table>'
    yield '<caption id="figures">Số liệu</caption>\n<thead><tr>'
    for place, column in enumerate(table.columns):
        kind = ' class="n"' if place in numbers else ""
        yield f'<th scope="col"{kind}>{_heading(column)}</th>'
    yield "</tr></thead>\n<tbody>"
    for row in table.rows:
        yield f"<tr>{''.join(_cells(row, numbers))}</tr>"
    yield "</tbody>"
    if table.totals:
        yield "<tfoot>"
        for name, row in table.totals.items():
            cells = _cells(row[1:], {place - 1 for place in numbers})
            yield f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>'
        yield "</tfoot>"
    yield "</table>\n</div>"


def _numbers(table: ReportTable) -> set[int]:
    """The columns of figures: those that hold a number in some row."""
    return {
        place
        for place in range(len(table.columns))
        if any(isinstance(row[place], int) for row in table.rows)
    }


def _heading(column: ReportColumn) -> str:
    return f'{escape(column.vi)}<br><small lang="en">{escape(column.en)}</small>'


def _cells(row: Sequence[ReportCell], numbers: set[int]) -> Iterator[str]:
    for place, cell in enumerate(row):
        kind = ' class="n"' if place in numbers else ""
        yield f"<td{kind}>{escape(cell_text(cell))}</td>"


def cell_text(cell: ReportCell) -> str:
    """A cell as people read it: digits in groups, "" where nothing is known."""
    if isinstance(cell, int):
        return f"{cell:,}".replace(",", ".").replace("-", "−")
    return cell or ""
