"""QR images: a payload becomes modules, a PNG or an SVG. Pure.

The qrcode library encodes the data, adds the error correction and knows where each module goes;
we choose the mask and draw. The library spends nearly all its time scoring eight masks one module
at a time. Here a whole symbol is one integer and each penalty rule of ISO/IEC 18004 §7.8.3.1 is a
few shifts of it. The modules are those that the library would give, and the tests hold us to it.

How a symbol is an integer: row after row, one bit for each module (dark is 1), and after each row
one separator bit that counts as neither dark nor light. Shifting by 1 gives every module its left
neighbour, shifting by the stride (width + 1) the one above it, and no run of like modules can pass
from the end of one row to the start of the next.
"""

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Final, Literal

from qrcode import QRCode
from qrcode.base import rs_blocks
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.exceptions import DataOverflowError
from qrcode.util import QRData, create_data

from core.errors import FieldError, Invalid

#: share of the symbol that may be lost and still read: 7, 15, 25 or 30 per cent
ErrorCorrection = Literal["L", "M", "Q", "H"]

MAX_SCALE: Final = 64
MAX_BORDER: Final = 64

_LEVELS: Final[dict[str, int]] = {
    "L": ERROR_CORRECT_L,
    "M": ERROR_CORRECT_M,
    "Q": ERROR_CORRECT_Q,
    "H": ERROR_CORRECT_H,
}
_MASKS: Final = range(8)
#: the library's mode in which every byte is written as it is
_BYTES: Final = 4


def matrix(
    payload: str, *, error_correction: ErrorCorrection = "M"
) -> tuple[tuple[bool, ...], ...]:
    """The modules of the smallest symbol that holds `payload`, row by row, True for dark.

    No quiet zone: a reader needs four light modules on every side. Raises `Invalid` for an empty
    payload, for one that is no text and for one too long for version 40.
    """
    return tuple(tuple(module == "1" for module in row) for row in _rows(payload, error_correction))


def png(
    payload: str, *, scale: int = 8, border: int = 4, error_correction: ErrorCorrection = "M"
) -> bytes:
    """A PNG with one bit a pixel: `scale` pixels a module, `border` modules of quiet zone.

    The standard asks for a border of 4; less is for a page that leaves the white itself. Raises
    `Invalid` as `matrix` does, and for a scale outside 1..64 or a border outside 0..64.
    """
    _check_between("scale", scale, 1, MAX_SCALE)
    _check_between("border", border, 0, MAX_BORDER)
    rows = _rows(payload, error_correction)
    side = (len(rows) + 2 * border) * scale
    line_size = (side + 7) // 8
    # In a PNG of this kind 1 is white.
    stretch = str.maketrans({"0": "1" * scale, "1": "0" * scale})
    quiet = "1" * (border * scale)
    beyond = "1" * (line_size * 8 - side)

    def line(pixels: str) -> bytes:
        return b"\x00" + int(pixels, 2).to_bytes(line_size, "big")

    # Filter 2 stores the difference from the line above; a repeated line is then all zeros.
    same_again = b"\x02" + bytes(line_size)
    margin = b""
    if border:
        margin = line("1" * (line_size * 8)) + same_again * (border * scale - 1)
    repeats = same_again * (scale - 1)
    lines = [margin]
    for row in rows:
        lines.append(line(quiet + row.translate(stretch) + quiet + beyond))
        lines.append(repeats)
    lines.append(margin)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _png_chunk(b"IHDR", header),
            _png_chunk(b"IDAT", zlib.compress(b"".join(lines), 6)),
            _png_chunk(b"IEND", b""),
        )
    )


