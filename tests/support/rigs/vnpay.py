"""VNPay's rig: the sandbox as VNPay, the payer's browser, and an outsider who forges results."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import httpx2

from adapters.http import trusting_tls
from payments.ports import AcceptedAttempt, NoticeReader, RawCallback
from tests.support.rigs.of_sandbox import SandboxRig

_TMN: Final = "LEPHI001"


class VNPayRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "vnpay"
    calls_at_start = False
    echoes_request_code = False
    finds_refunds = False
    statuses_of_refusal: tuple[int, ...] = (200,)
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("HASH5A07E1SECRET",)

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        keys = {"tmn_code": _TMN, "hash_secret": self.secrets[0], "refund": "yes"}
        super().__init__(keys, make)

    async def visit(self, started: AcceptedAttempt) -> None:
        """The payer's browser opens the page; whatever it says, the payer reads it."""
        assert started.url is not None
        async with httpx2.AsyncClient(verify=trusting_tls(), trust_env=False) as browser:
            await browser.get(started.url)

    def signed(self, fields: dict[str, str], *, secret: str | None = None) -> str:
        """Any parameters under VNPay's hash, written independently of the sandbox."""
        kept = {name: value for name, value in fields.items() if value}
        text = urlencode(sorted(kept.items()), quote_via=quote_plus)
        key = (secret if secret is not None else self.secrets[0]).encode()
        return f"{text}&vnp_SecureHash={hmac.new(key, text.encode(), hashlib.sha512).hexdigest()}"

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        fields = dict(parse_qsl(genuine.query))
        seal = fields.pop("vnp_SecureHash")
        text = genuine.query.partition("&vnp_SecureHash=")[0]
        key = self.secrets[0].encode()

        def like(query: str) -> RawCallback:
            return replace(genuine, query=query)

        def with_seal(given: str, text: str = text) -> RawCallback:
            return like(f"{text}&vnp_SecureHash={quote(given)}")

        def signed(**changes: str) -> RawCallback:
            return like(self.signed({**fields, **{f"vnp_{k}": v for k, v in changes.items()}}))

        for name, value in fields.items():
            for what, other in (("changed", _one_off(value)), ("longer", f"{value}1")):
                changed = urlencode(sorted({**fields, name: other}.items()))
                yield f"{name} {what}", with_seal(seal, changed)
            less = {k: v for k, v in fields.items() if k != name}
            yield f"{name} missing", with_seal(seal, urlencode(sorted(less.items())))
            yield f"{name} twice", like(f"{text}&{name}={quote_plus(value)}&vnp_SecureHash={seal}")
            yield f"{name} twice, first", like(f"{name}=1&{text}&vnp_SecureHash={seal}")
        yield "a signed parameter added", like(f"{text}&vnp_Note=paid&vnp_SecureHash={seal}")
        yield (
            "the success of another scale",
            with_seal(seal, text.replace("vnp_Amount=15000000", "vnp_Amount=150000")),
        )
        for length in (0, 1, 32, 64, 127):
            yield f"hash cut to {length}", with_seal(seal[:length])
        yield "no hash", like(text)
        yield "hash in upper case", with_seal(seal.upper())
        yield "hash with more behind it", with_seal(f"{seal}0")
        yield "hash with a line end", with_seal(f"{seal}\n")
        yield "two hashes", like(f"{genuine.query}&vnp_SecureHash={'0' * 128}")
        for algorithm in ("md5", "sha1", "sha256", "sha3_512"):
            digest = hmac.new(key, text.encode(), algorithm).hexdigest()
            yield f"HMAC-{algorithm}", with_seal(digest)
        yield "a hash without the key", with_seal(hashlib.sha512(text.encode()).hexdigest())
        old = hashlib.sha512(key + text.encode()).hexdigest()
        yield "the key in front, as in version 2.0", with_seal(old)
        bars = "|".join(fields[name] for name in sorted(fields))
        yield (
            "signed as an answer to a question",
            with_seal(hmac.new(key, bars.encode(), hashlib.sha512).hexdigest()),
        )
        yield "HMAC with an empty key", like(self.signed(fields, secret=""))
        yield "another key", like(self.signed(fields, secret="HASHOTHER"))
        yield "a POST", replace(genuine, method="POST")
        yield "as a form", replace(genuine, method="POST", query="", body=genuine.query.encode())
        yield "nothing", like("")
        yield "larger than any result", like(f"{genuine.query}&x={'1' * 9_000}")
        yield "not ASCII", like(genuine.query.replace("vnp_BankCode=NCB", "vnp_BankCode=NĐB"))
        # From here on VNPay's own key signs what the grammar does not allow.
        yield "signed: another terminal", signed(TmnCode="LEPHI002")
        yield "signed: no terminal", signed(TmnCode="")
        amount = fields["vnp_Amount"]
        for odd in (
            "0",
            "-100",
            "",
            f"{amount}.0",
            f"{amount}e2",
            "15000050",
            "9" * 16,
            "１５００",
        ):
            yield f"signed: amount {odd!r}", signed(Amount=odd)
        yield "signed: no order", signed(TxnRef="")
        yield "signed: an order with a space", signed(TxnRef=f"{fields['vnp_TxnRef']} ")
        yield "signed: an order beyond measure", signed(TxnRef="A" * 101)
        yield "signed: paid without a number", signed(TransactionNo="")
        yield "signed: paid under number 0", signed(TransactionNo="0")
        yield "signed: a number of letters", signed(TransactionNo="14x")
        yield "signed: no response code", signed(ResponseCode="")
        yield "signed: no status", signed(TransactionStatus="")
        yield "signed: a status with a quote", signed(TransactionStatus="00'")
        yield "signed: on 31 February", signed(PayDate="20260231000000")
        yield "signed: at a time of another form", signed(PayDate="2026-11-22")
        latin = genuine.query.replace("vnp_BankCode=NCB", "vnp_BankCode=N%D0B")
        pairs = sorted(p for p in latin.split("&") if not p.startswith("vnp_SecureHash"))
        joined = "&".join(pairs)
        digest = hmac.new(key, joined.encode(), hashlib.sha512).hexdigest()
        yield "signed: not UTF-8", like(f"{joined}&vnp_SecureHash={digest}")


RIG: Final = VNPayRig


def _one_off(text: str) -> str:
    last = text[-1]
    return text[:-1] + chr(ord(last) - 1 if last in "9zZ" else ord(last) + 1)
