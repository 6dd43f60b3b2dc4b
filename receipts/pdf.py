"""Draws the page of a receipt: a display of the signed XML, on A5.

`draw` takes values and gives bytes, and keeps nothing but the fonts, so that it can run in a worker
process. The same arguments give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from receipts import layout
from receipts.content import ReceiptContent, SignatureNote
from receipts.law import ReceiptRules, rules_on
from receipts.layout import HEIGHT, MARGIN, TOP, WIDTH, Mark
from receipts.text import clean
from receipts.typesetting import ACCENT, ALERT, REGULAR, Block, register_fonts, space, stack

#: Above and below the foot of a page, in points.
_FOOT_GAP = 10.0


def draw(
    content: ReceiptContent,
    signature: SignatureNote | None = None,
    mark: Mark | None = None,
    mark_note: str = "",
) -> bytes:
    """The PDF of a receipt, one A5 page unless its lines need more; unsigned.

    `signature` is who signed the XML and when; without it the page says that it is not signed.
    `mark` shows what became of the receipt, `mark_note` adds by what ("Biên lai 26TAA số 12").
    Needs no network and no database; a few milliseconds of processor time.
    """
    register_fonts()
    rules = rules_on(content.issued_on)
    banners = layout.banners(content, mark, clean(mark_note, 160))
    bottom = layout.foot(content, 1, 1).height + 2 * _FOOT_GAP
    pages = _paginate(content, rules, banners, layout.closing(content, signature), bottom)
    output = BytesIO()
    canvas = Canvas(
        output,
        pagesize=A5,
        pdfVersion=(1, 7),
        # Without this an unembedded Helvetica is declared on every page.
        initialFontName=REGULAR,  # type: ignore[arg-type]  # a name, whatever the stubs say
        invariant=1,
        lang="vi",
    )
    canvas.setTitle(f"{rules.title} {content.template} {content.symbol} số {content.number}")
    canvas.setAuthor(content.issuer.name)
    canvas.setSubject(content.reference or content.dossier_number)
    canvas.setCreator("lephi")
    for place, page in enumerate(pages, start=1):
        _frame(canvas, mark)
        page.flow.draw(canvas, MARGIN, TOP)
        if page.closing is not None:
            page.closing.draw(canvas, MARGIN, bottom + page.closing.height)
        layout.foot(content, place, len(pages)).draw(canvas, MARGIN, bottom - _FOOT_GAP)
        canvas.showPage()
    canvas.save()
    return output.getvalue()


@dataclass(frozen=True, slots=True)
class _Page:
    """What flows from the top of a page, and what stands at the bottom of the last one."""

    flow: Block
    closing: Block | None = None


def _paginate(
    content: ReceiptContent, rules: ReceiptRules, banners: Block, closing: Block, bottom: float
) -> list[_Page]:
    """Fill pages with facts and lines; the sum, the signature and the last line stay together."""
    table = layout.Table(content)
    sums = stack([table.sum(), space(6), layout.sums(content)])
    above = stack([layout.heading(content, rules), banners], gap=7)
    pages: list[_Page] = []
    facts: list[Block] = []
    rows: list[Block] = []
    for fact in layout.parties(content):
        if facts and above.height + 7 + stack([*facts, fact], gap=1).height > TOP - bottom:
            pages.append(_Page(stack([above, stack(facts, gap=1)], gap=7)))
            above, facts = stack([layout.continued_heading(content, rules), banners], gap=7), []
        facts.append(fact)
    above = stack([above, stack(facts, gap=1)], gap=7)
    #: whether a page without rows has something of its own, and may stand as it is
    whole = True

    def free() -> float:
        taken = above.height + 7 + table.head.height + sum(row.height for row in rows)
        return TOP - bottom - taken

    def flow(tail: Sequence[Block] = ()) -> Block:
        shown = stack([table.head, *rows]) if rows else space(0)
        return stack([above, space(7), shown, *tail])

    for place, line in enumerate(content.lines, start=1):
        row = table.row(place, line)
        last = place == len(content.lines)
        needed = row.height + (sums.height + 10 + closing.height if last else 0)
        if needed > free() and (rows or whole):
            pages.append(_Page(flow()))
            whole = False
            above, rows = stack([layout.continued_heading(content, rules), banners], gap=7), []
        rows.append(row)
    return [*pages, _Page(flow([sums]), closing)]


def _frame(canvas: Canvas, mark: Mark | None) -> None:
    """The band at the top edge; a receipt that no longer stands is framed in red as well."""
    canvas.setFillColor(ALERT if mark else ACCENT)
    canvas.rect(0, HEIGHT - 7, WIDTH, 7, stroke=0, fill=1)
    if mark:
        canvas.setStrokeColor(ALERT)
        canvas.setLineWidth(1.2)
        canvas.rect(10, 9, WIDTH - 20, HEIGHT - 24, stroke=1, fill=0)
