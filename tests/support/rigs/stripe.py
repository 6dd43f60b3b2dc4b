"""Stripe's rig: the sandbox as Stripe, and an outsider who forges events."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from core import clock
from payments.ports import NoticeReader, RawCallback
from tests.support.rigs.of_sandbox import SandboxRig


class StripeRig(SandboxRig):
    """See `GatewayRig`. `make` is the adapter class under test, the registered one by default."""

    name = "stripe"
    holds = False
    untouched = frozenset({429})
    secrets: tuple[str, ...] = ("sk_test_41bb", "whsec_90de")

    def __init__(self, make: Callable[..., NoticeReader] | None = None) -> None:
        credentials = {"api_key": self.secrets[0], "webhook_secret": self.secrets[1]}
        super().__init__(credentials, make)

    def signed(
        self, document: object, *, secret: str | None = None, at: int | None = None
    ) -> RawCallback:
        """Any document under Stripe's signature; `at` is the second it claims, now if None."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        at = int(clock.now().timestamp()) if at is None else at
        seal = hmac.new(
            (secret or self.secrets[1]).encode(), f"{at}.".encode() + body, hashlib.sha256
        ).hexdigest()
        headers = {"content-type": "application/json", "stripe-signature": f"t={at},v1={seal}"}
        path = f"/callbacks/{self.name}/thu"
        return RawCallback("POST", path, "", headers, body, clock.now())

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        event: dict[str, Any] = json.loads(genuine.body)
        session: dict[str, Any] = event["data"]["object"]
        header = genuine.headers["stripe-signature"]
        at, seal = header.removeprefix("t=").split(",v1=")
        key = self.secrets[1].encode()

        def like(body: bytes) -> RawCallback:
            return replace(genuine, body=body)

        def headed(text: str) -> RawCallback:
            return replace(genuine, headers={**genuine.headers, "stripe-signature": text})

        def within(**changes: Any) -> dict[str, Any]:
            return {**event, "data": {"object": {**session, **changes}}}

        for name, value in session.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(json.dumps(within(**{name: other})).encode())
        yield "written anew", like(json.dumps(event, indent=1).encode())
        yield "one space more", like(genuine.body + b" ")
        kept = {k: v for k, v in genuine.headers.items() if k != "stripe-signature"}
        yield "no signature", replace(genuine, headers=kept)
        yield "another second", headed(f"t={int(at) + 1},v1={seal}")
        yield "two stamps", headed(f"t={at},t={at},v1={seal}")
        yield "no stamp", headed(f"v1={seal}")
        yield "another scheme", headed(f"t={at},v0={seal}")
        for length in (0, 1, 32, 63):
            yield f"signature cut to {length}", headed(f"t={at},v1={seal[:length]}")
        yield "signature in upper case", headed(f"t={at},v1={seal.upper()}")
        yield "a hundred signatures", headed(f"t={at}" + f",v1={'0' * 64}" * 99 + f",v1={seal}")
        for algorithm in ("md5", "sha1", "sha512"):
            digest = hmac.new(key, f"{at}.".encode() + genuine.body, algorithm).hexdigest()
            yield f"HMAC-{algorithm}", headed(f"t={at},v1={digest}")
        alone = hmac.new(key, genuine.body, hashlib.sha256).hexdigest()
        yield "over the body alone", headed(f"t={at},v1={alone}")
        yield "another key", self.signed(event, secret="whsec_other")
        yield "the API key as key", self.signed(event, secret=self.secrets[0])
        yield "six minutes old", self.signed(event, at=int(at) - 360)
        yield "six minutes ahead", self.signed(event, at=int(at) + 360)
        yield "not a POST", replace(genuine, method="PUT")
        # From here on Stripe's own key signs what the grammar does not allow.
        amount = session["amount_total"]
        for odd in (str(amount), 0, -amount, 10**13 + 1, True, None, amount + 0.5):
            yield f"signed: amount {odd!r}", self.signed(within(amount_total=odd))
        yield "signed: another currency", self.signed(within(currency="usd"))
        yield "signed: no order", self.signed(within(client_reference_id=""))
        yield "signed: paid by nothing", self.signed(within(payment_intent=None))
        yield "signed: nothing about its request", self.signed(within(metadata={}))
        yield "signed: at no time", self.signed({**event, "created": 0})
        yield "signed: no session", self.signed({**event, "data": {}})
        yield "signed: a list", self.signed([event])
        yield "signed: not JSON", self.signed(b"<html>")
        yield "signed: a name twice", self.signed(b'{"id":1,' + genuine.body[1:])


RIG: Final = StripeRig
