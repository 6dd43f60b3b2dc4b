"""The money's whole world in one process, without waiting: service, gateway, bank, clock.

The real application answers over ASGI, routes and all, on a real database. The gateway's adapter
is the real one with its real client, retries and deadlines; only the socket under it is replaced
by a transport that ends in the sandbox, so that a time-out costs nothing. Callbacks come back
through the application's front door. The clock stands still until it is told to move.

`MoneyWorld` does what people, payers, banks and time do. It remembers what was answered; what
really happened to money is in the sandbox's own books (`sandbox.books`).
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import httpx2
from sqlalchemy import text

from adapters.paygov.gateway import PayGov
from adapters.registry import Directory
from adapters.sandbox.books import BankAccount, Merchant, Movement, Order
from adapters.sandbox.deliveries import Delivery, DeliveryState
from adapters.sandbox.faults import Fault, Operation
from adapters.sandbox.replies import Reply
from adapters.sandbox.state import PayerOutcome, SandboxState, Timing
from app.main import attach, create_app
from app.seed.agency import DEMO_ACCOUNT, DemoBody, configure_gateway, seed_body
from app.seed.catalogue import seed_catalogue
from app.wiring import Parts
from app.worker import run_once
from core import clock, failpoints, json
from core.auth import create_api_key
from core.clock import VIETNAM, FrozenClock
from core.failpoints import FailpointReached
from core.settings import Settings
from payments.ports import Acknowledgement, GatewayAccount, PaymentGateway, RawCallback
from payments.standing import standing_reference
from tests.support.in_process_sandbox import InProcessSandbox

#: A Friday, an hour before the treasury's cut-off.
BEGINNING: Final = datetime(2026, 12, 25, 8, 0, tzinfo=UTC)
#: A poster whose fee costs the same for ever, and one whose fee changes with the year.
POSTERS: Final = ("chung-thuc-chu-ky", "can-cuoc-cap-doi")
SERVICE: Final = "http://127.0.0.1:9"

_MERCHANT: Final = Merchant(
    "PAYGOV-TEST", "access", "secret", "token", "LEPHI", f"{SERVICE}/callbacks/paygov/test"
)
_BANK: Final = BankAccount(DEMO_ACCOUNT, f"{SERVICE}/callbacks/sepay/test", "feed-secret")
_KEPT_TABLES: Final = (
    "agency",
    "alembic_version",
    "api_key",
    "catalogue_stamp",
    "collection_account",
    "fee",
    "gateway_account",
    "procedure",
    "staff_user",
)


def poster_price(fee: str, day: str) -> int:
    """What a poster's fee costs on a Vietnamese day (ISO), read from the law and not from us."""
    if fee == "chung-thuc-chu-ky":
        return 10_000
    return 25_000 if day <= "2026-12-31" else 50_000


class WatchedSandbox(SandboxState):
    """The sandbox, and an eye on what it is asked and which lies it told."""

    def __init__(self, seed: int) -> None:
        super().__init__(base_url="http://127.0.0.1", seed=seed, timing=Timing(schedule=(1, 5, 60)))
        #: orders that were sent again although the gateway had taken them
        self.created_again: list[str] = []
        #: orders that the gateway once said it does not know, although it does
        self.denied: set[str] = set()

    def create(self, body: bytes, authorization: str) -> Reply:
        """As the sandbox's; a create for an order it has taken is noted."""
        document = json.loads(body)
        assert isinstance(document, dict)
        if (document["partnerCode"], document["orderId"]) in self.books.orders:
            self.created_again.append(document["orderId"])
        return super().create(body, authorization)

    def query(self, body: bytes, authorization: str) -> Reply:
        """As the sandbox's; an answer that denies an order is noted."""
        document = json.loads(body)
        assert isinstance(document, dict)
        reply = super().query(body, authorization)
        known = (document["partnerCode"], document["orderId"]) in self.books.orders
        if known and b'"errorCode":"91"' in reply.body:
            self.denied.add(document["orderId"])
        return reply


