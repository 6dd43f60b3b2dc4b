"""What poppler sees in a PDF: its text, the box of each word, its fonts, its pages as images."""

import re
import subprocess
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

from PIL import Image

from tests.support.machine import needs

_PAGE = "{http://www.w3.org/1999/xhtml}page"
_WORD = "{http://www.w3.org/1999/xhtml}word"


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its box in points, from the top left corner of its page (counted from 0)."""

    text: str
    page: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """The height of its line box: a font's size times a constant of the font."""
        return self.bottom - self.top


def _run(program: str, *arguments: str, pdf: bytes) -> bytes:
    folder = Path(needs("poppler-utils")).parent
    done = subprocess.run(
        [str(folder / program), *arguments], input=pdf, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


def text_of(pdf: bytes) -> str:
    """The text as it stands on the page, runs of spaces made one and empty lines left out."""
    written = _run("pdftotext", "-layout", "-", "-", pdf=pdf).decode()
    lines = (re.sub(r" +", " ", line.strip(" \f")) for line in written.splitlines())
    return "".join(f"{line}\n" for line in lines if line)


def words_of(pdf: bytes) -> list[Word]:
    """Every word with its box."""
    written = _run("pdftotext", "-bbox", "-", "-", pdf=pdf)
    root = ET.fromstring(written)  # noqa: S314 - our own document, drawn a moment ago
    words = []
    for number, page in enumerate(root.iter(_PAGE)):
        for word in page.iter(_WORD):
            box = [float(word.attrib[side]) for side in ("xMin", "yMin", "xMax", "yMax")]
            words.append(Word(word.text or "", number, *box))
    return words


def fonts_of(pdf: bytes) -> list[tuple[str, bool, bool]]:
    """Each font: its name without the subset prefix, whether embedded, whether it maps to text."""
    folder = Path(needs("poppler-utils")).parent
    done = subprocess.run(
        [str(folder / "pdffonts"), "-"], input=pdf, capture_output=True, check=True, timeout=60
    )
    fonts = []
    for row in done.stdout.decode().splitlines()[2:]:
        embedded, _, unicode = row.split()[-5:-2]
        fonts.append((row.split()[0].split("+")[-1], embedded == "yes", unicode == "yes"))
    return fonts


def image_of(pdf: bytes, *, dpi: int = 150) -> Image.Image:
    """The first page as a printer or a screen shows it."""
    written = _run("pdftoppm", "-png", "-r", str(dpi), "-f", "1", "-l", "1", "-", pdf=pdf)
    return Image.open(BytesIO(written))
