"""ZaloPay's rig: the sandbox as ZaloPay, and an outsider who forges results."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from adapters.sandbox.dialects import zalopay
from adapters.sandbox.engine.store import Merchant
from core import clock
from core.clock import VIETNAM
from payments.ports import NoticeReader, RawCallback
from tests.support.rigs.of_sandbox import SandboxRig


class ZaloPayRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "zalopay"
    echoes_request_code = False
    holds = False
    tells_failures = False
    statuses_of_refusal: tuple[int, ...] = (200,)
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("key1-5d0c11", "key2-a93e42")

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        credentials = {"app_id": "553", "key1": self.secrets[0], "key2": self.secrets[1]}
        super().__init__(credentials, make)

    def order_id(self, order_ref: str) -> str:
        return f"{clock.now().astimezone(VIETNAM):%y%m%d}_{order_ref}"

    def order_ref(self, order_id: str) -> str:
        return order_id[7:]

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        outer: dict[str, Any] = json.loads(genuine.body)
        data, seal = outer["data"], outer["mac"]
        fields: dict[str, Any] = json.loads(data)
        key = self.secrets[1].encode()

        def like(**changes: Any) -> RawCallback:
            return replace(genuine, body=json.dumps({**outer, **changes}).encode())

        def within(**changes: Any) -> RawCallback:
            return like(data=json.dumps({**fields, **changes}))

        def signed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            return replace(genuine, body=zalopay.signed_data(merchant, {**fields, **changes}))

        def signed_text(text: str) -> RawCallback:
            return replace(genuine, body=zalopay.signed_data(self.merchant, text))

        for name, value in fields.items():
            yield (
                f"{name} changed",
                within(**{name: value + 1 if isinstance(value, int) else f"{value}1"}),
            )
        for name in outer:
            less = {k: v for k, v in outer.items() if k != name}
            yield f"{name} missing", replace(genuine, body=json.dumps(less).encode())
            yield f"{name} null", like(**{name: None})
        yield "data written anew", like(data=json.dumps(fields, indent=1))
        yield "data as an object", like(data=fields)
        yield "another type", like(type=2)
        for length in (0, 1, 32, 63):
            yield f"mac cut to {length}", like(mac=seal[:length])
        yield "mac in upper case", like(mac=seal.upper())
        yield "mac with more behind it", like(mac=f"{seal}0")
        for algorithm in ("md5", "sha1", "sha512"):
            digest = hmac.new(key, data.encode(), algorithm).hexdigest()
            yield f"HMAC-{algorithm}", like(mac=digest)
        yield "no key", like(mac=hashlib.sha256(data.encode()).hexdigest())
        yield "the key for requests", signed(self._as(key2=self.secrets[0]))
        yield "another key", signed(self._as(key2="key2-other"))
        yield "not a POST", replace(genuine, method="GET")
        yield "not JSON", replace(genuine, body=b"<html>")
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        twice = genuine.body.replace(b"{", b'{"mac":"0",', 1)
        yield "a name given twice", replace(genuine, body=twice)
        large = genuine.body[:-1] + b" " * 70_000 + b"}"
        yield "larger than any result", replace(genuine, body=large)
        # From here on ZaloPay's own key signs what the grammar does not allow.
        amount = fields["amount"]
        yield "signed: another app", signed(app_id=554)
        for odd in (str(amount), 0, -amount, 10**13 + 1, True, None):
            yield f"signed: amount {odd!r}", signed(amount=odd)
        fraction = data.replace(f'"amount":{amount}', f'"amount":{amount}.0')
        yield "signed: a fraction", signed_text(fraction)
        yield "signed: no order", signed(app_trans_id="")
        yield "signed: an order without its day", signed(app_trans_id="LPA-01")
        yield "signed: no number", signed(zp_trans_id=0)
        yield "signed: a number as text", signed(zp_trans_id="1")
        yield "signed: at no time", signed(server_time=0)
        yield "signed: in the year 9999", signed(server_time=10**15)
        yield "signed: a name twice", signed_text(data.replace("{", '{"amount":1,', 1))
        yield "signed: a list", signed_text(f"[{data}]")
        yield "signed: not JSON", signed_text("<html>")
        yield "signed: half a character", signed_text(data.replace("lephi", "\\ud83d"))

    def _as(self, **keys: str) -> Merchant:
        return replace(self.merchant, credentials={**self.credentials, **keys})


RIG: Final = ZaloPayRig
