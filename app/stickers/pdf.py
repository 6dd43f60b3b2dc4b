"""Draws stalls' stickers: one A6 for each stall, or four on a sheet of A4. Pure but for the fonts.

Two codes stand on it, and a banking app reads only one of them: so each has its number, what reads
it and what it is for. The stall's short code is not on it, for everybody passes by. The same
stickers give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, A6
from reportlab.pdfgen.canvas import Canvas

from core.qr import matrix
from receipts.typesetting import (
    ACCENT,
    BOLD,
    ITALIC,
    LINE,
    MUTED,
    REGULAR,
    Style,
    register_fonts,
    stack,
    text,
)

_MARGIN: Final = 16.0
_GAP: Final = 12.0

_BODY = Style(BOLD, 9)
_STALL = Style(BOLD, 30, ACCENT)
_MARKET = Style(REGULAR, 11)
_STEP = Style(BOLD, 9.5)
_ENGLISH = Style(ITALIC, 7, MUTED)
_FACT = Style(REGULAR, 8.5)
_STRONG = Style(BOLD, 8.5)
_MIND = Style(BOLD, 8)
_DEMO = Style(BOLD, 8, HexColor(0x8A5A00))


@dataclass(frozen=True, slots=True)
class Sticker:
    """What stands on a stall's sticker; `payload` is its VietQR, without an amount.

    `payload` is "" where its body has no account: then the sticker only leads to the page.
    `account` is the end of the account's number, `trial` says that no money is real.
    """

    body: str
    market: str
    market_en: str
    stall: str
    address: str
    payload: str
    reference: str
    holder: str
    account: str
    bank: str
    trial: bool = False


def draw_stickers(stickers: Sequence[Sticker], *, sheets: bool = False) -> bytes:
    """The PDF: a page of A6 for each sticker, or with `sheets` four on each page of A4."""
    register_fonts()
    output = BytesIO()
    canvas = Canvas(
        output,
        pagesize=A4 if sheets else A6,
        pdfVersion=(1, 7),
        # Without this an unembedded Helvetica is declared on every page.
        initialFontName=REGULAR,  # type: ignore[arg-type]  # a name, whatever the stubs say
        invariant=1,
        lang="vi",
    )
    canvas.setTitle("Tem sạp")
    width, height = A4[0] / 2, A4[1] / 2
    places = ((0.0, height), (width, height), (0.0, 0.0), (width, 0.0)) if sheets else ((0.0, 0.0),)
    for number, sticker in enumerate(stickers):
        place = places[number % len(places)]
        if number and number % len(places) == 0:
            canvas.showPage()
        canvas.saveState()
        canvas.translate(*place)
        _draw(canvas, sticker, *((width, height) if sheets else A6))
        canvas.restoreState()
    canvas.showPage()
    canvas.save()
    return output.getvalue()


def _draw(canvas: Canvas, sticker: Sticker, width: float, height: float) -> None:
    room = width - 2 * _MARGIN
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.5)
    canvas.rect(4, 4, width - 8, height - 8)
    head = stack(
        [
            text("BẢN CHẠY THỬ, KHÔNG CÓ TIỀN THẬT" if sticker.trial else "", _DEMO, room),
            text(sticker.body, _BODY, room, most=2),
            text(f"Sạp {sticker.stall}", _STALL, room, most=2),
            text(f"{sticker.market} · {sticker.market_en}", _MARKET, room, most=2),
        ]
    )
    top = height - _MARGIN
    head.draw(canvas, _MARGIN, top)
    top -= head.height + _GAP
    column = (room - _GAP) / 2
    ways = [
        (
            sticker.payload,
            "1. Trả tiền",
            "Quét bằng ứng dụng ngân hàng, tự ghi số tiền",
            "Pay: scan with a banking app, type the amount",
        ),
        (
            sticker.address,
            "2. Xem còn phải trả",
            "Quét bằng máy ảnh điện thoại",
            "See what is owed: scan with the camera",
        ),
    ]
    shown = [way for way in ways if way[0]]
    lowest = top
    for place, (payload, step, how, english) in enumerate(shown):
        left = _MARGIN + place * (column + _GAP)
        _qr(canvas, payload, left, top - column, column)
        words = stack(
            [
                text(step, _STEP, column),
                text(how, _FACT, column),
                text(english, _ENGLISH, column),
            ]
        )
        words.draw(canvas, left, top - column - 6)
        lowest = min(lowest, top - column - 6 - words.height)
    facts = []
    if sticker.payload:
        facts = [
            text(f"Người nhận: {sticker.holder}", _STRONG, room, most=2),
            text(f"Tài khoản: •••• {sticker.account} · {sticker.bank}", _FACT, room, most=2),
            text(f"Nội dung: {sticker.reference}", _STRONG, room),
            text(
                "Chỉ xác nhận khi ứng dụng hiện đúng tên người nhận. Nếu khác, tem có thể đã bị"
                " dán đè: báo ban quản lý chợ.",
                _MIND,
                room,
            ),
        ]
    stack([*facts, text(sticker.address, _ENGLISH, room)], gap=2).draw(canvas, _MARGIN, lowest - 8)


def _qr(canvas: Canvas, payload: str, left: float, bottom: float, side: float) -> None:
    """A code with its quiet zone, drawn row by row so that no printer leaves hair lines."""
    modules = matrix(payload)
    unit = side / (len(modules) + 4)
    canvas.setFillColorRGB(0, 0, 0)
    path = canvas.beginPath()
    for y, row in enumerate(modules):
        x = 0
        while x < len(row):
            run = x
            while run < len(row) and row[run]:
                run += 1
            if run > x:
                path.rect(
                    left + (x + 2) * unit,
                    bottom + side - (y + 3) * unit,
                    (run - x) * unit,
                    unit * 1.01,
                )
            x = max(run, x + 1)
    canvas.drawPath(path, stroke=0, fill=1)
