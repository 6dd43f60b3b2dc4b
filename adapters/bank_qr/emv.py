"""VietQR: the text inside the QR that any Vietnamese banking app pays.

`encode` writes it, `decode` reads it, and both are strict: a code that one bank refuses and
another reads differently sends a citizen away unpaid. Format: NAPAS "QR Format" 1.5.2, a profile
of EMVCo's merchant-presented mode; VNPAY-QR (template 26) is read too.

A poster's code is static and carries its amount: 01 = 11 and 54 = the fee. NAPAS's own static
samples have no amount, but EMVCo means by 11 that the same code is shown for many payments, and
by 54 that the amount is known beforehand, and both are true of a fixed fee; codes with both are
in use (VNPAY's are). With 12 a poster would claim that its first payment spends it, and an app
that believes it would turn the second citizen away. Codes with 12 and no amount occur too and
are read.

Pure.
"""

import re
import unicodedata
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

from adapters.bank_qr import tlv
from adapters.bank_qr.checks import CHECKSUM, MAX_PAYLOAD, check, check_frame, check_limit, reason
from adapters.bank_qr.fields import (
    FIELDS,
    NAPAS_GUID,
    TEMPLATES,
    Initiation,
    Service,
    field_at,
)
from core.errors import FieldError, Invalid

__all__ = [
    "Initiation",
    "InvalidPayload",
    "Service",
    "VietQr",
    "decode",
    "encode",
    "transliterate",
]

_NAMED = {field.name: field.path for field in FIELDS if field.name is not None}
#: all of a `VietQr` that is text, at once: a code is written for every bill
_TEXTS = [name for name in _NAMED if name != "amount"]
_TEXT_PATHS = [_NAMED[name] for name in _TEXTS]
_texts_of = attrgetter(*_TEXTS)
#: what stands in every code of its kind and so has no place in `VietQr`
_FIXED = {"00": "01", "38.00": NAPAS_GUID}
#: what scanners and copying put around a payload
_SCANNED = " \t\r\n"
#: 54 has room for 13 digits
_MAX_AMOUNT = 10**13 - 1


class InvalidPayload(Invalid):
    """Not a VietQR that every bank would read alike; `reasons` holds every reason.

    Read from a payload, a reason's field is the tag path ("62.08"); on writing it is the field's
    name in `VietQr` ("purpose"). Codes: malformed, empty, missing, duplicate, order, misplaced,
    too_long, charset, form, unknown_value, checksum.
    """

    code = "invalid_qr_payload"

    def __init__(self, reasons: tuple[FieldError, ...]) -> None:
        told = "; ".join(f"{each.field}: {each.detail}" for each in reasons)
        super().__init__(told, errors=reasons)

    @property
    def reasons(self) -> tuple[FieldError, ...]:
        """Every reason, the sequence's own faults first, then by tag path."""
        return self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class VietQr:
    """One payment request, as the payer's bank reads it.

    `amount` is whole đồng, None where the payer types it. `bin` and `account` name the payee in
    NAPAS's template 38; `merchant_guid` and `merchant_id` in template 26. A service absent from a
    payload is `Service.MERCHANT`, as NAPAS has it. `other` keeps what has no name here, as
    (tag path, value) in ascending order. Lengths and characters are checked by `encode`.
    """

    initiation: Initiation
    bin: str | None = None
    account: str | None = None
    service: Service | None = Service.ACCOUNT
    amount: int | None = None
    purpose: str | None = None
    bill_number: str | None = None
    mobile_number: str | None = None
    store_label: str | None = None
    loyalty_number: str | None = None
    reference_label: str | None = None
    customer_label: str | None = None
    terminal_label: str | None = None
    requested_data: str | None = None
    merchant_name: str | None = None
    merchant_city: str | None = None
    postal_code: str | None = None
    mcc: str | None = None
    merchant_guid: str | None = None
    merchant_id: str | None = None
    currency: str = "704"
    country: str = "VN"
    other: tuple[tuple[str, str], ...] = ()

    def facts(self) -> dict[str, object]:
        """All fields under their names, ready for JSON; `initiation` is "static" or "dynamic"."""
        facts: dict[str, object] = {field.name: getattr(self, field.name) for field in fields(self)}
        return facts | {"initiation": self.initiation.name.lower(), "other": dict(self.other)}


def encode(qr: VietQr) -> str:
    """The payload of `qr`, tags ascending, checksum last.

    Raises `InvalidPayload` naming every field that is too long, holds other than printable ASCII
    (see `transliterate`), is missing, or has a value that banks do not know. An amount is 1 to
    9,999,999,999,999: NAPAS gives it 13 digits.
    """
    reasons: list[FieldError] = []
    texts = zip(_TEXT_PATHS, _texts_of(qr), strict=True)
    values = {path: str(text) for path, text in texts if text is not None}
    if qr.amount is not None:
        if type(qr.amount) is int and 1 <= qr.amount <= _MAX_AMOUNT:
            values[_NAMED["amount"]] = str(qr.amount)
        else:
            reasons.append(_bad_amount())
    for path, value in qr.other:
        if _may_be_other(path) and path not in values:
            values[path] = value
        else:
            reasons.append(_bad_other(path))
    payee_stands = any(path.startswith("38.") for path in values)
    values |= _FIXED if payee_stands else {"00": _FIXED["00"]}
    reasons += check(values, reading=False)
    sequences = tlv.write(values)
    for template in TEMPLATES:
        if template in sequences:
            reasons += check_limit(template, sequences[template])
    body = f"{sequences['']}{CHECKSUM}04"
    if not reasons and len(body) + 4 > MAX_PAYLOAD:
        reasons.append(_too_long(len(body) + 4))
    if reasons:
        raise InvalidPayload(
            tuple(replace(each, field=field_at(each.field).name or each.field) for each in reasons)
        )
    return body + tlv.checksum(body)


