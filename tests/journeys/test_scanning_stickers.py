"""The collector's camera: a sticker held before it in a real browser, and a browser without eyes.

Debian's Chromium has a camera that can be fed with a film and no `BarcodeDetector`; where a test
wants one, what the page hands to it is read by zxing.
"""

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import qrcode
from PIL import Image
from playwright.async_api import Page, async_playwright

from tests.support import browser as chromium
from tests.support.browser import PHONE
from tests.support.machine import needs
from tests.support.qr_images import texts_in
from tests.support.staff_browser import signed_in_as
from tests.support.stalls import MARKET, stall
from tests.support.system import System

pytestmark = [pytest.mark.timeout(400), pytest.mark.asyncio(loop_scope="module")]

_SIZE: Final = (640, 480)
#: Stands in for the browser's own: it hands the picture of the camera out to be read.
_DETECTOR: Final = """
globalThis.BarcodeDetector = class {
  async detect(view) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [view.videoWidth, view.videoHeight];
    canvas.getContext("2d").drawImage(view, 0, 0);
    const texts = await globalThis.readPicture(canvas.toDataURL("image/png"));
    return texts.map((rawValue) => ({ rawValue }));
  }
};
"""


def film(words: str, at: Path) -> Path:
    """A film of one picture, which shows a QR of these words before a grey wall."""
    code = qrcode.make(words, box_size=8).get_image().convert("L")
    code.thumbnail((440, 440))
    picture = Image.new("L", _SIZE, 200)
    picture.paste(code, ((_SIZE[0] - code.width) // 2, (_SIZE[1] - code.height) // 2))
    colours = bytes([128]) * (_SIZE[0] * _SIZE[1] // 2)
    head = f"YUV4MPEG2 W{_SIZE[0]} H{_SIZE[1]} F10:1 Ip A1:1 C420jpeg\n".encode()
    at.write_bytes(head + b"FRAME\n" + picture.tobytes() + colours)
    return at


async def read_picture(address: str) -> list[str]:
    png = base64.b64decode(address.partition(",")[2])
    return texts_in(Image.open(io.BytesIO(png)).convert("L"))


@asynccontextmanager
async def walk(system: System, words: str, at: Path, *, detector: bool) -> AsyncIterator[Page]:
    """The page of the walk on a phone whose camera sees a sticker."""
    flags = [
        *chromium.FLAGS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",  # without windows nobody can be asked for the camera
        f"--use-file-for-fake-video-capture={film(words, at / 'sticker.y4m')}",
    ]
    async with async_playwright() as playwright, signed_in_as(system, "collector") as who:
        browser = await playwright.chromium.launch(
            executable_path=needs("chromium-headless-shell"), args=flags
        )
        try:
            context = await browser.new_context(viewport=PHONE, locale="vi-VN")
            cookie = {"name": "lephi_staff", "value": who.cookie, "url": system.base_url}
            await context.add_cookies([cookie])  # type: ignore[list-item]
            page = await context.new_page()
            if detector:
                await page.expose_function("readPicture", read_picture)
                await page.add_init_script(_DETECTOR)
            await page.goto(f"{system.base_url}/collect?market={MARKET}", wait_until="load")
            await page.locator("#walk[data-shown]").wait_for()
            yield page
        finally:
            await browser.close()


async def test_a_sticker_before_the_camera_opens_its_stall(
    shared_system: System, tmp_path: Path
) -> None:
    at = await stall(shared_system, "Q-01")
    words = f"{shared_system.base_url}/v/x/{at.reference}"
    async with walk(shared_system, words, tmp_path, detector=True) as page:
        assert await page.locator("#unscanned").is_hidden()
        await page.locator("#scan").click()
        await page.locator("#stall[open]").wait_for()
        assert await page.locator("#stall-name").inner_text() == "Sạp Q-01"
        assert await page.locator("#scanning[open]").count() == 0
        # The camera is let go.
        assert await page.evaluate("document.getElementById('camera').srcObject.active") is False


async def test_another_markets_sticker_is_said_to_be_one(
    shared_system: System, tmp_path: Path
) -> None:
    await stall(shared_system, "Q-02")
    async with walk(shared_system, "LP23456789ABCD", tmp_path, detector=True) as page:
        await page.locator("#scan").click()
        told = page.locator("#scanned", has_text="không có trong danh sách")
        await told.wait_for()
        assert await page.locator("#scanning[open]").count() == 1


async def test_a_browser_that_reads_no_codes_says_so_and_takes_what_is_typed(
    shared_system: System, tmp_path: Path
) -> None:
    at = await stall(shared_system, "Q-03")
    async with walk(shared_system, at.reference, tmp_path, detector=False) as page:
        assert await page.evaluate("'BarcodeDetector' in globalThis") is False
        assert await page.locator("#scan").is_hidden()
        said = await page.locator("#unscanned").inner_text()
        assert "gõ mã sạp" in said
        await page.locator("#find").fill(at.reference)
        await page.locator("#stall[open]").wait_for()
        assert await page.locator("#stall-name").inner_text() == "Sạp Q-03"
