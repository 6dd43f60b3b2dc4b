"""SePay's rig: the sandbox's bank writes and signs the notices, an outsider forges them."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from core import clock
from payments.ports import RawCallback
from tests.support.rigs.of_bank import BankRig

#: What SePay calls what every bank has.
_NAMES: Final = {"bank_ref": "referenceCode", "balance": "accumulated"}


class SePayRig(BankRig):
    """See `FeedRig`. `make` is the adapter class under test, the registered one by default."""

    name = "sepay"

    async def genuine(self) -> list[RawCallback]:
        return [self.notice(), self.notice(referenceCode="", content="Nộp lệ phí, đủ rồi")]

    def changed(self, document: dict[str, Any], changes: Mapping[str, object]) -> object:
        return document | {_NAMES.get(name, name): value for name, value in changes.items()}

    def signed(
        self, document: object, *, secret: str | None = None, at: str | None = None
    ) -> RawCallback:
        """Any document under SePay's signature; `at` is the timestamp it claims, now if None."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        at = str(int(clock.now().timestamp())) if at is None else at
        key = (secret or self.secrets[0]).encode()
        digest = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"x-sepay-timestamp": at, "x-sepay-signature": f"sha256={digest}"}
        return self.callback(body, headers)

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        body = genuine.body
        fields: dict[str, Any] = json.loads(body)
        at = genuine.headers["x-sepay-timestamp"]
        signature = genuine.headers["x-sepay-signature"]
        seal = signature.removeprefix("sha256=")
        key = self.secrets[0].encode()

        def like(changed: bytes) -> RawCallback:
            return replace(genuine, body=changed)

        def headed(**headers: str) -> RawCallback:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return replace(genuine, headers={**genuine.headers, **names})

        def without(name: str) -> RawCallback:
            kept = {k: v for k, v in genuine.headers.items() if k != name}
            return replace(genuine, headers=kept)

        for name, value in fields.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(json.dumps({**fields, name: other}).encode())
        yield "one space more", like(body + b" ")
        yield "written anew with the same values", like(json.dumps(fields, indent=1).encode())
        for size in (0, 1, len(body) - 1):
            yield f"body cut to {size} bytes", like(body[:size])
        yield "no signature", without("x-sepay-signature")
        yield "no timestamp", without("x-sepay-timestamp")
        yield "another second", headed(x_sepay_timestamp=str(int(at) + 1))
        yield (
            "timestamp in other digits",
            headed(
                x_sepay_timestamp=at.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
            ),
        )
        yield "timestamp with an underscore", headed(x_sepay_timestamp=f"{at[:3]}_{at[3:]}")
        yield "timestamp with a sign", headed(x_sepay_timestamp=f"+{at}")
        yield "timestamp beyond measure", headed(x_sepay_timestamp="9" * 400)
        yield (
            "another scheme's header",
            replace(genuine, headers={"authorization": f"Apikey {self.secrets[0]}"}),
        )
        for length in (0, 1, 32, 63):
            yield f"signature cut to {length}", headed(x_sepay_signature=f"sha256={seal[:length]}")
        yield "signature without its algorithm", headed(x_sepay_signature=seal)
        yield "signature in upper case", headed(x_sepay_signature=f"sha256={seal.upper()}")
        yield "signature with a line end", headed(x_sepay_signature=f"{signature}\n")
        yield "two signatures", headed(x_sepay_signature=f"sha256={'0' * 64}, {signature}")
        for algorithm in ("md5", "sha1", "sha512"):
            digest = hmac.new(key, f"{at}.".encode() + body, algorithm).hexdigest()
            yield f"HMAC-{algorithm}", headed(x_sepay_signature=f"{algorithm}={digest}")
            yield f"HMAC-{algorithm} as sha256", headed(x_sepay_signature=f"sha256={digest}")
        yield (
            "over the body alone",
            headed(x_sepay_signature=f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"),
        )
        yield "another key", self.signed(body, secret="whsec-other")
        yield "not a POST", replace(genuine, method="PUT")
        # From here on the bank's own key signs what the grammar does not allow.
        yield "signed: another account", self.signed({**fields, "accountNumber": "999"})
        for amount in (0, -5_000, "5000", 5000.0, True, None, 10**13 + 1):
            yield f"signed: amount {amount!r}", self.signed({**fields, "transferAmount": amount})
        for name in ("id", "accountNumber", "content", "transferAmount", "transferType"):
            less = {k: v for k, v in fields.items() if k != name}
            yield f"signed: without {name}", self.signed(less)
        for odd in ("now", "", f" {at}", f"+{at}", f"{at}.0", f"{at[:3]}_{at[3:]}", "９" * 10):
            yield f"signed: timestamp {odd!r}", self.signed(body, at=odd)
        yield "signed: content beyond measure", self.signed({**fields, "content": "x" * 1001})
        yield "signed: neither in nor out", self.signed({**fields, "transferType": "IN"})
        for when in ("2026-02-31 00:00:00", "2026-11-22T08:00:00", "22/11/2026", "", None):
            yield f"signed: at {when!r}", self.signed({**fields, "transactionDate": when})
        yield "signed: id negative", self.signed({**fields, "id": -12})
        yield "signed: id as text", self.signed({**fields, "id": "12"})
        yield "signed: content of another kind", self.signed({**fields, "content": ["LPABC"]})
        yield "signed: content with NUL", self.signed({**fields, "content": "LP\x00ABC"})
        yield "signed: half a character", self.signed({**fields, "content": "LP\ud800"})
        yield "signed: a name twice", self.signed(b'{"id":1,' + body[1:])
        yield "signed: a list", self.signed([fields])
        yield "signed: not JSON", self.signed(b"<html>")
        yield "signed: not UTF-8", self.signed(body.replace(b"LPABC", b"LP\xff"))
        yield "signed: larger than any notice", self.signed(body[:-1] + b" " * 70_000 + b"}")


RIG: Final = SePayRig