def decode(payload: str) -> VietQr:
    """Read a payload; raises `InvalidPayload`, and nothing else, with every reason against it.

    Tags may stand in any order between 00 and 63, unknown ones are kept, the checksum may be in
    lower case, a merchant's name and the texts of 62 may be longer than the 25 characters that we
    write, an amount may carry a point and zeros (`5000.00`), and blanks and line ends around the
    payload are the scanner's. Since every
    character before the checksum is under it, a payload with one character changed is refused,
    except where only the case of a checksum's letter changed.
    """
    payload = payload.strip(_SCANNED)
    if len(payload) > MAX_PAYLOAD:
        raise InvalidPayload((_too_long(len(payload)),))
    reasons: list[FieldError] = []
    values: dict[str, str] = {}
    broken: set[str] = set()
    pairs = _walk(payload, "", values, broken, reasons)
    reasons += check_frame(payload, pairs, intact="" not in broken)
    reasons += check(values, reading=True, broken=broken)
    if reasons:
        raise InvalidPayload(tuple(reasons))
    named: dict[str, Any] = {name: values[path] for name, path in _NAMED.items() if path in values}
    named["initiation"] = Initiation(named["initiation"])
    named["service"] = None
    if "38.00" in values:
        named["service"] = Service(values.get("38.02", Service.MERCHANT))
    if "amount" in named:
        named["amount"] = int(named["amount"].partition(".")[0])
    other = sorted((path, value) for path, value in values.items() if _may_be_other(path))
    return VietQr(**named, other=tuple(other))


def transliterate(text: str, *, upper: bool = False) -> str:
    """The text in printable ASCII, as bank memos need it: "Nộp lệ phí" gives "Nop le phi".

    Diacritics are taken off (NFD), đ becomes d, runs of white space one space; whatever is still
    not ASCII is dropped. Never raises; the result may be empty.
    """
    bare = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(" " if c.isspace() else c for c in bare if c.isspace() or "!" <= c <= "~")
    plain = " ".join(kept.split())
    return plain.upper() if upper else plain


def _walk(
    text: str, prefix: str, values: dict[str, str], broken: set[str], reasons: list[FieldError]
) -> list[tuple[str, str]]:
    """Read a sequence and the templates in it; gives its own tags and values in their order.

    Fills `values` with everything but the checksum, and `broken` with the sequences that could
    not be read to their end.
    """
    pairs, fault = tlv.read(text)
    within = f"{prefix}." if prefix else ""
    if fault is not None:
        broken.add(prefix)
        reasons.append(
            reason(
                prefix or "payload",
                "malformed",
                f"ở vị trí {fault.position}: {fault.vietnamese}",
                f"at position {fault.position}: {fault.english}",
            )
        )
    seen: set[str] = set()
    for tag, value in pairs:
        path = within + tag
        if tag in seen:
            reasons.append(
                reason(path, "duplicate", f"thẻ {path} lặp lại", f"tag {path} is repeated")
            )
        elif path in TEMPLATES and value:
            _walk(value, path, values, broken, reasons)
        elif path != CHECKSUM:
            values[path] = value
        seen.add(tag)
    return pairs


def _may_be_other(path: str) -> bool:
    """Whether a value at `path` is one that `VietQr` keeps in `other`."""
    parent, _, tag = path.rpartition(".")
    return (
        re.fullmatch("[0-9]{2}", tag) is not None
        and (not parent or parent in TEMPLATES)
        and path not in TEMPLATES
        and path not in _FIXED
        and path not in _NAMED.values()
        and path != CHECKSUM
    )


def _too_long(length: int) -> FieldError:
    return reason(
        "payload",
        "too_long",
        f"mã dài {length} ký tự, tối đa {MAX_PAYLOAD}",
        f"the payload has {length} characters, at most {MAX_PAYLOAD} are allowed",
    )


def _bad_amount() -> FieldError:
    return reason(
        "54",
        "form",
        f"số tiền phải là số nguyên đồng từ 1 đến {_MAX_AMOUNT}",
        f"the amount must be an integer of đồng from 1 to {_MAX_AMOUNT}",
    )


def _bad_other(path: str) -> FieldError:
    return reason(
        "other",
        "form",
        f"{path!r} không phải là thẻ khác hoặc bị lặp lại",
        f"{path!r} is not a tag of no other name, or is repeated",
    )
