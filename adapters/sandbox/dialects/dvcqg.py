"""The portal's payment platform as the sandbox plays it.

Written from the same description as our adapter and independent of it: nothing is shared, so a
slip in one shows as a disagreement between the two.
"""

import hashlib
import random
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Operation
from adapters.sandbox.engine.gateway import Engine, ProviderRequest
from adapters.sandbox.engine.linked_files import link_to, linked_file
from adapters.sandbox.engine.reading import read_object, same
from adapters.sandbox.engine.replies import Reply, did_nothing, refusal
from adapters.sandbox.engine.settlement import SettlementSheet
from adapters.sandbox.engine.store import Charge, Merchant, Order, OrderRequest, OtherOrder
from core import json
from core.clock import VIETNAM

_INIT: Final = (
    "LoaiBanTin PhienBan MaDoiTac MaThamChieu SoTien LoaiHinhThanhToan MaKenhThanhToan MaThietBi"
    " NgonNgu MaTienTe MaNganHang ThongTinGiaoDich ThoiGianGD Ip"
)
_CONFIRM: Final = (
    "LoaiBanTin MaLoi MaDoiTac MaThamChieu SoTien MaTienTe MaGiaoDich MaNganHang ThoiGianGD"
    " ThongTinGiaoDich"
)
#: What the platform paid over. [?]: nobody here has seen one.
_SHEETS: Final = (
    SettlementSheet(
        name="dvcqg",
        columns=(
            ("Mã lô", "batch"),
            ("Ngày quyết toán", "day"),
            ("MaThamChieu", "order"),
            ("Mã giao dịch", "number"),
            ("ThoiGianGD", "at"),
            ("SoTien", "amount"),
            ("Phí", "fee"),
            ("Thực chuyển", "net"),
        ),
        day="%d/%m/%Y",
        at="%Y%m%d%H%M%S",
        thousands=".",
        totals="Tổng",
    ),
)

_GET: Final = "LoaiBanTin PhienBan MaDoiTac MaThamChieu ThoiGianGD"


class PortalPlatform:
    """See `engine.gateway.GatewayDialect`."""

    name = "dvcqg"
    calls = frozenset({Operation.CREATE})
    sheets = _SHEETS

    def demo_credentials(self, account_number: str) -> dict[str, str]:
        return {"partner_code": f"DEMO{secrets.token_hex(3)}", "hash_key": secrets.token_hex(16)}

    def account_id(self, credentials: Mapping[str, str]) -> str:
        needed = ("partner_code", "hash_key")
        return {name: credentials[name] for name in needed}["partner_code"]

    def acknowledged(self, status: int | None, answer: str) -> bool:
        """200 and MaLoi 00."""
        return status == 200 and '"MaLoi":"00"' in "".join(answer.split())

    def schedule(self, usual: tuple[float, ...]) -> tuple[float, ...]:
        return usual

    def handle(self, engine: Engine, request: ProviderRequest) -> Reply | Order | None:
        if (request.method, request.path) == ("POST", "init"):
            return _init(engine, request.body)
        if request.method == "POST" and request.path in ("get-receipt", "get-bill"):
            return _link(engine, request.body, with_receipt=request.path == "get-receipt")
        if (request.method, request.path) == ("GET", "file"):
            return linked_file(engine, request.query)
        start, _, token = request.path.rpartition("/")
        return engine.store.pages.get(token) if start == "pay" else None

    def transaction_no(self, now: datetime, rng: random.Random, count: int) -> str:
        return f"DV{now:%y%m%d%H%M%S}{rng.randrange(10**6):06d}{count:04d}"

    def paid(self, merchant: Merchant, order: Order, charge: Charge) -> WebhookMessage | None:
        if charge.held:
            return None
        fields = confirmation(order, charge, "00")
        fields["ThongTinBienLai"] = json.loads(order.details["receipt"].encode())
        return WebhookMessage(merchant.callback_url, confirmed(merchant, fields))

    def failed(self, merchant: Merchant, order: Order, transaction_no: str) -> WebhookMessage:
        tried = Charge(transaction_no, order.amount, order.created_at, None)
        fields = confirmation(order, tried, "24")
        return WebhookMessage(merchant.callback_url, confirmed(merchant, fields))

    def forged(
        self, merchant: Merchant, order_id: str, order: Order | None, charge: Charge
    ) -> WebhookMessage:
        keys = {**merchant.credentials, "hash_key": "not the key"}
        outsider = Merchant(merchant.dialect, merchant.id, keys, merchant.callback_url)
        known = order or Order(
            *(merchant.dialect, merchant.id, order_id, charge.amount, "", "", ""),
            {"dossier": "", "receipt": "{}"},
            *("", "", charge.charged_at),
        )
        fields = confirmation(known, charge, "00")
        return WebhookMessage(merchant.callback_url, confirmed(outsider, fields))

    def return_url(self, merchant: Merchant, order: Order, charge: Charge | None) -> str:
        shown = urlencode(
            {"MaThamChieu": order.order_id, "MaLoi": "24" if charge is None else "00"}
        )
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"


