"""PayGov's rig: the sandbox as its portal, and an outsider who forges callbacks."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.sandbox.dialects import paygov
from adapters.sandbox.engine.store import Merchant
from payments.ports import NoticeReader, RawCallback
from tests.support.rigs.of_sandbox import SandboxRig


class PayGovRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "paygov"
    secrets: tuple[str, ...] = (
        "access-4f1b9c",
        "secret-83ad02",
        "token-e05a77",
        "exchange-9bb1",
    )

    def __init__(
        self,
        make: Callable[..., NoticeReader] | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        credentials = {
            **(settings or {}),
            "partner_code": "PAYGOV-THU",
            "access_key": self.secrets[0],
            "secret_key": self.secrets[1],
            "token": self.secrets[2],
            "service_code": "service-1d2e",
            "lgsp_access_token": self.secrets[3],
        }
        super().__init__(credentials, make)

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields: dict[str, Any] = json.loads(genuine.body)
        seal = fields["checksum"]

        def like(**changes: Any) -> RawCallback:
            kept = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            return replace(genuine, body=json.dumps(kept).encode())

        def signed(merchant: Merchant = self.merchant, **changes: Any) -> RawCallback:
            kept = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            del kept["checksum"]
            return replace(genuine, body=paygov.callback_body(merchant, kept))

        for name, value in fields.items():
            other = value + 1 if isinstance(value, int) else _one_character_off(value)
            # Within the grammar, so that nothing but the checksum can tell.
            yield f"{name} changed", like(**{name: other})
            yield f"{name} longer", like(**{name: f"{value}1"})
            yield f"{name} missing", like(**{name: None})
            if isinstance(value, str) and value and name != "checksum":
                yield f"{name} emptied", like(**{name: ""})
        yield "a field added", like(note="paid twice")
        yield "amounts swapped for another scale", like(amount=fields["amount"] * 100)
        yield "failure told as success", like(errorCode="00", payGate="X")
        for length in (0, 1, 8, 32, 63):
            yield f"checksum cut to {length}", like(checksum=seal[:length])
        yield "checksum in upper case", like(checksum=seal.upper())
        yield "checksum with more behind it", like(checksum=f"{seal}0")
        yield "checksum with a line end", like(checksum=f"{seal}\n")
        yield (
            "checksum is null",
            replace(genuine, body=json.dumps({**fields, "checksum": None}).encode()),
        )
        yield "checksum is a number", like(checksum=0)
        yield "checksum is a list", like(checksum=[seal])
        message = _netstrings(self.merchant, fields)
        key = self.credentials["secret_key"].encode()
        for algorithm in ("md5", "sha1", "sha512", "sha3_256"):
            yield f"HMAC-{algorithm}", like(checksum=hmac.new(key, message, algorithm).hexdigest())
        yield "a hash without the key", like(checksum=hashlib.sha256(message).hexdigest())
        yield (
            "HMAC with an empty key",
            like(checksum=hmac.new(b"", message, hashlib.sha256).hexdigest()),
        )
        yield "another key", signed(self._as(secret_key="secret-other"))
        yield "another agency's account", signed(replace(self.merchant, id="PAYGOV-KHAC"))
        yield (
            "signed as an answer to a query",
            like(checksum=paygov.seal(self.merchant, "paygov.query.answer", fields)),
        )
        for size in (0, 1, len(genuine.body) // 2, len(genuine.body) - 1):
            yield f"body cut to {size} bytes", replace(genuine, body=genuine.body[:size])
        yield "bytes behind the body", replace(genuine, body=genuine.body + b"{}")
        yield "not UTF-8", replace(genuine, body=genuine.body.replace(b"SANDBOX", b"SANDB\xd0X"))
        yield (
            "a name given twice",
            replace(genuine, body=genuine.body.replace(b"{", b'{"amount":1,', 1)),
        )
        yield "a list around it", replace(genuine, body=b"[" + genuine.body + b"]")
        yield (
            "larger than any callback",
            replace(genuine, body=genuine.body[:-1] + b" " * 70_000 + b"}"),
        )
        yield "not a POST", replace(genuine, method="GET")
        # From here on the gateway's own key signs what the grammar does not allow.
        amount = fields["amount"]
        yield "signed: amount as text", signed(amount=str(amount))
        yield "signed: amount 0", signed(amount=0)
        yield "signed: amount negative", signed(amount=-amount)
        yield "signed: amount beyond measure", signed(amount=10**13 + 1)
        yield "signed: amount missing", signed(amount=None)
        for spelling in (f"{amount}.0", f"{amount}e0", "NaN"):
            body = genuine.body.replace(
                f'"amount":{amount}'.encode(), f'"amount":{spelling}'.encode()
            )
            yield f"signed: amount spelled {spelling}", replace(genuine, body=body)
        yield "signed: orderId with a space", signed(orderId=f"{fields['orderId']} ")
        yield "signed: orderId missing", signed(orderId=None)
        yield "signed: requestCode missing", signed(requestCode=None)
        yield "signed: requestCode negative", signed(requestCode=-1)
        yield "signed: errorCode a number", signed(errorCode=0)
        yield "signed: errorCode missing", signed(errorCode=None)
        yield "signed: paid without a transactionNo", signed(transactionNo="", errorCode="00")
        yield "signed: paid without a payDate", signed(payDate="", errorCode="00")
        yield "signed: payDate on 31 February", signed(payDate="20260231000000")
        yield "signed: payDate in other digits", signed(payDate="２０２６１１２２０８００００")
        yield "signed: orderInfo with a line end", signed(orderInfo="le phi\nok")

    def _as(self, **keys: str) -> Merchant:
        return replace(self.merchant, credentials={**self.credentials, **keys})


RIG: Final = PayGovRig


def _one_character_off(text: str) -> str:
    """The same text with another last digit or letter; a single "1" for an empty one."""
    if not text:
        return "1"
    last = text[-1]
    return text[:-1] + chr(ord(last) - 1 if last in "9zZ" else ord(last) + 1)


def _netstrings(merchant: Merchant, fields: dict[str, Any]) -> bytes:
    """The bytes a callback's checksum covers, for making checksums of other algorithms."""
    words = ["paygov.callback", merchant.id, merchant.credentials["access_key"]]
    for name in sorted(fields):
        if name != "checksum":
            words += [name, str(fields[name])]
    return b"".join(b"%d:%b," % (len(word.encode()), word.encode()) for word in words)
