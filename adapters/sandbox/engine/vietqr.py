"""Just enough of VietQR for the fake bank's app: whom to pay, how much, and what to write. Pure.

Written apart from our encoder on purpose, so that a slip there shows when the demo pays. It reads
what a banking app must read (EMVCo tags 38, 54, 59 and 62) and checks the CRC, nothing more.
"""

import binascii
from dataclasses import dataclass
from typing import Final

_NAPAS: Final = "A000000727"


class Unreadable(Exception):
    """The text is not a VietQR payload; the message says why, in Vietnamese, to the payer."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a VietQR asks for. `amount` None leaves it to the payer."""

    bank_bin: str
    account_number: str
    amount: int | None
    purpose: str
    bill_number: str
    holder: str


def read(payload: str) -> Transfer:
    """Read a payload as a banking app does; raises `Unreadable`."""
    text = payload.strip()
    if len(text) < 12 or not text.isascii() or text[-8:-4] != "6304":
        raise Unreadable("Đây không phải là mã VietQR.")
    if f"{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}" != text[-4:].upper():
        raise Unreadable("Mã VietQR đã bị sửa hoặc chép thiếu (sai mã kiểm tra CRC).")
    root = _fields(text[:-8])
    if root.get("00") != "01" or root.get("53") != "704":
        raise Unreadable("Mã QR này không dùng để chuyển tiền đồng Việt Nam.")
    account = _fields(root.get("38", ""))
    if account.get("00") != _NAPAS:
        raise Unreadable("Mã QR này không thuộc mạng chuyển tiền NAPAS 247.")
    beneficiary = _fields(account.get("01", ""))
    if not beneficiary.get("00") or not beneficiary.get("01"):
        raise Unreadable("Mã VietQR không ghi tài khoản nhận.")
    amount = root.get("54", "")
    if amount and not (amount.isdigit() and int(amount) > 0):
        raise Unreadable("Số tiền trong mã VietQR không hợp lệ.")
    more = _fields(root.get("62", ""))
    return Transfer(
        bank_bin=beneficiary["00"],
        account_number=beneficiary["01"],
        amount=int(amount) if amount else None,
        purpose=more.get("08", ""),
        bill_number=more.get("01", ""),
        holder=root.get("59", ""),
    )


def _fields(text: str) -> dict[str, str]:
    """Tag, two digits of length, value, again and again."""
    fields = {}
    while text:
        tag, length, rest = text[:2], text[2:4], text[4:]
        if not tag.isdigit() or not length.isdigit() or len(rest) < int(length):
            raise Unreadable("Mã VietQR bị hỏng, không đọc hết được.")
        fields[tag], text = rest[: int(length)], rest[int(length) :]
    return fields
