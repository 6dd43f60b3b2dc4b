"""MoMo's rig: the sandbox as MoMo, and an outsider who forges results."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from adapters.sandbox.dialects import momo
from adapters.sandbox.engine.store import Merchant
from payments.ports import NoticeReader, RawCallback
from tests.support.rigs.of_sandbox import SandboxRig


class MoMoRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "momo"
    holds = False
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("access-77ab10", "secret-90c3d2")

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        credentials = {
            "partner_code": "MOMOTHU1",
            "access_key": self.secrets[0],
            "secret_key": self.secrets[1],
        }
        super().__init__(credentials, make)

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields: dict[str, Any] = json.loads(genuine.body)
        seal = fields["signature"]
        key = self.secrets[1].encode()

        def like(**changes: Any) -> RawCallback:
            return replace(genuine, body=json.dumps({**fields, **changes}).encode())

        def signed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            said = {k: v for k, v in {**fields, **changes}.items() if k != "signature"}
            return replace(genuine, body=momo.signed_result(merchant, said))

        for name, value in fields.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(**{name: other})
            yield f"{name} a list", like(**{name: [value]})
            yield f"{name} null", like(**{name: None})
            less = {k: v for k, v in fields.items() if k != name}
            yield f"{name} missing", replace(genuine, body=json.dumps(less).encode())
        yield "the failure of another told as success", like(resultCode=0, transId=1)
        for length in (0, 1, 32, 63):
            yield f"signature cut to {length}", like(signature=seal[:length])
        yield "signature in upper case", like(signature=seal.upper())
        yield "signature with more behind it", like(signature=f"{seal}0")
        yield "signature with a line end", like(signature=f"{seal}\n")
        text = _text(self.merchant, fields)
        for algorithm in ("md5", "sha1", "sha512"):
            digest = hmac.new(key, text.encode(), algorithm).hexdigest()
            yield f"HMAC-{algorithm}", like(signature=digest)
        yield "no key", like(signature=hashlib.sha256(text.encode()).hexdigest())
        empty = hmac.new(b"", text.encode(), hashlib.sha256).hexdigest()
        yield "an empty key", like(signature=empty)
        yield "the access key as key", signed(self._as(secret_key=self.secrets[0]))
        yield "another access key", signed(self._as(access_key="access-other"))
        yield "another key", signed(self._as(secret_key="secret-other"))
        yield (
            "an amount moved into the message",
            like(amount=fields["amount"], message=f"x&orderId=y{fields['message']}"),
        )
        yield "not a POST", replace(genuine, method="GET")
        yield "not JSON", replace(genuine, body=b"<html>")
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        twice = genuine.body.replace(b"{", b'{"amount":1,', 1)
        yield "a name given twice", replace(genuine, body=twice)
        large = genuine.body[:-1] + b" " * 70_000 + b"}"
        yield "larger than any result", replace(genuine, body=large)
        # From here on MoMo's own key signs what the grammar does not allow.
        amount = fields["amount"]
        yield "signed: another partner", signed(replace(self.merchant), partnerCode="MOMOKHAC")
        for odd in (str(amount), 0, -amount, 10**13 + 1, True, None):
            yield f"signed: amount {odd!r}", signed(amount=odd)
        spelt = signed().body.replace(
            f'"amount":{amount}'.encode(), f'"amount":{amount}.0'.encode()
        )
        yield "signed: a fraction", replace(genuine, body=spelt)
        yield "signed: no order", signed(orderId="")
        yield "signed: an order beyond measure", signed(orderId="A" * 51)
        yield "signed: an order that ends in a dot", signed(orderId="LPA-01.")
        yield "signed: paid under number 0", signed(transId=0)
        yield "signed: a number as text", signed(transId=str(fields["transId"]))
        yield "signed: a code as text", signed(resultCode="0")
        yield "signed: at no time", signed(responseTime=0)
        yield "signed: in the year 9999", signed(responseTime=10**15)
        yield "signed: a message with a seam", signed(message="x&orderId=LPA-01")
        yield "signed: half a character", replace(genuine, body=_odd(self.merchant, fields))

    def _as(self, **keys: str) -> Merchant:
        return replace(self.merchant, credentials={**self.credentials, **keys})


RIG: Final = MoMoRig

_NAMES: Final = (
    *("accessKey", "amount", "extraData", "message", "orderId", "orderInfo", "orderType"),
    *("partnerCode", "payType", "requestId", "responseTime", "resultCode", "transId"),
)


def _text(merchant: Merchant, fields: dict[str, Any]) -> str:
    said = {**fields, "accessKey": merchant.credentials["access_key"]}
    return "&".join(f"{name}={said[name]}" for name in _NAMES)


def _odd(merchant: Merchant, fields: dict[str, Any]) -> bytes:
    odd = {**fields, "message": "\ud83d"}
    key = merchant.credentials["secret_key"].encode()
    text = _text(merchant, odd).encode("utf-8", "replace")
    odd["signature"] = hmac.new(key, text, hashlib.sha256).hexdigest()
    return json.dumps(odd).encode()