class _InProcessDirectory(Directory):
    """The registry's directory, whose PayGov calls end in the sandbox."""

    def __init__(self, sandbox: InProcessSandbox) -> None:
        super().__init__()
        self._sandbox = sandbox
        self._paygov: PaymentGateway | None = None

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        if self._paygov is None or self._paygov.account != account:
            self._paygov = PayGov(account, http=self._sandbox.http())
        return self._paygov


@dataclass(frozen=True, slots=True)
class Asked:
    """A POST as it was sent, when its key was first used, and the answer that must stay."""

    path: str
    body: dict[str, Any]
    key: str
    at: datetime
    status: int = 0
    answer: bytes = b""


@dataclass(slots=True)
class Opened:
    """A bill as it was answered, and what was done to it since."""

    id: str
    reference: str
    amount: int
    expires_at: datetime | None
    cancelled: bool = False


class MoneyWorld:
    """See the module. `begin` makes everything new but the seeded body and its catalogue."""

    def __init__(self, settings: Settings, time: FrozenClock) -> None:
        self.time = time
        self._settings = settings
        self._open = contextlib.AsyncExitStack()
        self._api_key = ""
        self.parts: Parts
        self.body: DemoBody
        self.client: httpx2.AsyncClient
        self.sandbox: WatchedSandbox
        self.carrier: InProcessSandbox
        #: reference → fee, of the posters
        self.posters: dict[str, str] = {}
        self._forget()

    def _forget(self) -> None:
        self.bills: list[Opened] = []
        #: answered POSTs, and those that ended without an answer
        self.asked: list[Asked] = []
        self.cut_off: list[Asked] = []
        #: what each bank credit was meant for: movement id → reference, None where nothing fits
        self.meant: dict[int, str | None] = {}
        #: money taken for an order that had ended in our books before
        self.after_the_end: set[str] = set()
        self.problems: list[str] = []
        self._away = False
        self._keys = 0

    async def open(self) -> None:
        """Open the parts and seed the body; once for a test."""
        await self._start_service()
        async with self.parts.database.transaction() as session:
            self.body = await seed_body(session)
            await seed_catalogue(session, local={"ha-noi": self.body.agency_id})
            _, self._api_key = await create_api_key(
                session, agency_id=self.body.agency_id, label="test"
            )
            merchant = {
                name: str(getattr(_MERCHANT, name))
                for name in ("partner_code", "access_key", "secret_key", "token", "service_code")
            }
            feed = {"account_number": DEMO_ACCOUNT, "secret": _BANK.secret}
            for name, credentials in (("paygov", merchant), ("sepay", feed)):
                await configure_gateway(
                    session,
                    self.parts.cipher,
                    agency_id=self.body.agency_id,
                    collection_account_id=self.body.collection_account_id,
                    gateway=name,
                    account="test",
                    base_url=f"http://127.0.0.1/{name}",
                    credentials=credentials,
                )
        rows = await self.read(
            "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        )
        wiped = sorted({row["name"] for row in rows} - set(_KEPT_TABLES))
        self._wipe = f"TRUNCATE {', '.join(wiped)} RESTART IDENTITY"

    async def close(self) -> None:
        """Close everything."""
        await self._open.aclose()

    async def begin(self, seed: int) -> None:
        """An empty world at `BEGINNING`: no bills, no money, a gateway and a bank of their own."""
        self.time.move_to(BEGINNING)
        failpoints.clear()
        self._forget()
        self.sandbox = WatchedSandbox(seed)
        self.sandbox.register(_MERCHANT)
        self.sandbox.bank.open(_BANK)
        self.carrier = InProcessSandbox(self.sandbox, self._receive)
        async with self.parts.database.transaction() as session:
            await session.execute(text(self._wipe))
        async with self.parts.database.transaction() as session:
            self.posters = {
                await standing_reference(session, self.body.agency_id, fee): fee for fee in POSTERS
            }
        self._connect()

    async def restart(self) -> None:
        """The service ends and starts again: nothing is left of it but the database."""
        await self._open.aclose()
        self._open = contextlib.AsyncExitStack()
        await self._start_service()
        self._connect()

    async def _start_service(self) -> None:
        self._app = create_app(self._settings)
        await self._open.enter_async_context(self._app.router.lifespan_context(self._app))
        self.parts = self._app.state.parts
        transport = httpx2.ASGITransport(app=self._app, raise_app_exceptions=False)
        self.client = httpx2.AsyncClient(transport=transport, base_url=SERVICE)
        await self._open.enter_async_context(self.client)

    def _connect(self) -> None:
        payments = replace(self.parts.payments, gateways=_InProcessDirectory(self.carrier))
        self.parts = replace(self.parts, payments=payments)
        attach(self._app, self.parts)

    # What systems and clerks do.

    async def open_bill(
        self, lines: list[dict[str, Any]], expires_in: timedelta | None, crash: str | None = None
    ) -> None:
        """Open a bill; with `crash`, stop at that failpoint."""
        body: dict[str, Any] = {"agency": self.body.agency_code, "lines": lines}
        if expires_in is not None:
            body["expires_at"] = (clock.now() + expires_in).isoformat()
        answer = await self._post("/api/v1/bills", body, crash)
        self._expect(answer, {201}, crash)

    async def start(
        self, bill: Opened, fault: Fault | None = None, crash: str | None = None
    ) -> None:
        """Start an attempt; the gateway misbehaves as told."""
        if fault is not None:
            self.sandbox.faults.script(_MERCHANT.partner_code, Operation.CREATE, fault, count=3)
        path = f"/api/v1/bills/{bill.id}/payments"
        answer = await self._post(path, {"gateway": "paygov"}, crash)
        self.sandbox.faults.clear()
        busy = fault in (Fault.RATE_LIMITED, Fault.UNAVAILABLE)
        self._expect(answer, {503} if busy else {201}, crash, also={409})

    async def replay(self, asked: Asked) -> None:
        """Repeat an answered POST: the same status and body, or a refusal once it is too old."""
        answer = await self._send(asked.path, asked.body, asked.key)
        if clock.now() - asked.at > timedelta(hours=72):
            self._demand(answer.status_code == 409, f"an old key gave {answer.status_code}")
            return
        same = (answer.status_code, answer.content) == (asked.status, asked.answer)
        self._demand(same, f"a repeat of {asked.path} gave another answer: {answer.text}")

    async def replay_other_body(self, asked: Asked) -> None:
        """Use the key of an answered POST for another body: refused, nothing is done."""
        body = asked.body | {"language": "en"} if "lines" in asked.body else {"gateway": "another"}
        answer = await self._send(asked.path, body, asked.key)
        self._demand(answer.status_code in (409, 422), f"a reused key gave {answer.status_code}")

    async def insist(self) -> None:
        """Repeat the oldest POST that ended without an answer."""
        asked = self.cut_off.pop(0)
        answer = await self._send(asked.path, asked.body, asked.key)
        if answer.status_code == 409 and b"idempotency_in_flight" in answer.content:
            self.cut_off.append(asked)
            return
        self._note(asked, answer)
        # The bill may be closed by now, an expiry past, the key too old: said, and nothing done.
        allowed = {201, 409, 422}
        self._demand(answer.status_code in allowed, f"insisting gave {answer.status_code}")

    async def cancel(self, bill: Opened) -> None:
        """Withdraw a bill, if the service lets us."""
        answer = await self.client.post(f"/api/v1/bills/{bill.id}/cancel", headers=self._headers())
        self._demand(answer.status_code in (200, 409), f"cancelling gave {answer.status_code}")
        if answer.status_code == 200:
            bill.cancelled = True

    # What payers do.

    def open_orders(self) -> list[Order]:
        """Orders whose payment page still offers something."""
        return [order for order in self.sandbox.books.orders.values() if order.status == "open"]

    async def pay(self, order: Order, outcome: PayerOutcome) -> None:
        """Press a button on the payment page."""
        rows = await self.read(
            "SELECT 1 FROM payment WHERE order_ref = :ref AND status IN ('failed', 'expired')",
            ref=order.order_id,
        )
        if rows:
            self.after_the_end.add(order.order_id)
        result = self.sandbox.pay(order, outcome)
        await self.carrier.carry(result.first)
        self.sandbox.reveal(order)

    async def transfer(
        self,
        amount: int,
        narrative: str,
        meant: str | None,
        *,
        fault: Fault | None = None,
        copies: int = 1,
        nameless: bool = False,
    ) -> None:
        """Pay into the account; `meant` is the reference that a careful reader finds, if any.

        `copies` are as many transfers that agree in everything; `nameless` leaves out the bank's
        own reference of them.
        """
        for _ in range(copies):
            if fault is not None:
                self.sandbox.faults.script(DEMO_ACCOUNT, Operation.CREDIT, fault)
            movement, _ = self.sandbox.bank.transfer(
                DEMO_ACCOUNT, amount, narrative, reference_code="" if nameless else None
            )
            self.meant[movement.id] = meant

    # What the network does.

    def waiting(self) -> list[Delivery]:
        """Callbacks that are still to come."""
        return [d for d in self.sandbox.deliveries.all if d.state is DeliveryState.WAITING]

    async def deliver_due(self, crash: str | None = None, *, away: bool = False) -> None:
        """Hand over every callback that is due; with `away`, nobody is there to take it."""
        self._away = away
        with _armed(crash):
            await self.carrier.carry_due()
        self._away = False

    async def deliver(self, delivery: Delivery) -> None:
        """Hand over this one now, out of turn."""
        await self.carrier.carry([delivery])

    async def repeat(self, delivery: Delivery) -> None:
        """The same bytes once more."""
        again = self.sandbox.deliveries.repeat(delivery, clock.now())
        if delivery.kind == "forged":
            again.kind = "forged"
        await self.carrier.carry([again])

    async def storm(self, delivery: Delivery, times: int) -> None:
        """The same bytes from many connections at once."""
        await asyncio.gather(*(self.repeat(delivery) for _ in range(times)))

    async def forge(self, order: Order, amount: int) -> None:
        """A callback by somebody without the key."""
        forged = self.sandbox.forge(_MERCHANT, order.order_id, amount)
        await self.carrier.carry([forged])
        statuses = {attempt.status for attempt in forged.attempts}
        self._demand(statuses == {401}, f"a forged callback was answered with {statuses}")

    # What time does, and the worker.

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.time.advance(by)

    def advance_to(self, hour: int) -> None:
        """Let time pass until the next full `hour` in Vietnam (0: midnight)."""
        local = clock.now().astimezone(VIETNAM)
        then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
        self.time.move_to(then if then > local else then + timedelta(days=1))

    async def work(self, crash: str | None = None, lie: Fault | None = None) -> None:
        """Let the worker do everything that is due; the gateway may lie to the first questions."""
        if lie is not None:
            self.sandbox.faults.script(_MERCHANT.partner_code, Operation.QUERY, lie, count=3)
        try:
            with _armed(crash):
                while await run_once(self.parts):
                    pass
        except FailpointReached:
            pass
        self.sandbox.faults.clear()

    # What is in our books.

    async def read(self, statement: str, **parameters: Any) -> list[Mapping[str, Any]]:
        """Rows of the service's own database."""
        async with self.parts.database.transaction() as session:
            rows = await session.execute(text(statement), parameters)
            return [dict(row) for row in rows.mappings()]

    async def get(self, path: str) -> httpx2.Response:
        """GET with the API key."""
        return await self.client.get(path, headers=self._headers())

    def credits(self) -> list[Movement]:
        """Every credit of the bank's books."""
        return [move for move in self.sandbox.books.movements if move.direction == "in"]

    async def _receive(self, callback: RawCallback) -> Acknowledgement:
        if self._away:
            raise ConnectionRefusedError
        answer = await self.client.post(
            callback.path, content=callback.body, headers=dict(callback.headers)
        )
        expected = {200, 401} if not failpoints_armed() else {200, 401, 500}
        self._demand(
            answer.status_code in expected, f"a callback was answered with {answer.status_code}"
        )
        return Acknowledgement(answer.status_code, answer.content)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._api_key}"}

    async def _send(self, path: str, body: Mapping[str, Any], key: str) -> httpx2.Response:
        headers = self._headers() | {"Idempotency-Key": key}
        return await self.client.post(path, json=dict(body), headers=headers)

    async def _post(self, path: str, body: dict[str, Any], crash: str | None) -> httpx2.Response:
        self._keys += 1
        asked = Asked(path, body, f"key-{self._keys}", clock.now())
        with _armed(crash):
            answer = await self._send(path, body, asked.key)
        if answer.status_code == 500:
            self.cut_off.append(asked)
        else:
            self._note(asked, answer)
        return answer

    def _note(self, asked: Asked, answer: httpx2.Response) -> None:
        if answer.status_code != 201:
            return
        said = replace(asked, status=answer.status_code, answer=answer.content)
        self.asked.append(said)
        if asked.path == "/api/v1/bills":
            bill = answer.json()
            expires = bill["expires_at"]
            self.bills.append(
                Opened(
                    bill["id"],
                    bill["reference"],
                    bill["amount"],
                    None if expires is None else datetime.fromisoformat(expires),
                )
            )

    def _expect(
        self,
        answer: httpx2.Response,
        expected: set[int],
        crash: str | None,
        also: frozenset[int] | set[int] = frozenset(),
    ) -> None:
        allowed = {*expected, *also} | ({500} if crash is not None else set())
        self._demand(
            answer.status_code in allowed, f"{answer.url}: {answer.status_code} {answer.text}"
        )

    def _demand(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)


