"""How fast a VietQR payload becomes a PNG, beside the qrcode library's own default picture.

The same payloads, a different one for each call; the same error correction (M) and the same
pixels, ten a module and a border of four. The library draws with Pillow. The peer, zxing-cpp, is
C++ with segments and a mask of its own choice; Pillow writes its picture.
"""

import io
from typing import Any

import qrcode
import zxingcpp
from PIL import Image

from adapters.bank_qr.emv import Initiation, VietQr, encode
from bench.measure import rates
from core import qr
from core.references import new_reference

OURS = "core.qr.png"
FLOOR = "qrcode.make(payload).save(file)"
PEER = "zxing-cpp and Pillow"
PAYLOADS = 5000
SCALE = 10
BORDER = 4


def run() -> dict[str, object]:
    """PNGs a second on one core."""
    payloads = [_payload(number) for number in range(PAYLOADS)]
    found = rates(
        {
            OURS: lambda number: qr.png(payloads[number % PAYLOADS], scale=SCALE, border=BORDER),
            FLOOR: lambda number: _library_png(payloads[number % PAYLOADS]),
            PEER: lambda number: _zxing_png(payloads[number % PAYLOADS]),
        }
    )
    return {
        "name": "qr",
        "value": round(found[OURS], 1),
        "unit": "PNG/s",
        "floor": round(found[FLOOR], 1),
        "floor_what": f"{FLOOR}, the library's default",
        "ratio": round(found[OURS] / found[FLOOR], 2),
        "peers": {PEER: round(found[PEER], 1)},
    }


def _payload(number: int) -> str:
    """A bill's payload as the service writes it."""
    reference = new_reference()
    return encode(
        VietQr(
            initiation=Initiation.DYNAMIC,
            bin="970436",
            account="1031933430",
            amount=1000 * (1 + number),
            purpose=reference,
            bill_number=reference,
        )
    )


def _library_png(payload: str) -> bytes:
    with io.BytesIO() as file:
        qrcode.make(payload).save(file)
        return file.getvalue()


def _zxing_png(payload: str) -> bytes:
    barcode = zxingcpp.create_barcode(payload, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    # Its types do not say that the image is a buffer and has a shape.
    image: Any = zxingcpp.write_barcode_to_image(barcode, scale=SCALE)
    height, width = image.shape
    with io.BytesIO() as file:
        Image.frombytes("L", (width, height), bytes(image)).save(file, "PNG")
        return file.getvalue()
