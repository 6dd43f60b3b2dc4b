"""Portals, payers and a bank that go on whatever happens, and record what they saw.

Each repeats what it asked until it knows what became of it, under the same key, as the public
contract tells callers to. The bank signs its notices by SePay's published scheme.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import httpx2

from tests.histories.record import Call, History

#: How long a caller waits for an answer; the judge allows less.
PATIENCE_SECONDS: Final = 20.0
#: How long a caller goes on before it gives up; the judge allows less.
_STUBBORN_SECONDS: Final = 400.0
#: Between two tries, and between two looks at a bill, in seconds: at first.
_PAUSE: Final = 0.2
_VIETNAM: Final = timezone(timedelta(hours=7))
_OUTCOMES: Final = ("success", "success", "duplicate_callback", "late_callback", "lost_callback")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service is and what opens it; `bank` is the bank's account and secret with it."""

    base_url: str
    api_key: str
    office_key: str
    agency: str
    gateway: str
    bank: tuple[str, str]
    feed_path: str


class GaveUp(Exception):
    """Nobody got a definite answer, for so long that nobody would go on."""


class Citizens:
    """All of them, over one history; they rest `longest_pause` seconds at most between tries."""

    def __init__(
        self, place: Place, history: History, seed: int, longest_pause: float = 2.0
    ) -> None:
        self.place = place
        self.history = history
        self._rng = random.Random(seed)
        self._longest_pause = longest_pause
        self._references = 0

    async def live(self, many: int, enough: Callable[[], bool]) -> None:
        """So many of them at once, one bill after the other, until it is `enough`."""
        limits = httpx2.Limits(max_connections=many * 2)
        async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS, limits=limits) as client:

            async def one() -> None:
                while not enough():
                    flow = self._rng.choice(
                        (*([self._at_the_gateway] * 3), *([self._by_transfer] * 4), self._stray)
                    )
                    with contextlib.suppress(GaveUp):  # the judge has its call
                        await flow(client)

            async with asyncio.TaskGroup() as group:
                for _ in range(many):
                    group.create_task(one())

    async def look(self) -> None:
        """The last look: every bill, and all money that waits."""
        async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            for kind, path, key in (
                ("final_bills", "/api/v1/bills", self.place.api_key),
                ("final_waiting", "/api/v1/suspense", self.place.office_key),
            ):
                cursor = None
                while True:
                    query = "?limit=100" + (f"&cursor={cursor}" if cursor else "")
                    page = await self._until_definite(
                        client, kind, kind, {"cursor": cursor}, "GET", path + query, key
                    )
                    cursor = page.document["next_cursor"]
                    if cursor is None:
                        break

    async def _at_the_gateway(self, client: httpx2.AsyncClient) -> None:
        bill = await self._create(client)
        attempt = await self._start(client, bill)
        checkout = attempt["checkout"]
        if checkout is not None:
            outcome = self._rng.choice(_OUTCOMES)
            asked = {"bill": bill["id"], "amount": bill["amount"], "outcome": outcome}
            await self._ask(
                client,
                *("charge", f"charge-{attempt['id']}", asked, "POST", checkout["url"]),
                form={"outcome": outcome},
            )
        await self._until_paid(client, bill)

    async def _by_transfer(self, client: httpx2.AsyncClient) -> None:
        """Pay by transfer: at once, in two halves, or twice; some are told of more than once."""
        bill = await self._create(client)
        owed = bill["amount"]
        parts = self._rng.choice(((owed,), (owed,), (owed - 1000, 1000), (owed, owed)))
        for part in parts:
            words = f"CHUYEN TIEN {bill['reference']} CAM ON"
            await self._tell(client, bill["id"], part, words, self._rng.choice((1, 1, 2)))
        await self._until_paid(client, bill)

    async def _stray(self, client: httpx2.AsyncClient) -> None:
        """Money that names no bill."""
        amount = self._rng.randrange(1_000, 900_000)
        await self._tell(client, None, amount, "UNG HO", self._rng.choice((1, 2)))

    async def _create(self, client: httpx2.AsyncClient) -> dict[str, Any]:
        deed = f"create-{uuid.uuid4().hex}"
        quantity = self._rng.randrange(3, 40)
        lines = [{"fee": "2.000815", "quantity": quantity}]
        body = {"agency": self.place.agency, "lines": lines}
        return (
            await self._until_definite(
                client, "create", deed, {}, "POST", "/api/v1/bills", self.place.api_key, body
            )
        ).document

    async def _start(self, client: httpx2.AsyncClient, bill: dict[str, Any]) -> dict[str, Any]:
        """Attempts until one has a page to pay on, or an outcome without it."""
        asked = {"gateway": self.place.gateway}
        while True:
            path = f"/api/v1/bills/{bill['id']}/payments"
            deed = f"start-{uuid.uuid4().hex}"
            about = {"bill": bill["id"]}
            key = self.place.api_key
            attempt = (
                await self._until_definite(client, "start", deed, about, "POST", path, key, asked)
            ).document
            pause = _PAUSE
            while attempt.get("status") in ("created", "unknown"):
                pause = await self._rest(pause)
                attempt = await self._read(client, "payment", attempt["id"])
            if attempt["checkout"] is not None or attempt["status"] == "succeeded":
                return attempt
            # The way to its page was lost with the answer, and nobody has paid there.
            asked["instead_of"] = attempt["id"]

    async def _until_paid(self, client: httpx2.AsyncClient, bill: dict[str, Any]) -> None:
        """Look at the bill until it has its receipt, and then once more at what it was asked."""
        deadline = time.monotonic() + _STUBBORN_SECONDS
        pause = _PAUSE
        while not (await self._read(client, "bill", bill["id"]))["receipts"]:
            if time.monotonic() > deadline:
                return  # the judge will say so
            pause = await self._rest(pause)

    async def _read(self, client: httpx2.AsyncClient, what: str, number: str) -> dict[str, Any]:
        path = f"/api/v1/{what}s/{number}"
        deed = f"read-{number}"
        key = self.place.api_key
        return (
            await self._until_definite(
                client, f"read_{what}", deed, {what: number}, "GET", path, key
            )
        ).document

    async def _tell(
        self,
        client: httpx2.AsyncClient,
        bill: str | None,
        amount: int,
        narrative: str,
        times: int,
    ) -> None:
        """Tell of one credit until it is acknowledged, and then again so many times in all."""
        account, secret = self.place.bank
        self._references += 1
        number = time.time_ns() // 1000 * 1000 + self._references % 1000
        ref = f"FT{number}"
        notice = {
            "id": number,
            "gateway": "Ngân hàng Thử",
            "transactionDate": datetime.now(_VIETNAM).strftime("%Y-%m-%d %H:%M:%S"),
            "accountNumber": account,
            "subAccount": None,
            "code": None,
            "content": narrative,
            "transferType": "in",
            "transferAmount": amount,
            "accumulated": amount,
            "referenceCode": ref,
            "description": f"BankAPINotify {narrative}",
        }
        content = json.dumps(notice, ensure_ascii=False).encode()
        asked = {"bill": bill, "amount": amount, "ref": ref}
        deadline = time.monotonic() + _STUBBORN_SECONDS
        heard, pause = 0, _PAUSE
        while heard < times:
            stamp = str(int(datetime.now(UTC).timestamp()))
            mac = hmac.new(secret.encode(), stamp.encode() + b"." + content, hashlib.sha256)
            headers = {
                "Content-Type": "application/json",
                "X-SePay-Timestamp": stamp,
                "X-SePay-Signature": f"sha256={mac.hexdigest()}",
            }
            url = f"{self.place.base_url}{self.place.feed_path}"
            told = await self._ask(
                client, "credit", f"credit-{ref}", asked, "POST", url, headers, content=content
            )
            heard += told.succeeded
            if not told.succeeded:
                self._check(deadline, told)
                pause = await self._rest(pause)

    async def _until_definite(
        self,
        client: httpx2.AsyncClient,
        kind: str,
        deed: str,
        asked: dict[str, Any],
        method: str,
        path: str,
        key: str,
        body: dict[str, Any] | None = None,
    ) -> Call:
        """Ask until it is done, each creation once more now and then; the first answer."""
        headers = {"Authorization": f"Bearer {key}"}
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers |= {"Content-Type": "application/json", "Idempotency-Key": deed}
        url = f"{self.place.base_url}{path}"
        deadline = time.monotonic() + _STUBBORN_SECONDS
        pause = _PAUSE
        while True:
            call = await self._ask(client, kind, deed, asked, method, url, headers, content=content)
            if call.succeeded:
                break
            self._check(deadline, call)
            pause = await self._rest(pause)
        if body is not None and self._rng.randrange(5) == 0:
            await self._ask(client, kind, deed, asked, method, url, headers, content=content)
        return call

    async def _rest(self, pause: float) -> float:
        """Wait, so that nobody hammers; how long to wait the next time."""
        await asyncio.sleep(pause)
        return min(pause * 1.5, self._longest_pause)

    @staticmethod
    def _check(deadline: float, call: Call) -> None:
        """Raise `GaveUp` where nobody would ask again."""
        if call.definite or time.monotonic() > deadline:
            raise GaveUp(f"{call.kind} {call.deed}: {call.status} {call.body[:500]}")

    async def _ask(
        self,
        client: httpx2.AsyncClient,
        kind: str,
        deed: str,
        asked: dict[str, Any],
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> Call:
        """One call, recorded."""
        number = self.history.invoke(kind, deed, asked)
        try:
            answer = await client.request(method, url, headers=headers, content=content, data=form)
        except httpx2.TransportError:
            self.history.answer(number, None)
            return Call(number, kind, deed, asked, 0.0, 0.0)
        body = "" if kind == "charge" else answer.text
        self.history.answer(number, answer.status_code, body)
        return Call(number, kind, deed, asked, 0.0, 0.0, answer.status_code, body)
