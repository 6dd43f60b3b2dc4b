"""Somebody who pays whatever happens, and remembers every answer.

A request is repeated with its key until the service answers it, as an agency's system does; only
what was answered with success counts as promised.
"""

import asyncio
import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.seed.agency import DEMO_ACCOUNT
from core.ids import new_id
from tests.crash.harness import POSTER_AMOUNT, CrashSystem
from tests.support.gateway_setups import PAYING

#: How long somebody repeats one request, in seconds.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A creation that was answered: what was asked, under which key, and the answer's bytes."""

    path: str
    key: str
    asked: Any
    answer: bytes


@dataclass(slots=True)
class Payer:
    """Pays bills of one system and keeps what the service promised."""

    system: CrashSystem
    bills: dict[str, Answered] = field(default_factory=dict)
    #: receipt id → number and check code, as first seen on a paid bill
    receipts: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: check code → digest of the PDF that was handed out
    pdfs: dict[str, str] = field(default_factory=dict)
    #: how many credits were sent to the poster's reference
    posters: int = 0
    #: answers that nobody should get, whatever was killed
    wrong: Counter[str] = field(default_factory=Counter)

    async def create_bill(self, quantity: int = 3) -> dict[str, Any]:
        """Open a bill for so many certified pages."""
        lines = [{"fee": "2.000815", "quantity": quantity}]
        asked = {"agency": self.system.ground.agency, "lines": lines}
        key = new_id("test")
        answer = await self.ask("POST", "/api/v1/bills", asked, key)
        bill: dict[str, Any] = answer.json()
        self.bills[bill["id"]] = Answered("/api/v1/bills", key, asked, answer.content)
        return bill

    async def start(self, bill: dict[str, Any]) -> dict[str, Any]:
        """Attempts at the gateway until one has a page to pay on, or the bill is paid by itself."""
        asked = {"gateway": PAYING[0].name}
        while True:
            path = f"/api/v1/bills/{bill['id']}/payments"
            answer = await self.ask("POST", path, asked, new_id("test"))
            attempt: dict[str, Any] = answer.json()
            while attempt["status"] in ("created", "unknown"):
                await asyncio.sleep(0.09)
                answer = await self.ask("GET", f"/api/v1/payments/{attempt['id']}")
                attempt = answer.json()
            if attempt["checkout"] is not None or attempt["status"] == "succeeded":
                return attempt
            # Its way to the payment page was lost with the answer; nobody has paid there.
            asked["instead_of"] = attempt["id"]

    async def pay_at_gateway(self, outcome: str = "success") -> None:
        """A bill from its opening to its PDF, paid on the gateway's page."""
        bill = await self.create_bill()
        await self.press(await self.start(bill), outcome)
        await self.fetch_receipt(bill)

    async def press(self, attempt: dict[str, Any], outcome: str = "success") -> None:
        """Press a button on the gateway's page of an attempt that is not paid yet."""
        if attempt["status"] != "succeeded":
            url = attempt["checkout"]["url"]
            answer = await self.system.client.post(url, data={"outcome": outcome})
            assert answer.status_code in (303, 504), answer.text

    async def pay_by_transfer(self) -> None:
        """A bill from its opening to its PDF, paid by bank transfer."""
        bill = await self.create_bill(quantity=5)
        await self._transfer(bill["amount"], f"CHUYEN TIEN {bill['reference']} CAM ON")
        await self.fetch_receipt(bill)

    async def pay_poster(self) -> None:
        """A transfer to the poster's reference, which opens and settles a bill by itself."""
        await self._transfer(POSTER_AMOUNT, self.system.ground.poster)
        self.posters += 1

    async def fetch_receipt(self, bill: dict[str, Any]) -> None:
        """Wait for the bill's receipt and take its PDF."""
        deadline = time.monotonic() + _PATIENCE
        found: dict[str, Any] = {"receipts": []}
        while not found["receipts"]:
            assert time.monotonic() < deadline, f"no receipt of {bill['id']}: {found}"
            await asyncio.sleep(0.09)
            found = (await self.ask("GET", f"/api/v1/bills/{bill['id']}")).json()
        receipt = found["receipts"][0]
        self.receipts[receipt["id"]] = (receipt["number"], receipt["code"])
        pdf = await self.ask("GET", f"/api/v1/receipts/{receipt['id']}.pdf")
        self.pdfs[receipt["id"]] = hashlib.sha256(pdf.content).hexdigest()

    async def ask(
        self, method: str, path: str, asked: Any = None, key: str | None = None
    ) -> httpx2.Response:
        """Send a request again and again until it is answered; the successful answer."""
        headers = {"Authorization": f"Bearer {self.system.ground.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = await self.system.client.request(method, path, json=asked, headers=headers)
            except httpx2.TransportError as error:
                said = repr(error)
            else:
                if answer.is_success:
                    return answer
                said = f"{answer.status_code} {answer.text}"
                again = answer.status_code == 503 or answer.json().get("retryable")
                if not again:
                    self.wrong[f"{method} {path.split('/')[3]}: {said[:300]}"] += 1
                    assert answer.status_code >= 500, said
            assert time.monotonic() < deadline, f"{method} {path}: {said}"
            await asyncio.sleep(0.09)

    async def _transfer(self, amount: int, narrative: str) -> None:
        body = {"account_number": DEMO_ACCOUNT, "amount": amount, "narrative": narrative}
        url = f"{self.system.sandbox.base_url}/sandbox/credits"
        answer = await self.system.client.post(url, json=body)
        assert answer.status_code == 201, answer.text
