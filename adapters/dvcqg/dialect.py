"""The platform's words: orders and confirmations, and how each is sealed. Pure.

Facts, with how sure they are. There is no public specification: [C] is in the public source of a
one-stop system that talks to the platform, or of another client of it.

* [C] `MaXacThuc` is a plain SHA-256, lower-case hex, of values joined by bars, the account's secret
  last. An order's time comes after its words, a confirmation's before them.
* [C] `SoTien` is text in an order and a JSON integer in a confirmation, in whole đồng. `MaLoi` 00
  is paid; what the others mean is not public: each is a failure.
* [C] `MaThamChieu` has at most 20 characters, at another client 50: the account's `ref_length`.
* [C] What is paid for (`ThongTinBienLai`) is outside the checksum, and so is `MaHoSo`. Where a
  confirmation tells them back they are held against the attempt: money for another dossier, of
  other sums, to another account or by another decision waits for a person, and so does what they
  make unreadable: the money itself is proved. See `billing_block`.
* [C] Bill and receipt are asked for under five values and the secret; the answer has the address of
  a PDF (`UrlBienLai`). [I] `LoaiBanTin` GETBILL and GETRECEIPT.
* A value that holds a bar is refused: cut elsewhere, the same text would say something else.
* [I] The words of `LoaiBanTin`, `PhienBan` and the channel are the account's settings; ours where
  nothing is said are those that clients use. [I] `ThoiGianGD` is in Vietnamese time.
* [?] No client asks the platform what became of an order, or for money back. [?] How an
  acknowledgement is sealed: over MaLoi, MaDoiTac, MaThamChieu and ThoiGianGD, the secret last.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from adapters.dvcqg import billing_block
from adapters.wording import (
    Malformed,
    WrongSeal,
    amount_of,
    as_sent,
    spelled,
    stamp,
    stamped,
    strict,
    without_marks,
    word,
)
from core import json
from core.errors import Invalid
from core.money import check_amount
from core.references import is_reference
from payments.billed import BilledDossier, BilledFee, ToldBilled
from payments.ports import GatewayMisuse, GatewayResult, Outcome, StartRequest

PAID: Final = "00"

_INIT: Final = (
    *("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "SoTien", "LoaiHinhThanhToan"),
    *("MaKenhThanhToan", "MaThietBi", "NgonNgu", "MaTienTe", "MaNganHang", "ThongTinGiaoDich"),
    *("ThoiGianGD", "Ip"),
)
_CONFIRM: Final = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
_ACK: Final = ("MaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD")
_GET: Final = ("LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD")

_UNREADABLE: Final = ToldBilled(unreadable=True)

_REF: Final = re.compile(r"[0-9A-Za-z._-]{1,50}")
_CODE: Final = re.compile(r"[0-9A-Za-z]{1,8}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z._-]{0,64}")
_WORD: Final = re.compile(r"[0-9A-Za-z._-]{0,64}")
_PROSE: Final = re.compile(r"[^\x00-\x1f\x7f|]{0,255}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One account's credentials at the platform; only the partner's code may be shown."""

    partner: str
    hash_key: str = field(repr=False)
    message: str = "PAY"
    version: str = "1.0"
    way: str = "01"
    channel: str = "WEB"
    ref_length: int = 50
    tax_service: int = 3
    #: whether the platform asks what a dossier owes, and pays what it was told
    pulls: bool = False


def seal(credentials: Credentials, names: tuple[str, ...], fields: Mapping[str, str]) -> str:
    """`MaXacThuc` over the values of `names`; one that is missing is nothing."""
    said = {**fields, "MaDoiTac": credentials.partner}
    text = "|".join([*(said.get(name, "") for name in names), credentials.hash_key])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def given_seal(sent: Mapping[str, object]) -> str:
    """The seal that a message bears. Raises `WrongSeal` where that is none."""
    given = sent.get("MaXacThuc")
    if not isinstance(given, str) or re.fullmatch("[0-9a-f]{64}", given) is None:
        raise WrongSeal("MaXacThuc: missing or not 64 hex digits")
    return given


def init_body(credentials: Credentials, request: StartRequest) -> bytes:
    """The call that makes an order, the same bytes for the same request.

    Raises `GatewayMisuse` for what cannot be said in this dialect.
    """
    ref = request.order_ref
    if _REF.fullmatch(ref) is None or len(ref) > credentials.ref_length:
        length = credentials.ref_length
        raise GatewayMisuse(f"dvcqg: order_ref must be 1 to {length} of A-Z a-z 0-9 . _ -")
    try:
        amount = check_amount(request.amount)
    except Invalid:
        raise GatewayMisuse("dvcqg: the amount is not a number of whole đồng") from None
    dossier = request.dossier or _plain_dossier(request)
    if dossier.amount != amount:
        raise GatewayMisuse("dvcqg: the fees do not sum to the amount")
    fields = {
        "LoaiBanTin": credentials.message,
        "PhienBan": credentials.version,
        "MaDoiTac": credentials.partner,
        "MaThamChieu": ref,
        "SoTien": str(amount),
        "LoaiHinhThanhToan": credentials.way,
        "MaKenhThanhToan": credentials.channel,
        "MaThietBi": credentials.channel,
        "NgonNgu": "en" if request.language == "en" else "vi",
        "MaTienTe": "VND",
        "MaNganHang": "",
        "ThongTinGiaoDich": _plain(request.description) or ref,
        "ThoiGianGD": stamp(request.created_at),
        "Ip": request.payer_ip,
    }
    return json.canonical(
        {
            **fields,
            "UrlTraVe": request.return_url,
            "ThongTinBienLai": billing_block.written(dossier, credentials.tax_service),
            "MaXacThuc": seal(credentials, _INIT, fields),
        }
    )