def svg(payload: str, *, border: int = 4, error_correction: ErrorCorrection = "M") -> str:
    """An SVG document: a white square and one black path, one unit a module, no size of its own.

    `border` and what is refused are as for `png`.
    """
    _check_between("border", border, 0, MAX_BORDER)
    rows = _rows(payload, error_correction)
    side = len(rows) + 2 * border
    dark = "".join(
        f"M{run.start() + border} {y}h{run.end() - run.start()}v1H{run.start() + border}z"
        for y, row in enumerate(rows, start=border)
        for run in re.finditer("1+", row)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"'
        ' shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{dark}"/></svg>'
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """One version at one level, as learnt from the library: all that does not depend on data.

    A symbol is the exclusive or of its data bits, scattered by `scatter`, with one of the
    `scored` or `finished` integers, which are indexed by mask and hold everything else.
    """

    width: int
    #: format and version information left light: the standard chooses the mask before adding them
    scored: tuple[int, ...]
    finished: tuple[int, ...]
    #: "0" and then the data bits in, a character for each bit of the symbol's integer out
    scatter: Callable[[str], Sequence[str]]


def _rows(payload: str, error_correction: str) -> list[str]:
    """The symbol's rows as strings of 0 and 1, with the mask of the lowest penalty."""
    level = _LEVELS[error_correction]
    data = _check_payload(payload)
    try:
        version, codewords = _encode(data, level)
    except ValueError:
        # The library cannot correct a block of zeros, which a row of the digit 0 becomes; bytes
        # are never zero.
        plain = QRData(data, mode=_BYTES, check_data=False)
        version, codewords = _encode(plain, level)
    layout = _layout(version, level)
    bits = "0" + format(int.from_bytes(codewords, "big"), f"0{len(codewords) * 8}b")
    spread = int("".join(layout.scatter(bits)), 2)
    mask = min(_MASKS, key=lambda each: penalty(spread ^ layout.scored[each], layout.width))
    stride = layout.width + 1
    text = format(spread ^ layout.finished[mask], f"0{layout.width * stride}b")
    return [text[start : start + layout.width] for start in range(0, len(text), stride)]


def _encode(data: bytes | QRData, level: int) -> tuple[int, bytes]:
    """The version of the smallest symbol, and its codewords. Raises `Invalid` for too much data."""
    code = QRCode(error_correction=level)
    code.add_data(data)
    try:
        version = code.best_fit()
    except (DataOverflowError, ValueError):
        # The library looks for a version 41, and says so in one way or the other.
        detail = "The payload is too long for a QR code."
        raise Invalid(detail, errors=[FieldError("payload", "too_long", detail)]) from None
    return version, bytes(create_data(version, level, code.data_list))


def penalty(dark: int, width: int) -> int:
    """The penalty points of a symbol (an integer as the module describes), by the four rules.

    ISO/IEC 18004 §7.8.3.1: 3 points for five like modules in line and 1 for each further one;
    3 for each 2x2 block of one colour; 40 for each 1:1:3:1:1 finder-like pattern with four light
    modules before or after it, each side counted; 10 for each full 5 % that the share of dark
    modules is away from half.
    """
    stride = width + 1
    light = dark ^ _field(width)
    points = 0
    for step in (1, stride):
        alike = dark & dark >> step | light & light >> step
        fives = alike & alike >> step
        fives &= fives >> 2 * step
        run_starts = fives & ~(fives >> step)
        points += fives.bit_count() + 2 * run_starts.bit_count()

        finders = dark & dark >> 2 * step & dark >> 3 * step & dark >> 4 * step & dark >> 6 * step
        finders &= light >> step & light >> 5 * step
        four_light = light & light >> step
        four_light &= four_light >> 2 * step
        light_before = finders & four_light >> 7 * step
        light_after = finders >> 4 * step & four_light
        points += 40 * (light_before.bit_count() + light_after.bit_count())

    for colour in (dark, light):
        pairs = colour & colour >> 1
        points += 3 * (pairs & pairs >> stride).bit_count()

    modules = width * width
    steps_from_half = 10 * abs(2 * dark.bit_count() - modules) // modules
    return points + 10 * steps_from_half


@cache
def _field(width: int) -> int:
    """Every module of a symbol of this width set, every separator clear."""
    return int(("1" * width + "0") * width, 2)


@cache
def _layout(version: int, level: int) -> _Layout:
    """Learn a layout by asking the library for symbols of known data; at most 160 of them.

    Data bit k ends in module m exactly if m differs from the empty symbol in each probe whose
    data has bit k set. Probe b sets those data bits whose number, counted from 1, has bit b.
    """
    code = QRCode(version=version, error_correction=level)

    def symbol(codewords: bytes, mask: int, *, unfinished: bool) -> int:
        code.data_cache = list(codewords)
        code.makeImpl(unfinished, mask)
        rows = ("".join("1" if module else "0" for module in row) for row in code.modules)
        return int("".join(row + "0" for row in rows), 2)

    size = sum(block.total_count for block in rs_blocks(version, level))
    empty = bytes(size)
    finished = tuple(symbol(empty, mask, unfinished=False) for mask in _MASKS)
    width = len(code.modules)
    cells = width * (width + 1)
    numbers = [0] * cells
    for probe in range((size * 8).bit_length()):
        bits = "".join("1" if number >> probe & 1 else "0" for number in range(1, size * 8 + 1))
        changed = symbol(int(bits, 2).to_bytes(size, "big"), 0, unfinished=False) ^ finished[0]
        for cell, bit in enumerate(format(changed, f"0{cells}b")):
            numbers[cell] |= (bit == "1") << probe
    return _Layout(
        width=width,
        scored=tuple(symbol(empty, mask, unfinished=True) for mask in _MASKS),
        finished=finished,
        scatter=itemgetter(*numbers),
    )


def _check_payload(payload: str) -> bytes:
    try:
        data = payload.encode()
    except UnicodeEncodeError:
        detail = "The payload holds half a character (a lone surrogate)."
        raise Invalid(detail, errors=[FieldError("payload", "charset", detail)]) from None
    if not data:
        detail = "The payload is empty."
        raise Invalid(detail, errors=[FieldError("payload", "empty", detail)])
    return data


def _check_between(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        detail = f"The {field} must be from {low} to {high}."
        raise Invalid(detail, errors=[FieldError(field, "out_of_range", detail)])


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
