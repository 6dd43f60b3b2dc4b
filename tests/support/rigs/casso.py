"""Casso's rig: the sandbox's bank writes and signs the notices, an outsider forges them."""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from core import clock
from payments.ports import RawCallback
from tests.support.rigs.of_bank import BankRig

#: What Casso calls what every bank has.
_NAMES: Final = {"bank_ref": "reference", "balance": "runningBalance"}


class CassoRig(BankRig):
    """See `FeedRig`. `make` is the adapter class under test, the registered one by default."""

    name = "casso"

    async def genuine(self) -> list[RawCallback]:
        return [self.notice(), self.notice(reference="", description="Nộp lệ phí 1/2, đủ rồi")]

    def changed(self, document: dict[str, Any], changes: Mapping[str, object]) -> object:
        own = {_NAMES.get(name, name): value for name, value in changes.items()}
        return document | {"data": document["data"] | own}

    def signed(
        self, document: object, *, secret: str | None = None, at: str | None = None
    ) -> RawCallback:
        """Any document under Casso's signature; `at` is the millisecond it claims, now if None."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        at = str(int(clock.now().timestamp() * 1000)) if at is None else at
        key = (secret or self.secrets[0]).encode()
        try:
            text = _anew(json.loads(body))
        except ValueError:
            text = body.decode("latin-1")
        digest = hmac.new(key, f"{at}.{text}".encode(), hashlib.sha512).hexdigest()
        return self.callback(body, {"x-casso-signature": f"t={at},v1={digest}"})

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields: dict[str, Any] = json.loads(genuine.body)
        data = fields["data"]
        signature = genuine.headers["x-casso-signature"]
        at, seal = signature.removeprefix("t=").split(",v1=")
        key = self.secrets[0].encode()

        def like(changed: bytes) -> RawCallback:
            return replace(genuine, body=changed)

        def headed(signature: str) -> RawCallback:
            return replace(genuine, headers={**genuine.headers, "x-casso-signature": signature})

        def signed(**changes: object) -> RawCallback:
            return self.signed({**fields, "data": {**data, **changes}})

        for name, value in data.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield (
                f"{name} changed",
                like(json.dumps({**fields, "data": {**data, name: other}}).encode()),
            )
        yield "error changed", like(json.dumps({**fields, "error": 1}).encode())
        yield "a field added", like(json.dumps({**fields, "note": 1}).encode())
        for size in (0, 1, len(genuine.body) - 1):
            yield f"body cut to {size} bytes", like(genuine.body[:size])
        kept = {k: v for k, v in genuine.headers.items() if k != "x-casso-signature"}
        yield "no signature", replace(genuine, headers=kept)
        yield (
            "the first version's token",
            replace(genuine, headers={**kept, "secure-token": self.secrets[0]}),
        )
        yield "another millisecond", headed(f"t={int(at) + 1},v1={seal}")
        yield "a stamp with a sign", headed(f"t=+{at},v1={seal}")
        yield "under another letter", headed(f"t={at},s={seal}")
        for length in (0, 1, 64, 127):
            yield f"signature cut to {length}", headed(f"t={at},v1={seal[:length]}")
        yield "signature in upper case", headed(f"t={at},v1={seal.upper()}")
        yield "signature with a line end", headed(f"{signature}\n")
        yield "two signatures", headed(f"t={at},v1={'0' * 128},v1={seal}")
        for algorithm in ("md5", "sha1", "sha256", "sha3_512"):
            digest = hmac.new(key, f"{at}.{_anew(fields)}".encode(), algorithm).hexdigest()
            yield f"HMAC-{algorithm}", headed(f"t={at},v1={digest}")
        alone = hmac.new(key, _anew(fields).encode(), hashlib.sha512).hexdigest()
        yield "over the body alone", headed(f"t={at},v1={alone}")
        yield "another key", self.signed(fields, secret="whsec-other")
        yield "not a POST", replace(genuine, method="PUT")
        # From here on the bank's own key signs what the grammar does not allow.
        yield "signed: another account", signed(accountNumber="999")
        for amount in (0, "5000", 5000.5, True, None, 10**13 + 1, -(10**13) - 1):
            yield f"signed: amount {amount!r}", signed(amount=amount)
        for name in ("id", "accountNumber", "description", "amount", "transactionDateTime"):
            less = {k: v for k, v in data.items() if k != name}
            yield f"signed: without {name}", self.signed({**fields, "data": less})
        yield "signed: description beyond measure", signed(description="x" * 1001)
        for when in ("2026-02-31 00:00:00", "2026-11-22T08:00:00", "22/11/2026", "", None):
            yield f"signed: at {when!r}", signed(transactionDateTime=when)
        yield "signed: id negative", signed(id=-12)
        yield "signed: id as text", signed(id="12")
        yield "signed: description with NUL", signed(description="LP\x00ABC")
        yield "signed: an error", self.signed({**fields, "error": 1})
        yield "signed: several", self.signed({**fields, "data": [data, data]})
        yield "signed: no data", self.signed({"error": 0})
        yield "signed: not JSON", self.signed(b"<html>")
        yield "signed: a list", self.signed([fields])
        yield (
            "signed: larger than any notice",
            self.signed(genuine.body[:-1] + b" " * 70_000 + b"}"),
        )


RIG: Final = CassoRig


def _anew(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