def get_body(credentials: Credentials, message: str, order_ref: str, at: datetime) -> bytes:
    """The question for an order's bill or receipt, as `message` says."""
    fields = {
        "LoaiBanTin": message,
        "PhienBan": credentials.version,
        "MaDoiTac": credentials.partner,
        "MaThamChieu": order_ref,
        "ThoiGianGD": stamp(at),
    }
    return json.canonical({**fields, "MaXacThuc": seal(credentials, _GET, fields)})


def read_confirmation(credentials: Credentials, raw: bytes) -> GatewayResult:
    """A confirmation that the platform posts, verified and read.

    The checksum is checked before any field is looked at. Raises `WrongSeal` for what is not the
    platform's, `Malformed` naming the field, never its value.
    """
    sent = as_sent(raw)
    given = given_seal(sent)
    covered = {name: value for name, value in sent.items() if name in _CONFIRM}
    fits = [
        fields is not None and hmac.compare_digest(given, seal(credentials, _CONFIRM, fields))
        for fields in (spelled(covered, ""), spelled(covered, "null"))
    ]
    if not any(fits):
        raise WrongSeal("MaXacThuc: wrong")
    dossier, told = _told_back(raw, credentials.tax_service)
    document = strict(raw) if told != _UNREADABLE else _covered(sent)
    if document.get("MaDoiTac", credentials.partner) != credentials.partner:
        raise Malformed("MaDoiTac: another account's")
    for name in ("LoaiBanTin", "MaNganHang"):
        word(document, name, _WORD)
    word(document, "ThongTinGiaoDich", _PROSE)
    if word(document, "MaTienTe", _WORD) != "VND":
        raise Malformed("MaTienTe: not VND")
    code = word(document, "MaLoi", _CODE)
    paid_at = stamped("ThoiGianGD", word(document, "ThoiGianGD", re.compile("[0-9]{14}")))
    number = word(document, "MaGiaoDich", _NUMBER)
    amount = amount_of(document, "SoTien")
    outcome = Outcome.SUCCEEDED if code == PAID else Outcome.FAILED
    if outcome is Outcome.SUCCEEDED and not number:
        raise Malformed("MaGiaoDich: missing")
    fees = None if told is None else told.fees
    if outcome is Outcome.SUCCEEDED and fees and sum(fee.amount for fee in fees) != amount:
        outcome = Outcome.HELD  # paid for other sums than were taken: a person looks
    order_ref = word(document, "MaThamChieu", _REF)
    return GatewayResult(
        order_ref=order_ref,
        outcome=outcome,
        gateway_ref=number or None,
        amount=amount,
        paid_at=paid_at,
        gateway_code=code,
        dossier_number=dossier,
        billed=told,
        pulled=credentials.pulls and is_reference(order_ref),
    )


def _told_back(raw: bytes, tax_service: int) -> tuple[str | None, ToldBilled | None]:
    """What stands outside the checksum. It may be anything: whoever passes it on may write there.

    What cannot be read is told as that, so that it settles nothing by itself.
    """
    try:
        return billing_block.read(strict(raw), tax_service)
    except Malformed:
        return None, _UNREADABLE


def _covered(sent: Mapping[str, object]) -> dict[str, object]:
    """What the checksum covers, as strictly read as ever. Raises `Malformed`."""
    try:
        return strict(json.canonical({name: sent[name] for name in _CONFIRM if name in sent}))
    except ValueError:
        raise Malformed("half a character in a signed field") from None


def acknowledgement(
    credentials: Credentials, code: str, message: str, raw: bytes, at: datetime
) -> bytes:
    """What is answered to a confirmation, sealed."""
    try:
        ref = as_sent(raw).get("MaThamChieu")
    except WrongSeal:
        ref = ""
    fields = {
        "MaLoi": code,
        "MaDoiTac": credentials.partner,
        "MaThamChieu": ref if isinstance(ref, str) and _REF.fullmatch(ref) else "",
        "ThoiGianGD": stamp(at),
    }
    return json.canonical(
        {**fields, "MoTaLoi": message, "MaXacThuc": seal(credentials, _ACK, fields)}
    )


def _plain_dossier(request: StartRequest) -> BilledDossier:
    """For an attempt of which nobody says what it is for."""
    fee = BilledFee("", request.description, request.amount)
    return BilledDossier("", "", "", "", "", "", (fee,))


def _plain(text: str) -> str:
    kept = (c if c.isascii() and c.isprintable() and c != "|" else " " for c in without_marks(text))
    return " ".join("".join(kept).split())[:255].rstrip()
