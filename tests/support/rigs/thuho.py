"""The biller's rig: the sandbox as a bank that collects, and an outsider who forges its calls."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adapters.registry import ADAPTERS
from adapters.sandbox.dialects import thuho
from adapters.sandbox.engine.state import SandboxState
from adapters.sandbox.engine.store import Charge, Merchant
from core import clock
from payments.ports import Acknowledgement, GatewayAccount, NoticeReader, RawCallback

CODE: Final = "LPAAAAAAAAAABF"


class BillerRig:
    """See `AdapterRig`. `make` is the adapter class under test, the registered one by default."""

    statuses_of_refusal: tuple[int, ...] = (401,)
    secrets: tuple[str, ...] = ("key-of-a-bank-0417",)

    def __init__(self, make: Callable[[GatewayAccount], NoticeReader] | None = None) -> None:
        self._make: Callable[[GatewayAccount], Any] = make or ADAPTERS["thuho"]
        credentials = {"partner": "VCB", "secret": self.secrets[0]}
        self.account = GatewayAccount("thuho", "thu", "", credentials)
        self.state = SandboxState(seed=5)
        opened = self.state.open("thuho", credentials, "http://127.0.0.1:1/")
        assert isinstance(opened, Merchant)
        self.merchant = opened
        self._count = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing runs: a bank only calls."""
        yield

    def reader(self) -> Any:
        """An adapter under test."""
        return self._make(self.account)

    async def genuine(self) -> list[RawCallback]:
        return [self.payment(), self.payment(1), self.payment(10**13)]

    def ends_the_calls(self, answer: Acknowledgement) -> bool:
        return thuho.DIALECT.acknowledged(answer.status, answer.body.decode())

    def charge(self, amount: int = 150_000) -> Charge:
        self._count += 1
        number = f"FT{self._count:06d}"
        return Charge(number, amount, clock.now().replace(microsecond=0), None)

    def payment(self, amount: int = 150_000, charge: Charge | None = None) -> RawCallback:
        """A payment that the bank tells of."""
        body = thuho._pay(self.merchant, CODE, charge or self.charge(amount))
        return self.signed(body)

    def reversal(self, charge: Charge | None = None) -> RawCallback:
        """A payment that the bank has given back."""
        body = thuho.reversal(self.merchant, charge or self.charge(), "RV1", clock.now())
        return self.signed(body)

    def inquiry(self, code: str = CODE) -> RawCallback:
        """What a code owes, asked by the bank."""
        return self.signed(thuho.inquiry(self.merchant, code, "R1"))

    def signed(
        self,
        body: bytes,
        merchant: Merchant | None = None,
        at: datetime | None = None,
        call: str | None = None,
    ) -> RawCallback:
        """Any body under the bank's signature, as it comes now."""
        now = clock.now()
        headers = thuho.signature(merchant or self.merchant, body, at or now, call)
        named = {name.lower(): value for name, value in headers.items()}
        return RawCallback("POST", "/callbacks/thuho/thu", "", named, body, now)

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        """Calls that must be refused, each with a word on what is wrong with it."""
        fields: dict[str, Any] = json.loads(genuine.body)

        def like(body: bytes = genuine.body, **headers: str) -> RawCallback:
            names = {f"x-biller-{name}": value for name, value in headers.items()}
            return replace(genuine, body=body, headers={**genuine.headers, **names})

        def signed(**changes: Any) -> RawCallback:
            kept = {k: v for k, v in {**fields, **changes}.items() if v is not None}
            return self.signed(json.dumps(kept).encode())

        given = genuine.headers["x-biller-signature"]
        for name, value in fields.items():
            other = value + 1 if isinstance(value, int) else f"{value}1"
            yield f"{name} changed", like(json.dumps({**fields, name: other}).encode())
            yield f"signed: {name} missing", signed(**{name: None})
            yield f"signed: {name} a list", signed(**{name: [value]})
        yield "one space more", like(genuine.body + b" ")
        yield "another second", like(time=str(int(genuine.headers["x-biller-time"]) + 1))
        for odd in ("", "0x10", "１７００００００００", "-5"):
            yield f"time {odd!r}", like(time=odd)
        for length in (0, 1, 32, 63):
            yield f"signature cut to {length}", like(signature=given[:length])
        yield "signature in upper case", like(signature=given.upper())
        keys = {**self.merchant.credentials, "secret": "another-key-of-a-bank"}
        yield "another key", self.signed(genuine.body, replace(self.merchant, credentials=keys))
        yield "not a POST", replace(genuine, method="GET")
        yield "signed: not JSON", self.signed(b"<html>")
        yield "signed: a list around it", self.signed(b"[" + genuine.body + b"]")
        yield "signed: a field added", signed(note="x")
        yield "signed: another partner", signed(partner="KHAC")
        yield "signed: another call", signed(call="refund")
        if "amount" in fields:
            for amount in (0, -1, "150000", True, 1.5, 10**13 + 1):
                yield f"signed: amount {amount!r}", signed(amount=amount)
            yield "signed: no bank number", signed(bankNumber="")
        for name in ("paidAt", "reversedAt"):
            if name in fields:
                yield f"signed: {name} on 31 February", signed(**{name: "20260231000000"})


RIG: Final = BillerRig
