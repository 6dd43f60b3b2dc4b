"""QR images: every picture is read back by another's reader, also when it is in a bad state."""

import struct
import zlib

import pytest
import qrcode
import zxingcpp

from core import qr
from core.errors import Invalid
from tests.support import qr_images

PAYLOAD = (
    "00020101021238540010A00000072701240006970436011010319334300208QRIBFTTA5303704540550000"
    "5802VN62360114LPABCDEFGH23450814LPABCDEFGH23456304ABCD"
)


def lines_of(png: bytes) -> tuple[int, int, int, bytes]:
    """Width, height, bit depth and the filtered lines, after checking every chunk's checksum."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    position = 8
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        kind = png[position + 4 : position + 8]
        content = png[position + 8 : position + 8 + length]
        assert struct.unpack_from(">I", png, position + 8 + length) == (zlib.crc32(kind + content),)
        chunks[kind] = content
        position += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth = struct.unpack_from(">IIB", chunks[b"IHDR"])
    return width, height, depth, zlib.decompress(chunks[b"IDAT"])


@pytest.mark.parametrize("scale", [1, 2, 3, 8, 10])
@pytest.mark.parametrize("border", [4, 7])
def test_the_png_is_read_by_another_reader(scale: int, border: int) -> None:
    picture = qr_images.opened(qr.png(PAYLOAD, scale=scale, border=border))
    assert qr_images.texts_in(picture) == [PAYLOAD]


@pytest.mark.parametrize(("scale", "border"), [(1, 0), (1, 4), (3, 1), (8, 4), (5, 0)])
def test_the_png_shows_the_modules_and_the_quiet_zone(scale: int, border: int) -> None:
    modules = qr.matrix(PAYLOAD)
    picture = qr_images.opened(qr.png(PAYLOAD, scale=scale, border=border))
    assert picture == qr_images.drawn(modules, scale=scale, border=border)


def test_the_png_has_one_bit_a_pixel_and_right_chunks() -> None:
    side = (len(qr.matrix(PAYLOAD)) + 8) * 3
    width, height, depth, lines = lines_of(qr.png(PAYLOAD, scale=3))
    assert (width, height, depth) == (side, side, 1)
    assert len(lines) == side * (1 + (side + 7) // 8)


def test_the_svg_draws_the_same_modules_inside_its_border() -> None:
    modules = qr.matrix(PAYLOAD)
    for border in (0, 4):
        cells = qr_images.rasterised(qr.svg(PAYLOAD, border=border))
        side = len(modules)
        assert len(cells) == side + 2 * border
        inner = tuple(row[border : border + side] for row in cells[border : border + side])
        assert inner == modules
        assert sum(map(sum, cells)) == sum(map(sum, modules))


def test_the_svg_is_read_by_another_reader() -> None:
    cells = qr_images.rasterised(qr.svg(PAYLOAD))
    assert qr_images.texts_in(qr_images.drawn(cells, border=0)) == [PAYLOAD]


@pytest.mark.parametrize("level", ["L", "M", "Q", "H"])
def test_each_level_of_correction_is_what_it_says(level: qr.ErrorCorrection) -> None:
    picture = qr_images.opened(qr.png(PAYLOAD, error_correction=level))
    (found,) = zxingcpp.read_barcodes(picture)
    assert (found.text, found.ec_level) == (PAYLOAD, level)


@pytest.mark.parametrize("payload", ["1", "LP", "https://example.vn/r/ABC?x=1", "Lệ phí: 5.000 đ"])
def test_any_text_can_be_drawn(payload: str) -> None:
    assert qr_images.texts_in(qr_images.opened(qr.png(payload))) == [payload]


@pytest.mark.parametrize("seed", range(4))
def test_a_blurred_tilted_and_stained_code_is_still_read(seed: int) -> None:
    picture = qr_images.opened(qr.png(PAYLOAD, scale=6))
    spoilt = [
        qr_images.blurred(picture, 2.5),
        qr_images.tilted(picture, 7 + 19 * seed),
        qr_images.stained(picture, seed=seed),
        qr_images.photographed(picture, seed=seed),
        qr_images.blurred(qr_images.tilted(picture, 11 + 5 * seed), 1.5),
    ]
    assert [qr_images.texts_in(each) for each in spoilt] == [[PAYLOAD]] * len(spoilt)


def test_a_code_of_the_size_of_a_stamp_is_still_read() -> None:
    side = len(qr.matrix(PAYLOAD)) + 8
    small = qr_images.opened(qr.png(PAYLOAD)).resize((side * 2 + 5,) * 2)
    assert qr_images.texts_in(small) == [PAYLOAD]


def test_a_code_stained_beyond_its_correction_is_not_read() -> None:
    """The control for the tests above: the stains are real and the reader does not guess."""
    picture = qr_images.opened(qr.png(PAYLOAD, scale=6))
    assert qr_images.texts_in(qr_images.stained(picture, seed=1, stains=300)) == []


def test_the_modules_are_those_of_the_library() -> None:
    code = qrcode.QRCode()
    code.add_data(PAYLOAD)
    code.make()
    assert [list(row) for row in qr.matrix(PAYLOAD)] == code.modules


@pytest.mark.parametrize(
    ("payload", "code"),
    [("", "empty"), ("x" * 3000, "too_long"), ("\ud800", "charset")],
    ids=["empty", "too long", "half a character"],
)
def test_what_cannot_be_drawn_is_refused(payload: str, code: str) -> None:
    for draw in (qr.matrix, qr.png, qr.svg):
        with pytest.raises(Invalid) as refused:
            draw(payload)
        assert [(each.field, each.code) for each in refused.value.errors] == [("payload", code)]


@pytest.mark.parametrize(("scale", "border"), [(0, 4), (65, 4), (8, -1), (8, 65)])
def test_a_size_beyond_the_limits_is_refused(scale: int, border: int) -> None:
    with pytest.raises(Invalid) as refused:
        qr.png(PAYLOAD, scale=scale, border=border)
    assert [each.code for each in refused.value.errors] == ["out_of_range"]


@pytest.mark.parametrize("digits", [55, 120])
def test_a_row_of_zeros_can_be_written_and_read(digits: int) -> None:
    payload = "0" * digits
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_H)
    code.add_data(payload)
    with pytest.raises(ValueError, match="glog"):
        code.make()
    picture = qr_images.opened(qr.png(payload, error_correction="H"))
    assert qr_images.texts_in(picture) == [payload]
