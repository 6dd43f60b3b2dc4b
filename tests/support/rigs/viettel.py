"""Viettel's rig: the sandbox as Viettel, the payer's browser, and an outsider who forges."""

import base64
import hmac
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, urlencode

import httpx2

from adapters.http import trusting_tls
from adapters.sandbox.dialects import viettel
from adapters.sandbox.engine.store import Merchant
from core import clock
from payments.ports import AcceptedAttempt, NoticeReader, RawCallback
from tests.support.rigs.contract import ODD
from tests.support.rigs.of_sandbox import SandboxRig

_SEALED: Final = (
    *("billcode", "cust_msisdn", "error_code", "merchant_code", "order_id"),
    *("payment_status", "trans_amount", "vt_transaction_id"),
)


class ViettelRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "viettel"
    calls_at_start = False
    echoes_request_code = False
    holds = False
    statuses_of_refusal: tuple[int, ...] = (200,)
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("access-5b1c90", "key-7c21f0d4")

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        access, key = self.secrets
        keys = {"merchant_code": "LEPHI1", "access_code": access, "hash_key": key}
        super().__init__(keys, make)

    async def visit(self, started: AcceptedAttempt) -> None:
        """The payer's browser opens the page; whatever it says, the payer reads it."""
        assert started.url is not None
        async with httpx2.AsyncClient(verify=trusting_tls(), trust_env=False) as browser:
            await browser.get(started.url)

    def odd_notice(self, odd: str, marker: str) -> RawCallback:
        fields = {
            "billcode": "LPABCDEFGHJK23-01-6000VND",
            "cust_msisdn": "84912345678",
            "error_code": "00",
            "merchant_code": "LEPHI1",
            "order_id": "LPABCDEFGHJK23-01",
            "payment_status": "1",
            "trans_amount": "6000",
            "vt_transaction_id": f"1{marker}",
        }
        where = {"a fraction": "trans_amount", "an oversized reference": "vt_transaction_id"}
        fields[where.get(odd, "cust_msisdn")] = ODD[odd]
        written = {name: value.encode("utf-8", "surrogatepass") for name, value in fields.items()}
        text = self.secrets[0].encode() + b"".join(written[name] for name in _SEALED)
        seal = base64.b64encode(hmac.digest(self.secrets[1].encode(), text, "sha1"))
        body = urlencode({**written, "check_sum": seal}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return RawCallback("POST", f"/callbacks/{self.name}/thu", "", headers, body, clock.now())

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields = dict(parse_qsl(genuine.body.decode(), keep_blank_values=True))
        seal = fields.pop("check_sum")
        text = self.secrets[0] + "".join(fields[name] for name in _SEALED)
        key = self.secrets[1].encode()

        def like(given: str = seal, **changes: str) -> RawCallback:
            body = urlencode({**fields, **changes, "check_sum": given})
            return replace(genuine, body=body.encode())

        def signed(merchant: Merchant = self.merchant, **changes: str) -> RawCallback:
            body = viettel.sealed_result(merchant, {**fields, **changes})
            return replace(genuine, body=body)

        def cut(first: str, second: str, by: int) -> RawCallback:
            """The same sealed text, with a border between two of its fields moved."""
            at = len(fields[first]) + by
            both = fields[first] + fields[second]
            return like(**{first: both[:at], second: both[at:]})

        for name, value in fields.items():
            yield f"{name} changed", like(**{name: f"{value}1"})
            yield f"{name} empty", like(**{name: ""})
            less = {k: v for k, v in fields.items() if k != name}
            body = urlencode({**less, "check_sum": seal}).encode()
            yield f"{name} missing", replace(genuine, body=body)
            again = f"&{urlencode({name: value})}".encode()
            yield f"{name} twice", replace(genuine, body=genuine.body + again)
        for first, second in itertools.pairwise(_SEALED):
            for by in (-2, -1, 1, 2):
                yield f"border of {first} and {second} moved by {by}", cut(first, second, by)
        for what, given in (
            ("none", ""),
            ("cut", seal[:-2]),
            ("longer", f"{seal}="),
            ("in hex", base64.b64decode(seal).hex()),
            ("with a line end", f"{seal}\n"),
            ("of an empty key", base64.b64encode(hmac.digest(b"", text.encode(), "sha1")).decode()),
            ("SHA-256", base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()),
            (
                "without the access code",
                base64.b64encode(
                    hmac.digest(key, text.removeprefix(self.secrets[0]).encode(), "sha1")
                ).decode(),
            ),
        ):
            yield f"checksum: {what}", like(given)
        other = {**self.credentials, "hash_key": "key-of-another"}
        yield "another key", signed(replace(self.merchant, credentials=other))
        other = {**self.credentials, "access_code": "access-of-another"}
        yield "another access code", signed(replace(self.merchant, credentials=other))
        yield "not a POST", replace(genuine, method="GET", query=genuine.body.decode(), body=b"")
        yield "JSON", replace(genuine, body=b'{"error_code":"00"}')
        yield "nothing", replace(genuine, body=b"")
        yield (
            "not UTF-8",
            replace(genuine, body=genuine.body.replace(b"billcode=", b"billcode=%ff")),
        )
        yield "too many fields", replace(genuine, body=genuine.body + b"&x=1" * 60)
        # From here on Viettel's own key seals what the grammar does not allow.
        yield "signed: another merchant", signed(merchant_code="LEPHI2")
        order, amount = fields["order_id"], fields["trans_amount"]
        yield "signed: another order's bill code", signed(billcode=f"{order}0-{amount}VND")
        yield "signed: a bill code without an amount", signed(billcode=order)
        for odd in ("0", "-1", f"{amount}.0", "1e3", "１５００", "9" * 14, f" {amount}", ""):
            yield f"signed: amount {odd!r}", signed(trans_amount=odd)
        yield "signed: no order", signed(order_id="", billcode=f"-{amount}VND")
        yield "signed: paid without a number", signed(vt_transaction_id="")
        yield "signed: a number that begins with 0", signed(vt_transaction_id="0123")
        yield "signed: a status of its own", signed(payment_status="4")
        yield "signed: a code of its own", signed(error_code="PAYMENT")


RIG: Final = ViettelRig
