"""The sandbox's bank: accounts whose movements are told to us in a feed's dialect."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.sandbox.engine.deliveries import Deliveries, WebhookDelivery
from adapters.sandbox.engine.dialect import FeedDialect, WebhookMessage
from adapters.sandbox.engine.faults import Fault, FaultPlan, Operation
from adapters.sandbox.engine.gateway import StraightDialect
from adapters.sandbox.engine.store import BankAccount, Charge, Movement, Order, Store
from core.clock import VIETNAM


class UnknownAccount(Exception):
    """No such account at this bank."""


class Bank:
    """Accounts, transfers and their notices; plain logic like the rest of the state."""

    def __init__(
        self,
        store: Store,
        deliveries: Deliveries,
        faults: FaultPlan,
        rng: random.Random,
        now: Callable[[], datetime],
        late: float,
        dialects: Mapping[str, FeedDialect],
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._faults = faults
        self._rng = rng
        self._now = now
        self._late = timedelta(seconds=late)
        self._dialects = dialects
        self._last_id = 0

    def open(self, account: BankAccount) -> None:
        """Open (or replace) an account in its dialect; every dialect opened tells of it."""
        self._store.accounts.setdefault(account.account_number, account)
        first = self._store.accounts[account.account_number]
        if first.dialect == account.dialect:
            self._store.accounts[account.account_number] = account
        self._store.feeds[account.account_number, account.dialect] = account

    def find(self, number: str) -> BankAccount | None:
        """The account of that number, or of that virtual account."""
        own = self._store.accounts.get(number)
        under = (
            account
            for account in self._store.accounts.values()
            if account.virtual_prefix and number.startswith(account.virtual_prefix)
        )
        return own or next(under, None)

    def transfer(
        self,
        account_number: str,
        amount: int,
        narrative: str,
        *,
        direction: str = "in",
        reference_code: str | None = None,
    ) -> tuple[Movement, WebhookDelivery]:
        """Move money in (or "out") and plan its notices; the one told first is given back.

        `account_number` may be a virtual account's. `reference_code` "" is a bank that gives none.
        Raises `UnknownAccount`, ValueError for an amount below 1.
        """
        account = self.find(account_number)
        if account is None:
            raise UnknownAccount(account_number)
        sent_to, account_number = account_number, account.account_number
        if amount < 1:
            raise ValueError("an amount is at least 1 đồng")
        now = self._now()
        movement = self._book(
            Movement(
                id=self._next_id(now),
                account_number=account_number,
                direction=direction,
                amount=amount,
                narrative=narrative,
                reference_code=self._reference(now) if reference_code is None else reference_code,
                booked_at=now.replace(microsecond=0),
                balance=0,
                virtual_account="" if sent_to == account_number else sent_to,
            )
        )
        told = self._tell(account, movement, now)
        for (number, dialect), feed in self._store.feeds.items():
            if number == account_number and dialect != account.dialect:
                self._tell(feed, movement, now)
        return movement, told

    def credited(self, dialect: object, order: Order, charge: Charge) -> None:
        """Book what came straight to an account through a gateway; of all others nothing.

        It stands in the account's statement. Its feeds are told nothing: what a gateway keeps to
        itself can then be watched.
        """
        if isinstance(dialect, StraightDialect) and not charge.held:
            self._book(
                Movement(
                    *(self._next_id(charge.charged_at), dialect.credited(order), "in"),
                    *(charge.amount, order.order_info, charge.transaction_no),
                    charge.charged_at.replace(microsecond=0),
                    balance=0,
                )
            )

    def headers_for(self, delivery: WebhookDelivery) -> dict[str, str]:
        """Signature headers for a notice sent now; a forged one is signed by another key.

        None for what is not a notice of this bank.
        """
        dialect = self._dialects.get(delivery.dialect)
        if dialect is None:
            return {}
        secret = self._store.feeds[delivery.account, delivery.dialect].secret
        if delivery.kind == "forged":
            secret = f"not {secret}"
        return dialect.headers(secret, delivery.body, self._now())

    def _tell(self, account: BankAccount, movement: Movement, now: datetime) -> WebhookDelivery:
        planned = self._faults.next(account.account_number, Operation.CREDIT)
        fault = planned.fault if planned is not None else None
        body = self._dialects[account.dialect].notice(account, movement)

        def plan(kind: str, due_at: datetime, *, lost: bool = False) -> WebhookDelivery:
            return self._deliveries.plan(
                account.dialect,
                account.account_number,
                str(movement.id),
                kind,
                WebhookMessage(account.feed_url, body),
                due_at,
                lost=lost,
            )

        if fault is Fault.FORGED_CALLBACK:
            plan("forged", now)
        if fault is Fault.DUPLICATE_CALLBACK:
            plan("duplicate", now)
        due_at = now + self._late if fault is Fault.LATE_CALLBACK else now
        return plan("genuine", due_at, lost=fault is Fault.LOST_CALLBACK)

    def _book(self, movement: Movement) -> Movement:
        """Enter a movement with the account's balance after it."""
        sign = 1 if movement.direction == "in" else -1
        before = self._store.balance(movement.account_number)
        booked = replace(movement, balance=before + sign * movement.amount)
        self._store.move(booked)
        return booked

    def _next_id(self, now: datetime) -> int:
        """Growing, and not used again after a restart over the same database."""
        self._last_id = max(self._last_id + 1, int(now.timestamp() * 1000))
        return self._last_id

    def _reference(self, now: datetime) -> str:
        day = now.astimezone(VIETNAM)
        return f"FT{day:%y%j}{self._rng.randrange(36**6):010d}{self._last_id % 1000:03d}"
