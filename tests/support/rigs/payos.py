"""payOS's rig: the sandbox as payOS, and an outsider who forges results."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from adapters.sandbox.dialects import payos
from adapters.sandbox.engine.store import Merchant
from payments.ports import NoticeReader, RawCallback, StartRequest
from tests.support.rigs.of_sandbox import SandboxRig


class PayOSRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "payos"
    echoes_request_code = False
    holds = False
    tells_failures = False
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("api-key-91fe", "checksum-77d1")

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        credentials = {
            "client_id": "kenh-thu",
            "api_key": self.secrets[0],
            "checksum_key": self.secrets[1],
        }
        super().__init__(credentials, make)

    def request(self, amount: int = 150_000) -> StartRequest:
        made = super().request(amount)
        return replace(made, order_ref=str(8_007_199_254_740_000 + self._count))

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        outer: dict[str, Any] = json.loads(genuine.body)
        data: dict[str, Any] = outer["data"]
        seal = outer["signature"]
        key = self.secrets[1].encode()

        def like(**changes: Any) -> RawCallback:
            return replace(genuine, body=json.dumps({**outer, **changes}).encode())

        def signed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            return replace(genuine, body=payos.signed_result(merchant, {**data, **changes}))

        for name, value in data.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(data={**data, name: other})
            yield f"{name} a list", like(data={**data, name: [value]})
            less = {k: v for k, v in data.items() if k != name}
            yield f"{name} missing", like(data=less)
        for name in ("data", "signature"):
            less = {k: v for k, v in outer.items() if k != name}
            yield f"no {name}", replace(genuine, body=json.dumps(less).encode())
            yield f"{name} null", like(**{name: None})
        yield "a field added", like(data={**data, "note": "paid"})
        for length in (0, 1, 32, 63):
            yield f"signature cut to {length}", like(signature=seal[:length])
        yield "signature in upper case", like(signature=seal.upper())
        yield "signature with more behind it", like(signature=f"{seal}0")
        text = _text(data)
        for algorithm in ("md5", "sha1", "sha512"):
            digest = hmac.new(key, text.encode(), algorithm).hexdigest()
            yield f"HMAC-{algorithm}", like(signature=digest)
        yield "no key", like(signature=hashlib.sha256(text.encode()).hexdigest())
        yield "the API key as key", signed(self._as(checksum_key=self.secrets[0]))
        yield "another key", signed(self._as(checksum_key="other"))
        yield "an empty data, signed", replace(genuine, body=payos.signed_result(self.merchant, {}))
        yield "not a POST", replace(genuine, method="GET")
        yield "not JSON", replace(genuine, body=b"<html>")
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        twice = genuine.body.replace(b"{", b'{"signature":"0",', 1)
        yield "a name given twice", replace(genuine, body=twice)
        large = genuine.body[:-1] + b" " * 70_000 + b"}"
        yield "larger than any result", replace(genuine, body=large)
        # From here on payOS's own key signs what the grammar does not allow.
        amount = data["amount"]
        for odd in (str(amount), 0, -amount, 10**13 + 1, True, None):
            yield f"signed: amount {odd!r}", signed(amount=odd)
        yield "signed: no order", signed(orderCode=0)
        yield "signed: an order as text", signed(orderCode=str(data["orderCode"]))
        yield "signed: no reference", signed(reference="")
        yield "signed: no account", signed(accountNumber="")
        yield "signed: a failure", signed(code="01")
        yield "signed: another currency", signed(currency="USD")
        yield "signed: a description with a seam", signed(description="x&orderCode=1")
        for when in ("2026-02-31 00:00:00", "22/11/2026", "", None, "2026-11-22"):
            yield f"signed: at {when!r}", signed(transactionDateTime=when)

    def _as(self, **keys: str) -> Merchant:
        return replace(self.merchant, credentials={**self.credentials, **keys})


RIG: Final = PayOSRig


def _text(data: dict[str, Any]) -> str:
    return "&".join(f"{k}={'' if v is None else v}" for k, v in sorted(data.items()))
