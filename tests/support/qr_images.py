"""Reading QR images back, and making them as bad as a phone at a market sees them."""

import io
import random
import re

import zxingcpp
from PIL import Image, ImageFilter

Modules = tuple[tuple[bool, ...], ...]


def opened(png: bytes) -> Image.Image:
    """The PNG as grey pixels, read by Pillow and not by our own code."""
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        return image.convert("L")


def texts_in(image: Image.Image) -> list[str]:
    """What zxing reads in the image."""
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.barcode_formats_from_str("QRCode"))
    return [barcode.text for barcode in found]


def drawn(modules: Modules, *, scale: int = 4, border: int = 4) -> Image.Image:
    """A picture of modules that owes nothing to the code under test."""
    side = len(modules)
    image = Image.new("L", (side + 2 * border,) * 2, 255)
    for y, row in enumerate(modules):
        for x, dark in enumerate(row):
            image.putpixel((x + border, y + border), 0 if dark else 255)
    return image.resize((image.width * scale,) * 2, Image.Resampling.NEAREST)


def rasterised(svg: str) -> Modules:
    """The cells that an SVG's last path fills, cell by cell, within its viewBox.

    Reads what we write and no more: subpaths that are rectangles, M x y h w v 1 H x z.
    """
    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert box is not None
    width, height = int(box[1]), int(box[2])
    path = re.findall(r' d="([^"]*)"', svg)[-1]
    rectangle = re.compile(r"M(\d+) (\d+)h(\d+)v1H(\d+)z")
    assert rectangle.sub("", path) == ""
    cells = [[False] * width for _ in range(height)]
    for x, y, run, back in (map(int, found) for found in rectangle.findall(path)):
        assert back == x
        for column in range(x, x + run):
            assert not cells[y][column]
            cells[y][column] = True
    return tuple(map(tuple, cells))


def blurred(image: Image.Image, radius: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(radius))


def tilted(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def stained(image: Image.Image, *, seed: int, stains: int = 5) -> Image.Image:
    """Dark and light blots, each a twenty-fifth of the picture wide, in places of its own seed.

    They keep off the three corners by which a reader finds the code: error correction does not
    reach there, whatever the mask.
    """
    chance = random.Random(seed)
    spoilt = image.copy()
    blot = image.width // 25
    near, far = image.width * 3 // 10, image.width * 6 // 10
    while stains:
        x, y = chance.randrange(image.width), chance.randrange(image.height)
        if (x < near or x > far) and (y < near or y > far) and not (x > far and y > far):
            continue
        spoilt.paste(chance.choice((0, 255)), (x, y, x + blot, y + blot))
        stains -= 1
    return spoilt


def photographed(image: Image.Image, *, seed: int) -> Image.Image:
    """Grey, noisy, low in contrast: a picture taken in a dim corridor."""
    chance = random.Random(seed)
    grain = bytes(chance.randrange(60) for _ in range(image.width * image.height))
    noise = Image.frombytes("L", image.size, grain)
    dim = image.point(lambda level: 70 + level * 90 // 255)
    return Image.blend(dim, noise, 0.25)