def failpoints_armed() -> bool:
    """Whether a rule has asked for a crash."""
    return _crash_is_armed


_crash_is_armed = False


@contextlib.contextmanager
def _armed(crash: str | None) -> Any:
    """Break off at the failpoint `crash` the first time it is reached, inside the block."""
    global _crash_is_armed
    if crash is not None:
        failpoints.configure(f"{crash}=raise:1")
        _crash_is_armed = True
    try:
        yield
    finally:
        failpoints.clear()
        _crash_is_armed = False


@contextlib.asynccontextmanager
async def world_at(database_url: str, data_dir: Path) -> AsyncIterator[MoneyWorld]:
    """A world over a migrated database of its own."""
    settings = Settings(
        mode="test",
        database_url=database_url,
        data_dir=data_dir,
        base_url=SERVICE,
        log_level="error",
    )
    with clock.frozen(BEGINNING) as time:
        world = MoneyWorld(settings, time)
        await world.open()
        try:
            yield world
        finally:
            await world.close()


Mangling = Literal["plain", "lower", "spaced", "wrapped", "accented"]


def mangled(reference: str, how: Mangling) -> str:
    """A reference as banks carry it; it is still the same reference."""
    match how:
        case "lower":
            return reference.lower()
        case "spaced":
            return f"{reference[:5]} {reference[5:9]} {reference[9:]}"
        case "wrapped":
            return f"MBVCB.123.CT tu 0011 toi {reference}.FT26-nop le phi"
        case "accented":
            return f"nộp phí chứng thực {reference} cảm ơn"
    return reference


def spoilt(reference: str, position: int) -> str:
    """A reference with one wrong character: it is no reference any more."""
    place = 2 + position % (len(reference) - 2)
    wrong = random.Random(position).choice([c for c in "ABCDEFGH23456789" if c != reference[place]])
    return reference[:place] + wrong + reference[place + 1 :]
