"""The sandbox's gateways and bank as plain logic: no sockets, no sleeping, no clock of its own.

Requests come in as bytes and go out as a `Reply` that also says what goes wrong in giving it (it
never comes, or one byte at a time). Callbacks are put into `deliveries`, and somebody else
sends them. With a seed, an injected clock and the same calls, everything is the same again,
so a state machine can drive it in-process; the ASGI layer on top only adds the network. What is
on the wire is the dialects' business.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.sandbox.engine.bank import Bank
from adapters.sandbox.engine.deliveries import Deliveries, WebhookDelivery
from adapters.sandbox.engine.dialect import Dialect, FeedDialect
from adapters.sandbox.engine.discovery import dialects
from adapters.sandbox.engine.faults import Fault, FaultPlan, Operation, PlannedFault, other_amount
from adapters.sandbox.engine.gateway import GatewayDialect, ProviderRequest, gateway_named
from adapters.sandbox.engine.notices import Notices
from adapters.sandbox.engine.replies import Reply, answer
from adapters.sandbox.engine.store import (
    BankAccount,
    Charge,
    Merchant,
    MoneyBack,
    Order,
    OrderRequest,
    OrderStatus,
    OtherOrder,
    RefundStatus,
    Store,
)
from adapters.sandbox.engine.traffic import Traffic
from core import clock


class PayerOutcome(StrEnum):
    """What the payer's visit to the payment page leads to; each but the last is a button there."""

    SUCCESS = "success"
    DECLINE = "decline"
    TIMEOUT_AFTER_CHARGE = "timeout_after_charge"
    DUPLICATE_CALLBACK = "duplicate_callback"
    EARLY_CALLBACK = "early_callback"
    LATE_CALLBACK = "late_callback"
    LOST_CALLBACK = "lost_callback"
    WRONG_AMOUNT = "wrong_amount"
    SUCCESS_AFTER_FAILURE = "success_after_failure"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class PageResult:
    """What the payer's browser meets: sent back to `url`, or a page that timed out (None)."""

    url: str | None
    order: Order
    first: tuple[WebhookDelivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """Waits in seconds. The retry schedule is a real one, shortened."""

    schedule: tuple[float, ...] = (0.5, 1, 2, 4, 8, 16, 30, 60)
    late: float = 5.0
    between_duplicates: float = 0.2
    failure_to_success: float = 2.0
    never: float = 60.0
    between_bytes: float = 1.0


class AlreadyFinal(Exception):
    """The order has been paid or has failed: the page offers nothing more."""


_AS_OUTCOME = {
    Fault.DUPLICATE_CALLBACK: PayerOutcome.DUPLICATE_CALLBACK,
    Fault.EARLY_CALLBACK: PayerOutcome.EARLY_CALLBACK,
    Fault.LATE_CALLBACK: PayerOutcome.LATE_CALLBACK,
    Fault.LOST_CALLBACK: PayerOutcome.LOST_CALLBACK,
    Fault.WRONG_AMOUNT: PayerOutcome.WRONG_AMOUNT,
    Fault.SUCCESS_AFTER_FAILURE: PayerOutcome.SUCCESS_AFTER_FAILURE,
}


class SandboxState:
    """Gateways and a bank, all fake. `seed` None means chance from the system.

    `base_url` is where the payment pages are; `now` gives aware UTC times; `known` are the dialects
    spoken, all there are unless given.
    """

    def __init__(
        self,
        *,
        base_url: str = "http://127.0.0.1",
        seed: int | None = None,
        now: Callable[[], datetime] = clock.now,
        timing: Timing | None = None,
        store: Store | None = None,
        known: Mapping[str, Dialect] | None = None,
    ) -> None:
        self.base_url = base_url
        self.now = now
        self.timing = timing or Timing()
        self.store = store or Store()
        self.rng = random.Random(seed)  # noqa: S311  # lies and play money, no secrets
        self.faults = FaultPlan(self.rng)
        self.traffic = Traffic()
        self.dialects = dialects() if known is None else known
        self.deliveries = Deliveries(self.timing.schedule, self.dialects)
        self.notices = Notices(self.store, self.deliveries, self.dialects, now)
        self.bank = Bank(
            self.store,
            self.deliveries,
            self.faults,
            self.rng,
            now,
            self.timing.late,
            {n: d for n, d in self.dialects.items() if isinstance(d, FeedDialect)},
        )
        self._count = 0

    def open(
        self,
        name: str,
        credentials: Mapping[str, str],
        callback_url: str,
        holder: str | None = None,
        virtual_prefix: str = "",
    ) -> Merchant | BankAccount:
        """Open (or replace) an account in the dialect `name`; notices go to `callback_url`.

        A bank shows payers `holder`, as the body writes it: they are told to compare the two. It
        has a virtual account of every number that begins with `virtual_prefix`, if there is one.
        Raises `LookupError` for a dialect nobody speaks, a credential that is missing, and for the
        name of an account in another dialect.
        """
        dialect = self.dialects[name]
        if isinstance(dialect, FeedDialect):
            number, secret = dialect.bank_account(credentials)
            account = BankAccount(name, number, callback_url, secret, virtual_prefix=virtual_prefix)
            account = account if holder is None else replace(account, holder=holder)
            self.bank.open(account)
            return account
        merchant_id = gateway_named(self.dialects, name).account_id(credentials)
        known = self.store.merchants.get(merchant_id)
        if known is not None and known.dialect != name:
            raise LookupError(f"{merchant_id} is an account in another dialect")
        merchant = Merchant(name, merchant_id, dict(credentials), callback_url)
        self.store.merchants[merchant_id] = merchant
        return merchant

    def handle(self, name: str, request: ProviderRequest) -> Reply | Order | None:
        """Answer a request to the gateway of dialect `name`; an order means its payment page."""
        dialect = self.dialects.get(name)
        if not isinstance(dialect, GatewayDialect):
            return None
        with self.traffic.watching(name, request, self.now()) as seen:
            reply = dialect.handle(self, request)
            seen.answered(reply)
        return reply

    def merchant(self, dialect: str, merchant_id: str) -> Merchant | None:
        """An account opened in that dialect."""
        found = self.store.merchants.get(merchant_id)
        if found is None or found.dialect != dialect:
            return None
        self.traffic.current.account = found.id
        return found

    def sealed(self, good: bool) -> bool:
        """`good`, noted with the request: whether its signature or key was the account's."""
        self.traffic.current.compared(good=good)
        return good

    def next_fault(self, merchant: Merchant, operation: Operation) -> PlannedFault | None:
        """The lie planned for this request, if any; it is used up."""
        planned = self.faults.next(merchant.id, operation)
        self.traffic.current.planned(operation, planned)
        return planned

    def take(self, merchant: Merchant, request: OrderRequest) -> Order:
        """Take an order; the same id with the same digest is the same order.

        Raises `OtherOrder` for another digest under a known id.
        """
        known = self.store.orders.get((merchant.id, request.order_id))
        if known is not None:
            if known.digest != request.digest:
                raise OtherOrder(request.order_id)
            return known
        token = f"{self.rng.getrandbits(96):024x}"
        order = Order(
            dialect=merchant.dialect,
            merchant_id=merchant.id,
            order_id=request.order_id,
            amount=request.amount,
            order_info=request.order_info,
            return_url=request.return_url,
            digest=request.digest,
            details=request.details,
            page=request.page or f"/{merchant.dialect}/pay/{token}",
            page_token=token,
            created_at=self.now(),
        )
        self.store.take(order)
        return order

    def refund(
        self, order: Order, refund_id: str, amount: int, *, status: RefundStatus
    ) -> MoneyBack:
        """Give money back; the same id is the same refund. Raises as `Store.known_refund`."""
        known = self.store.known_refund(order, refund_id, amount)
        if known is not None:
            return known
        number = self._transaction_no(gateway_named(self.dialects, order.dialect))
        made = MoneyBack(
            order.merchant_id, refund_id, order.order_id, amount, number, self.now(), status
        )
        self.store.give_back(made)
        return made

    def answer_create(self, planned: PlannedFault | None, order: Order, body: bytes) -> Reply:
        """The answer to a call that made `order`, with the lie played out."""
        first: tuple[WebhookDelivery, ...] = ()
        if planned is not None and order.status is OrderStatus.OPEN:
            if planned.fault is Fault.EARLY_CALLBACK:
                first = self.pay(order, PayerOutcome.EARLY_CALLBACK).first
            elif planned.fault is Fault.TIMEOUT_AFTER_CHARGE:
                self.pay(order, PayerOutcome.SUCCESS)
        return answer(planned, body, first, order)

    def order(self, merchant_id: str, order_id: str) -> Order | None:
        """The order, if it was ever taken."""
        return self.store.orders.get((merchant_id, order_id))

    def pay(self, order: Order, outcome: PayerOutcome, *, amount: int | None = None) -> PageResult:
        """The payer decides; `amount` is taken in place of the order's, where money is taken.

        Raises `AlreadyFinal` for an order that is paid or failed.
        """
        if order.status is not OrderStatus.OPEN:
            raise AlreadyFinal
        merchant = self.store.merchants[order.merchant_id]
        if outcome is PayerOutcome.SUCCESS:
            planned = self.faults.next(order.merchant_id, Operation.CALLBACK)
            if planned is not None and planned.fault is Fault.FORGED_CALLBACK:
                self.forge(merchant, order.order_id, order.amount)
            elif planned is not None:
                outcome = _AS_OUTCOME[planned.fault]
        if amount is None:
            wrong = outcome is PayerOutcome.WRONG_AMOUNT
            amount = other_amount(order.amount, self.rng) if wrong else order.amount
        match outcome:
            case PayerOutcome.DECLINE:
                self._report_failure(merchant, order)
                return self._back(merchant, order, None)
            case PayerOutcome.SUCCESS_AFTER_FAILURE:
                self._report_failure(merchant, order)
                wait = timedelta(seconds=self.timing.failure_to_success)
                charge = self._charge(order, amount, self.now() + wait)
                self.notices.report(merchant, order, charge, "genuine", after=wait.total_seconds())
                return self._back(merchant, order, None)
            case PayerOutcome.EARLY_CALLBACK:
                charge = self._charge(order, amount, None)
                told = self.notices.report(merchant, order, charge, "early")
                first = () if told is None else (told,)
                return self._back(merchant, order, charge, first)
            case PayerOutcome.TIMEOUT_AFTER_CHARGE:
                charge = self._charge(order, amount, self.now())
                self.notices.report(merchant, order, charge, "lost", lost=True)
                return PageResult(None, order)
        charge = self._charge(order, amount, self.now(), held=outcome is PayerOutcome.HELD)
        self.notices.report(
            merchant,
            order,
            charge,
            "genuine",
            after=self.timing.late if outcome is PayerOutcome.LATE_CALLBACK else 0,
            lost=outcome is PayerOutcome.LOST_CALLBACK,
        )
        if outcome is PayerOutcome.DUPLICATE_CALLBACK:
            for copy in (1, 2):
                wait_s = copy * self.timing.between_duplicates
                self.notices.report(merchant, order, charge, "duplicate", after=wait_s)
        return self._back(merchant, order, charge)

    def reveal(self, order: Order) -> None:
        """From now on queries tell of everything charged for this order."""
        for charge in order.charges:
            if charge.visible_from is None:
                charge.visible_from = self.now()

    def forge(self, merchant: Merchant, order_id: str, amount: int) -> WebhookDelivery:
        """An outsider's callback: everything right but the key. Nothing was charged."""
        dialect = gateway_named(self.dialects, merchant.dialect)
        charge = Charge(self._transaction_no(dialect), amount, self.now(), None)
        return self.notices.forge(merchant, order_id, charge)

    def headers_for(self, delivery: WebhookDelivery) -> dict[str, str]:
        """The headers of a delivery, if it is sent now; some are signed with the time."""
        headers = {"Content-Type": delivery.message.media_type} if delivery.body else {}
        return headers | self.bank.headers_for(delivery) | self.notices.headers_for(delivery)

    def answered(
        self,
        delivery: WebhookDelivery,
        headers: Mapping[str, str],
        status: int | None,
        said: bytes = b"",
        error: str = "",
    ) -> None:
        """Note what a receiver said to a delivery (None: nothing), and plan the next attempt."""
        self.deliveries.answered(delivery, self.now(), headers, status, said, error)

    def _back(
        self,
        merchant: Merchant,
        order: Order,
        charge: Charge | None,
        first: tuple[WebhookDelivery, ...] = (),
    ) -> PageResult:
        url = gateway_named(self.dialects, merchant.dialect).return_url(merchant, order, charge)
        return PageResult(url, order, first)

    def _charge(
        self, order: Order, amount: int, visible: datetime | None, *, held: bool = False
    ) -> Charge:
        dialect = gateway_named(self.dialects, order.dialect)
        charge = Charge(self._transaction_no(dialect), amount, self.now(), visible, held)
        self.store.charge(order, charge)
        self.bank.credited(dialect, order, charge)
        return charge

    def _report_failure(self, merchant: Merchant, order: Order) -> None:
        self.store.fail(order)
        dialect = gateway_named(self.dialects, merchant.dialect)
        # A try that failed has a number of its own, as at the gateways that name it.
        self.notices.fail(merchant, order, self._transaction_no(dialect))

    def _transaction_no(self, dialect: GatewayDialect) -> str:
        """Never the same, not even after a restart of the sandbox over the same database."""
        self._count += 1
        return dialect.transaction_no(self.now(), self.rng, self._count)