DIALECT: Final = PortalPlatform()


def seal(merchant: Merchant, names: str, fields: Mapping[str, object]) -> str:
    """SHA-256 of the values between bars, the account's secret last."""
    said = {**fields, "MaDoiTac": merchant.id}
    values = [str(said.get(name, "")) for name in names.split()]
    text = "|".join([*values, merchant.credentials["hash_key"]])
    return hashlib.sha256(text.encode()).hexdigest()


def confirmed(merchant: Merchant, fields: Mapping[str, object]) -> bytes:
    """A confirmation with its checksum."""
    return json.dumps({**fields, "MaXacThuc": seal(merchant, _CONFIRM, fields)})


def confirmation(order: Order, charge: Charge, code: str) -> dict[str, Any]:
    """What the platform tells of an order, unsealed."""
    fields = {
        "LoaiBanTin": "CONFIRM",
        "MaLoi": code,
        "MaThamChieu": order.order_id,
        "SoTien": charge.amount,
        "MaTienTe": "VND",
        "MaGiaoDich": charge.transaction_no,
        "MaNganHang": "VCB",
        "ThoiGianGD": charge.charged_at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
        "ThongTinGiaoDich": order.order_info,
        "UrlBienLai": "https://bienlai.example/1.pdf",
    }
    dossier = order.details["dossier"]
    return fields | {"MaHoSo": dossier} if dossier else fields


def question(merchant: Merchant, dossier: str, at: datetime, *, time_first: bool = False) -> bytes:
    """The platform asks what a dossier owes, sealed in one of the two orders."""
    fields = {
        "LoaiBanTin": "GETDOSSIER",
        "PhienBan": "1.0",
        "MaDoiTac": merchant.id,
        "MaHoSo": dossier,
        "ThoiGianGD": at.astimezone(VIETNAM).strftime("%Y%m%d%H%M%S"),
    }
    last = "ThoiGianGD MaHoSo" if time_first else "MaHoSo ThoiGianGD"
    sealed = seal(merchant, f"LoaiBanTin PhienBan MaDoiTac {last}", fields)
    return json.dumps({**fields, "MaXacThuc": sealed})


def _says(code: str, words: str, **more: str) -> bytes:
    return json.dumps({"MaLoi": code, "MoTaLoi": words, **more})


def _link(engine: Engine, body: bytes, *, with_receipt: bool) -> Reply:
    """A link to an order's bill; receipts the platform has of orders in round thousands alone."""
    fields = read_object(body)
    merchant = engine.merchant(DIALECT.name, str(fields.get("MaDoiTac")))
    if merchant is None or not same(fields.get("MaXacThuc"), seal(merchant, _GET, fields)):
        return Reply(200, _says("97", "MaXacThuc"))
    order = engine.store.orders.get((merchant.id, str(fields["MaThamChieu"])))
    if order is None or not order.charges or (with_receipt and order.amount % 1_000):
        return Reply(200, _says("01", "MaThamChieu"))
    link = link_to(engine, DIALECT.name, order.order_id)
    return Reply(200, _says("00", "Thành công", UrlBienLai=link))


def _init(engine: Engine, body: bytes) -> Reply:
    fields = read_object(body)
    merchant = engine.merchant(DIALECT.name, str(fields.get("MaDoiTac")))
    seals = merchant is not None and same(fields.get("MaXacThuc"), seal(merchant, _INIT, fields))
    if not engine.sealed(seals) or merchant is None:
        return Reply(200, _says("97", "MaXacThuc"))
    ref, amount = str(fields["MaThamChieu"]), str(fields["SoTien"])
    engine.store.called(merchant.id, ref)
    receipt: Any = fields.get("ThongTinBienLai")
    told: dict[str, Any] = receipt if isinstance(receipt, dict) else {}
    fees = told.get("PhiLePhi") or told.get("DSKhoanNop") or []
    if (
        len(ref) > 50
        or not amount.isdecimal()
        or sum(int(f["SoTien"]) for f in fees) != int(amount)
    ):
        return Reply(200, _says("03", "MaThamChieu, SoTien, ThongTinBienLai"))
    planned = engine.next_fault(merchant, Operation.CREATE)
    if planned is not None and did_nothing(planned):
        return refusal(planned, _says("51", "Từ chối"), _says("99", "busy"))
    try:
        order = engine.take(
            merchant,
            OrderRequest(
                order_id=ref,
                amount=int(amount),
                order_info=str(fields["ThongTinGiaoDich"]),
                return_url=str(fields.get("UrlTraVe", "")),
                digest=hashlib.sha256(body).hexdigest(),
                details={
                    "dossier": str(told.get("MaHoSo", "")),
                    "receipt": json.dumps(told).decode(),
                },
            ),
        )
    except OtherOrder:
        return Reply(200, _says("94", "MaThamChieu"))
    url = f"{engine.base_url}{order.page}"
    return engine.answer_create(planned, order, _says("00", "Thành công", UrlThanhToan=url))
