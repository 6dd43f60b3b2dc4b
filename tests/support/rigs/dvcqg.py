"""The portal's rig: the sandbox as its platform, and an outsider who forges confirmations."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from adapters.sandbox.dialects import dvcqg
from adapters.sandbox.engine.store import Merchant
from payments.billed import BilledDossier, BilledFee
from payments.ports import NoticeReader, RawCallback, StartRequest
from tests.support.rigs.of_sandbox import SandboxRig


class PortalRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "dvcqg"
    echoes_request_code = False
    holds = False
    statuses_of_refusal: tuple[int, ...] = (200,)
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("hash-key-10ab",)

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        super().__init__({"partner_code": "THU", "hash_key": self.secrets[0]}, make)

    def request(self, amount: int = 150_000) -> StartRequest:
        fees = (BilledFee("1", "Lệ phí", amount),)
        dossier = BilledDossier("HS 1/2026", "don-vi", "Đơn vị", "999999", "1", "TK", fees)
        return replace(super().request(amount), dossier=dossier)

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields: dict[str, Any] = json.loads(genuine.body)
        given = fields["MaXacThuc"]

        def like(**changes: Any) -> RawCallback:
            return replace(genuine, body=json.dumps({**fields, **changes}).encode())

        def sealed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            said = {k: v for k, v in {**fields, **changes}.items() if k != "MaXacThuc"}
            return replace(genuine, body=dvcqg.confirmed(merchant, said))

        unsealed = ("UrlBienLai", "MaHoSo", "ThongTinBienLai")
        for name, value in fields.items():
            if name in unsealed:
                continue
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(**{name: other})
            yield f"{name} a list", like(**{name: [value]})
            less = {k: v for k, v in fields.items() if k != name}
            yield f"{name} missing", replace(genuine, body=json.dumps(less).encode())
        for length in (0, 1, 32, 63):
            yield f"checksum cut to {length}", like(MaXacThuc=given[:length])
        yield "checksum in upper case", like(MaXacThuc=given.upper())
        key = self.secrets[0]
        values = [str({**fields, "MaDoiTac": "THU"}.get(n, "")) for n in _NAMES]
        yield "no key", like(MaXacThuc=hashlib.sha256("|".join(values).encode()).hexdigest())
        first = hashlib.sha256("|".join([key, *values]).encode()).hexdigest()
        yield "the key first", like(MaXacThuc=first)
        keyed = hmac.new(key.encode(), "|".join(values).encode(), hashlib.sha256).hexdigest()
        yield "HMAC", like(MaXacThuc=keyed)
        swapped = [*values[:-2], values[-1], values[-2], key]
        order = hashlib.sha256("|".join(swapped).encode()).hexdigest()
        yield "in the order of an order", like(MaXacThuc=order)
        keys = {**self.credentials, "hash_key": "other"}
        yield "another key", sealed(replace(self.merchant, credentials=keys))
        yield "another partner", sealed(replace(self.merchant, id="KHAC"))
        yield "not a POST", replace(genuine, method="GET")
        yield "not JSON", replace(genuine, body=b"<html>")
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        twice = genuine.body.replace(b"{", b'{"SoTien":1,', 1)
        yield "a name given twice", replace(genuine, body=twice)
        # From here on the platform's own key seals what the grammar does not allow.
        amount = fields["SoTien"]
        for odd in (str(amount), 0, -amount, 10**13 + 1, True, None):
            yield f"sealed: amount {odd!r}", sealed(SoTien=odd)
        yield "sealed: no order", sealed(MaThamChieu="")
        yield "sealed: an order beyond measure", sealed(MaThamChieu="A" * 51)
        yield "sealed: paid without a number", sealed(MaGiaoDich="")
        yield "sealed: on 31 February", sealed(ThoiGianGD="20260231000000")
        yield "sealed: words with a bar", sealed(ThongTinGiaoDich="a|b")
        yield "sealed: another currency", sealed(MaTienTe="USD")
        # What the checksum leaves out, and nobody can read, is money that a person looks at:
        # `tests.integration.test_portal_dossiers`.


RIG: Final = PortalRig

_NAMES: Final = (
    *("LoaiBanTin", "MaLoi", "MaDoiTac", "MaThamChieu", "SoTien", "MaTienTe", "MaGiaoDich"),
    *("MaNganHang", "ThoiGianGD", "ThongTinGiaoDich"),
)
