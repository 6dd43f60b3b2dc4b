"""The money's whole world in one process, without waiting: service, gateway, bank, clock.

The real application answers over ASGI, routes and all, on a real database; callbacks come through
its front door; the clock stands still until it is told to move. `MoneyWorld` does what people,
payers, banks, networks and time do. It remembers what was answered; what really happened to money
is in the sandbox's own store (`sandbox.store`).
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from adapters.sandbox.dialects import sepay
from adapters.sandbox.engine.deliveries import DeliveryState, WebhookDelivery
from adapters.sandbox.engine.dialect import WebhookMessage
from adapters.sandbox.engine.faults import Fault, Operation
from adapters.sandbox.engine.state import PayerOutcome
from adapters.sandbox.engine.store import Movement, Order
from app.worker import run_once
from core import clock, failpoints
from core.bank_refs import plain_bank_ref
from core.clock import VIETNAM, FrozenClock
from core.failpoints import FailpointReached
from core.references import find_references
from core.settings import Settings
from payments.agencies.queries import find_collection_account
from payments.bills.locks import lock_bill, lock_bills
from payments.books.allocation import Reason
from payments.books.commands import (
    lock_notices_of,
    lock_stated_money,
    release_stated_money,
    withdraw_stated_money,
)
from payments.books.release import give_to_several
from payments.books.reversal import reverse_item
from payments.books.suspense import lock_item, lock_items_of
from payments.incoming.commands import take_statement_credit
from payments.ports import Acknowledgement, Credit, RawCallback
from receipts.queries import list_proved_bills
from tests.support.in_process_sandbox import InProcessSandbox
from tests.support.money_exports import take_and_reconcile
from tests.support.money_sandbox import POSTERS, WatchedSandbox
from tests.support.money_service import BANK, MERCHANT, SERVICE, MoneyService, crashing
from tests.support.money_stall import stall_of

#: A Friday, an hour before the treasury's cut-off and a week before the year's end.
BEGINNING: Final = datetime(2026, 12, 25, 8, 0, tzinfo=UTC)

_BILLS: Final = "/api/v1/bills"
_KEPT: Final = timedelta(hours=72)


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
    """A bill as it was answered, and whether it was withdrawn since."""

    id: str
    reference: str
    amount: int
    cancelled: bool = False


class MoneyWorld:
    """See the module. `begin` makes everything new but the seeded body and its catalogue."""

    def __init__(self, settings: Settings, time: FrozenClock) -> None:
        self.time = time
        self.service = MoneyService(settings)

    def _forget(self, seed: int) -> None:
        self.sandbox = WatchedSandbox(seed)
        self.sandbox.open(MERCHANT.dialect, MERCHANT.credentials, MERCHANT.callback_url)
        self.sandbox.bank.open(BANK)
        self.sender = InProcessSandbox(self.sandbox, self._receive)
        self.bills: list[Opened] = []
        #: answered POSTs, and those that ended without an answer
        self.asked: list[Asked] = []
        self.cut_off: list[Asked] = []
        #: reference → fee, of the posters
        self.posters: dict[str, str] = {}
        #: what each bank credit was meant for: movement id → reference, several with spaces
        #: between, None where nothing fits
        self.meant: dict[int, str | None] = {}
        #: bank credits told of under the reference of one that we had recorded before
        self.contradicting: set[int] = set()
        #: how much of each credit was reversed because the bank took it back
        self.taken_back: Counter[int] = Counter()
        #: how often a statement that told of a credit was withdrawn
        self.withdrawn: Counter[int] = Counter()
        #: what an export of a day's statement, and what a line by itself has told of
        self.exported: set[int] = set()
        self.read_alone: set[int] = set()
        #: orders that money was taken for after they had ended in our books, or after the gateway
        #: had told their end: the status inquiry does not ask about them any more
        self.after_the_end: set[str] = set()
        #: answers that must not be
        self.problems: list[str] = []
        self._away = False
        self._crashing = False
        self._keys = 0

    async def begin(self, seed: int) -> None:
        """An empty world at `BEGINNING`: no bills, no money, a gateway and a bank of their own."""
        self.time.move_to(BEGINNING)
        failpoints.clear()
        self._forget(seed)
        await self.service.wipe()
        self.posters = {await self.service.poster(fee): fee for fee in POSTERS}
        self.stall = await stall_of(self.service)
        self.service.connect(self.sender)

    # What systems and clerks do.

    async def create_bill(
        self, lines: list[dict[str, Any]], expires_in: timedelta | None, crash: str | None = None
    ) -> None:
        """Open a bill; with `crash`, stop at that failpoint."""
        body: dict[str, Any] = {"agency": self.service.body.agency_code, "lines": lines}
        if expires_in is not None:
            body["expires_at"] = (clock.now() + expires_in).isoformat()
        answer = await self._post(_BILLS, body, crash)
        self._expect(answer, {201} if crash is None else {201, 500})

    async def start(
        self,
        bill: Opened,
        fault: Fault | None = None,
        crash: str | None = None,
        *,
        instead: bool = False,
    ) -> None:
        """Start an attempt; the gateway misbehaves as told. `instead` leaves one that is open."""
        self._lie(MERCHANT.id, Operation.CREATE, fault)
        body = {"gateway": "paygov"}
        open_attempts = await self.service.read(
            "SELECT id, order_ref FROM payment WHERE bill_id = :id"
            " AND status IN ('created', 'submitted', 'unknown') ORDER BY id DESC",
            id=bill.id,
        )
        if instead and open_attempts:
            body["instead_of"] = open_attempts[0]["id"]
        answer = await self._post(f"{_BILLS}/{bill.id}/payments", body, crash)
        self.sandbox.faults.clear()
        expected = {503} if fault in (Fault.RATE_LIMITED, Fault.UNAVAILABLE) else {201}
        self._expect(answer, {*expected, 409} if crash is None else {*expected, 409, 500})

    async def replay(self, asked: Asked) -> None:
        """Repeat an answered POST: the same status and body, or a refusal once it is too old."""
        answer = await self.service.post(asked.path, asked.body, asked.key)
        if clock.now() - asked.at > _KEPT:
            self._expect(answer, {409})
        elif (answer.status_code, answer.content) != (asked.status, asked.answer):
            self.problems.append(f"a repeat of {asked.path} was answered anew: {answer.text}")

    async def replay_other_body(self, asked: Asked) -> None:
        """Use the key of an answered POST for another body: refused, and nothing is done."""
        other = {"language": "en"} if "lines" in asked.body else {"gateway": "another"}
        answer = await self.service.post(asked.path, asked.body | other, asked.key)
        self._expect(answer, {409 if clock.now() - asked.at > _KEPT else 422})

    async def insist(self) -> None:
        """Repeat the oldest POST that ended without an answer, until it has one."""
        asked = self.cut_off.pop(0)
        answer = await self.service.post(asked.path, asked.body, asked.key)
        if answer.status_code == 409 and b"idempotency_in_flight" in answer.content:
            self.cut_off.append(asked)
        # A bill may be closed by now, an expiry past, a key too old: then it is said.
        self._expect(answer, {201, 409, 422})
        self._note(asked, answer)

    async def cancel(self, bill: Opened) -> None:
        """Withdraw a bill, if the service lets us."""
        answer = await self.service.cancel(bill.id)
        self._expect(answer, {200, 409})
        bill.cancelled = bill.cancelled or answer.status_code == 200

    # What payers do.

    def open_orders(self) -> list[Order]:
        """Orders whose payment page still offers something."""
        return [order for order in self.sandbox.store.orders.values() if order.status == "open"]

    async def pay(self, order: Order, outcome: PayerOutcome) -> None:
        """Press a button on the payment page."""
        ended = await self.service.read(
            "SELECT 1 FROM payment WHERE order_ref = :ref AND status IN ('failed', 'expired')",
            ref=order.order_id,
        )
        if ended or outcome is PayerOutcome.SUCCESS_AFTER_FAILURE:
            self.after_the_end.add(order.order_id)
        result = self.sandbox.pay(order, outcome)
        await self.sender.send_now(result.first)
        self.sandbox.reveal(order)

    async def transfer(
        self,
        amount: int,
        narrative: str,
        meant: str | None,
        *,
        fault: Fault | None = None,
        copies: int = 1,
        named: str | None = None,
    ) -> None:
        """Pay into the account; `meant` is the reference that a careful reader finds, if any.

        `copies` are as many transfers that agree in everything but the number of the feed; `named`
        is what the bank gives in place of a reference of its own.
        """
        self._lie(BANK.account_number, Operation.CREDIT, fault)
        for _ in range(copies):
            movement, _ = self.sandbox.bank.transfer(
                BANK.account_number, amount, narrative, reference_code=named
            )
            self.meant[movement.id] = meant
        self.sandbox.faults.clear()

    # What networks do.

    def waiting(self) -> list[WebhookDelivery]:
        """Callbacks that are still to come."""
        return [d for d in self.sandbox.deliveries.all if d.state is DeliveryState.WAITING]

    async def deliver_due(self, crash: str | None = None, *, away: bool = False) -> None:
        """Hand over every callback that is due; with `away`, nobody is there to take it."""
        self._away, self._crashing = away, crash is not None
        with crashing(crash):
            await self.sender.send_due()
        self._away, self._crashing = False, False

    async def deliver(self, delivery: WebhookDelivery) -> None:
        """Hand over this one now, out of turn."""
        await self.sender.send_now([delivery])

    async def repeat(self, delivery: WebhookDelivery, times: int = 1) -> None:
        """The same bytes again, from as many connections at once."""
        copies = [self.sandbox.deliveries.repeat(delivery, clock.now()) for _ in range(times)]
        if delivery.kind == "forged":
            for copy in copies:
                copy.kind = "forged"
        await asyncio.gather(*(self.sender.send_now([copy]) for copy in copies))

    async def forge(self, order: Order, amount: int) -> None:
        """A callback by somebody without the key."""
        forged = self.sandbox.forge(MERCHANT, order.order_id, amount)
        await self.sender.send_now([forged])
        statuses = {attempt.status for attempt in forged.attempts}
        if statuses != {401}:
            self.problems.append(f"a forged callback was answered with {statuses}")

    def old_names(self) -> list[str]:
        """What the bank called credits of earlier days only; some banks begin again each day."""
        todays = {move.reference_code for move in self.todays_credits()}
        return [
            move.reference_code
            for move in self.named_credits()
            if move.reference_code not in todays
        ]

    def todays_credits(self) -> list[Movement]:
        """Named credits of today: a bank's name of money is of its day."""
        today = clock.business_date(clock.now())
        return [
            move for move in self.named_credits() if clock.business_date(move.booked_at) == today
        ]

    def named_credits(self) -> list[Movement]:
        """Credits that the bank has a reference of which tells something."""
        return [move for move in self.credits() if plain_bank_ref(move.reference_code)]

    def credits(self) -> list[Movement]:
        """Every credit of the bank's books."""
        return [move for move in self.sandbox.store.movements if move.direction == "in"]

    async def notify_anew(self, move: Movement, written: str) -> None:
        """The feed tells of a credit again, in a version with its reference `written` otherwise."""
        told = replace(move, reference_code=written.format(move.reference_code))
        if not plain_bank_ref(told.reference_code) and not await self._is_recorded(
            move.reference_code
        ):
            return  # told first without its name, money could not be found by it afterwards
        notice = self.sandbox.deliveries.plan(
            "sepay",
            BANK.account_number,
            str(10**15 + len(self.sandbox.deliveries.all)),
            "anew",
            WebhookMessage(BANK.feed_url, sepay.notice_body(BANK, told)),
            clock.now(),
        )
        await self.sender.send_now([notice])

    async def tell_otherwise(self, move: Movement, by: int) -> None:
        """The bank tells of a credit that we know once more, with more money under its reference.

        It may be a correction or another credit; in the bank's books here both stand.
        """
        if not await self._is_recorded(move.reference_code):
            return
        same = [m.amount for m in self.credits() if m.reference_code == move.reference_code]
        told, _ = self.sandbox.bank.transfer(
            BANK.account_number,
            max(same) + by,
            move.narrative,
            reference_code=move.reference_code,
        )
        self.meant[told.id] = self.meant[move.id]
        self.contradicting.add(told.id)

    def charged_orders(self) -> list[Order]:
        """Orders that the gateway took money for."""
        return [order for order in self.sandbox.store.orders.values() if order.charges]

    async def charge_otherwise(self, order: Order, by: int) -> None:
        """The gateway tells of a charge that we know once more, with more money."""
        if await self._is_recorded(order.charges[0].transaction_no):
            # Asked, it tells of the first charge: nobody finds the second by asking.
            self.after_the_end.add(order.order_id)
            self.sandbox.charge_otherwise(order, by)

    async def _is_recorded(self, ref: str) -> bool:
        query = "SELECT 1 FROM payment WHERE gateway_ref = :ref AND credited IS NOT NULL"
        return bool(await self.service.read(query, ref=ref))

    async def read_on_statement(self, move: Movement) -> None:
        """A statement tells of a credit, whether or not its notice has come."""
        if move.id in self.exported:
            return  # the account's statement has told of it already
        self.read_alone.add(move.id)
        credit = Credit(
            feed_ref=self._line(move),
            bank_ref=move.reference_code,
            account_number=move.account_number,
            amount=move.amount,
            narrative=move.narrative,
            credited_at=move.booked_at,
        )
        parts = self.service.parts
        async with parts.database.transaction() as session:
            account = await find_collection_account(session, move.account_number)
            assert account is not None
            await take_statement_credit(
                session, account, credit, actor="system:statement", cipher=parts.cipher
            )

    async def export_day(self, words: str) -> None:
        """The bank exports today, and the day is reconciled; what an earlier export of today held
        stands there in other `words` ({} is where it names who the money is for)."""
        moves = [
            move
            for move in self.todays_credits()
            if move.id not in self.read_alone and not self.taken_back[move.id]
        ]
        rows = ["line_id,booked_at,amount,direction,reference,narrative,bank_ref"]
        for number, move in enumerate(moves):
            named = " ".join(find_references(move.narrative))
            told = words.format(named) if named and move.id in self.exported else move.narrative
            told = told.replace(",", " ")
            at = move.booked_at.isoformat()
            rows.append(f"{number},{at},{move.amount},credit,,{told},{move.reference_code}")
        if not moves:
            return
        self.exported.update(move.id for move in moves)
        await take_and_reconcile(self.service.parts, moves[0].account_number, "\n".join(rows))
        (kept,) = await self.service.read("SELECT count(*) AS lines FROM statement_line")
        if kept["lines"] != len(self.exported):
            self.problems.append(
                f"{len(self.exported)} credits were exported and {kept['lines']} lines are kept"
            )

    async def release(self) -> None:
        """Two people release what only statements have told of so far."""
        lines = [self._line(move) for move in self.credits()]
        lines += [row["id"] for row in await self.service.read("SELECT id FROM statement_line")]
        parts = self.service.parts
        async with parts.database.transaction() as session:
            await release_stated_money(session, parts.cipher, lines, actor="staff:chief")

    async def split_strays(self) -> None:
        """Two people split what waits because its words name several bills, if all take money."""
        waiting = await self.service.read(
            "SELECT s.id, p.reference FROM suspense_item s JOIN payment p ON p.id = s.payment_id"
            " WHERE s.reason = 'several_references' AND s.closed_at IS NULL"
            " AND s.place = 'suspense' ORDER BY s.id"
        )
        for row in waiting:
            named = [bill.id for bill in self.bills if bill.reference in row["reference"].split()]
            if len(named) < len(row["reference"].split()):
                continue  # a poster among them
            async with self.service.parts.database.transaction() as session:
                bills = await lock_bills(session, named)
                if all(bill.status in ("open", "expired") for bill in bills):
                    item = await lock_item(session, row["id"])
                    await give_to_several(session, item, bills, "staff:chief")

    async def withdraw(self, move: Movement) -> None:
        """Two people withdraw the statement that has told of a credit; the next one is another."""
        if self.taken_back[move.id]:
            return  # told of again, it would be other money than the bank took back
        line = [self._line(move)]
        async with self.service.parts.database.transaction() as session:
            account = await find_collection_account(session, move.account_number)
            assert account is not None
            await lock_notices_of(session, account.id)
            money = await lock_stated_money(session, line)
            settled = {bill_id for one in money for bill_id in one.settled_bills}
            proved = await list_proved_bills(session, settled)
            if any(not one.is_taken_back(proved) and not one.shared for one in money):
                return  # people see to it, and the statement tells of it no more
            await withdraw_stated_money(session, money, line, proved=proved, actor="staff:chief")
        self.withdrawn[move.id] += 1

    def _line(self, move: Movement) -> str:
        """The line of a statement that tells of a credit; a withdrawn one's number is used up."""
        return f"line-{move.id}-{self.withdrawn[move.id]}"

    async def take_back(self, move: Movement) -> None:
        """The bank has taken a credit back, as a statement shows: two people reverse what waits."""
        found = await self.service.read(
            "SELECT p.id AS payment_id, p.bill_id FROM credit_notice n JOIN payment p"
            " ON p.id = n.payment_id WHERE n.notice_ref IN (:feed, :line) LIMIT 1",
            feed=str(move.id),
            line=self._line(move),
        )
        if not found:
            return  # nobody has told of it yet
        payment_id, bill_id = found[0]["payment_id"], found[0]["bill_id"]
        async with self.service.parts.database.transaction() as session:
            if bill_id is not None:
                await lock_bill(session, bill_id)
            for item in await lock_items_of(session, payment_id):
                await reverse_item(session, "staff:chief", item, Reason.RETURNED_BY_BANK)
        reversed_ = await self.service.read(
            "SELECT coalesce(sum(amount), 0)::bigint AS amount FROM suspense_item"
            " WHERE payment_id = :id AND place = 'reversed'",
            id=payment_id,
        )
        self.taken_back[move.id] = reversed_[0]["amount"]

    # What time does, and the worker.

    def advance(self, by: timedelta) -> None:
        """Let time pass; a little of it may come back."""
        self.time.advance(by)

    def advance_to(self, hour: int) -> None:
        """Let time pass until the next full `hour` in Vietnam (0: midnight)."""
        local = clock.now().astimezone(VIETNAM)
        then = local.replace(hour=hour, minute=0, second=0, microsecond=0)
        self.time.move_to(then if then > local else then + timedelta(days=1))

    async def work(self, crash: str | None = None, lie: Fault | None = None) -> None:
        """Let the worker do everything that is due; the gateway may lie to the first questions."""
        self._lie(MERCHANT.id, Operation.QUERY, lie)
        with crashing(crash), contextlib.suppress(FailpointReached):
            while await run_once(self.service.parts):
                pass
        self.sandbox.faults.clear()

    async def restart(self) -> None:
        """The service ends and starts again."""
        await self.service.restart(self.sender)

    def _lie(self, account: str, operation: Operation, fault: Fault | None) -> None:
        if fault is not None:
            self.sandbox.faults.script(account, operation, fault, count=3)

    async def _receive(self, callback: RawCallback) -> Acknowledgement:
        if self._away:
            raise ConnectionRefusedError
        answer = await self.service.call_back(callback.path, callback.body, callback.headers)
        self._expect(answer, {200, 401, 500} if self._crashing else {200, 401})
        return Acknowledgement(answer.status_code, answer.content)

    async def _post(self, path: str, body: dict[str, Any], crash: str | None) -> httpx2.Response:
        self._keys += 1
        asked = Asked(path, body, f"key-{self._keys}", clock.now())
        with crashing(crash):
            answer = await self.service.post(path, body, asked.key)
        if answer.status_code == 500:
            self.cut_off.append(asked)
        self._note(asked, answer)
        return answer

    def _note(self, asked: Asked, answer: httpx2.Response) -> None:
        if answer.status_code != 201:
            return
        self.asked.append(replace(asked, status=201, answer=answer.content))
        if asked.path == _BILLS:
            bill = answer.json()
            self.bills.append(Opened(bill["id"], bill["reference"], bill["amount"]))

    def _expect(self, answer: httpx2.Response, statuses: set[int]) -> None:
        if answer.status_code not in statuses:
            self.problems.append(f"{answer.url}: {answer.status_code} {answer.text}")


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
        await world.service.open()
        try:
            yield world
        finally:
            await world.service.close()
