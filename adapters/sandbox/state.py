"""The sandbox's gateway and bank as plain logic: no sockets, no sleeping, no clock of its own.

Requests come in as bytes and go out as a `Reply` that also says in which manner it is to be given
(at once, never, one byte at a time). Callbacks are put into `deliveries`, and somebody else
carries them. With a seed, an injected clock and the same calls, everything is the same again,
so a state machine can drive it in-process; the ASGI layer on top only adds the network.
"""

import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from adapters.sandbox import wire
from adapters.sandbox.bank import Bank
from adapters.sandbox.books import Books, Charge, Merchant, Order, OrderStatus
from adapters.sandbox.deliveries import Deliveries, Delivery, Dialect
from adapters.sandbox.faults import Fault, FaultPlan, Operation
from adapters.sandbox.replies import Reply, answer, did_nothing, refusal
from core import clock, json


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
    first: tuple[Delivery, ...] = ()


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


_CANCELLED = "24"
_PAID = "00"
_HELD = "07"
_OPEN = "01"
_UNKNOWN = "91"

_AS_OUTCOME = {
    Fault.DUPLICATE_CALLBACK: PayerOutcome.DUPLICATE_CALLBACK,
    Fault.EARLY_CALLBACK: PayerOutcome.EARLY_CALLBACK,
    Fault.LATE_CALLBACK: PayerOutcome.LATE_CALLBACK,
    Fault.LOST_CALLBACK: PayerOutcome.LOST_CALLBACK,
    Fault.WRONG_AMOUNT: PayerOutcome.WRONG_AMOUNT,
    Fault.SUCCESS_AFTER_FAILURE: PayerOutcome.SUCCESS_AFTER_FAILURE,
}


class SandboxState:
    """PayGov and a bank, both fake. `seed` None means chance from the system.

    `base_url` is where the payment pages are; `now` gives aware UTC times.
    """

    def __init__(
        self,
        *,
        base_url: str = "http://127.0.0.1",
        seed: int | None = None,
        now: Callable[[], datetime] = clock.now,
        timing: Timing | None = None,
        books: Books | None = None,
    ) -> None:
        self.base_url = base_url
        self.now = now
        self.timing = timing or Timing()
        self.books = books or Books()
        self.rng = random.Random(seed)  # noqa: S311  # lies and play money, no secrets
        self.faults = FaultPlan(self.rng)
        self.deliveries = Deliveries(self.timing.schedule)
        self.bank = Bank(self.books, self.deliveries, self.faults, self.rng, now, self.timing.late)
        self._count = 0

    def register(self, merchant: Merchant) -> None:
        """Open (or replace) an agency's account."""
        self.books.merchants[merchant.partner_code] = merchant

    def create(self, body: bytes, authorization: str) -> Reply:
        """Take an order. The same id with the same bytes is the same order, and the same answer;
        other bytes under a known id are refused (409, code 94)."""
        try:
            fields = wire.read_create(body)
            merchant = self._merchant(fields)
            self.books.called(merchant.partner_code, str(fields["orderId"]))
            wire.check_create(merchant, authorization, fields)
            planned = self.faults.next(merchant.partner_code, Operation.CREATE)
            if planned is not None and did_nothing(planned):
                return refusal(planned)
            order = self._take(merchant, fields, body)
        except wire.Refused as refused:
            return Reply(refused.status, wire.error_body(refused.code, refused.message))
        first: tuple[Delivery, ...] = ()
        if planned is not None and order.status is OrderStatus.OPEN:
            if planned.fault is Fault.EARLY_CALLBACK:
                first = self.pay(order, PayerOutcome.EARLY_CALLBACK).first
            elif planned.fault is Fault.TIMEOUT_AFTER_CHARGE:
                self.pay(order, PayerOutcome.SUCCESS)
        url = f"{self.base_url}/paygov/pay/{order.page_token}"
        return answer(planned, json.dumps({"data": {"url": url}}), first, order)

    def query(self, body: bytes, authorization: str) -> Reply:
        """Say what became of an order, as far as the gateway shows it."""
        try:
            fields = wire.read_query(body)
            merchant = self._merchant(fields)
            wire.check_query(merchant, authorization, fields)
        except wire.Refused as refused:
            return Reply(refused.status, wire.error_body(refused.code, refused.message))
        planned = self.faults.next(merchant.partner_code, Operation.QUERY)
        if planned is not None and did_nothing(planned):
            return refusal(planned)
        order_id = str(fields["orderId"])
        order = self.books.orders.get((merchant.partner_code, order_id))
        if order is None or (planned is not None and planned.fault is Fault.NOT_FOUND):
            said: dict[str, object] = {"orderId": order_id, "errorCode": _UNKNOWN}
        else:
            charge = order.visible_charge(self.now())
            failed = order.error_code or _OPEN
            said = wire.result_fields(order, charge, charge.error_code if charge else failed)
        return answer(planned, wire.answer_body(merchant, said))

    def order(self, partner_code: str, order_id: str) -> Order | None:
        """The order, if it was ever taken."""
        return self.books.orders.get((partner_code, order_id))

    def pay(self, order: Order, outcome: PayerOutcome, *, amount: int | None = None) -> PageResult:
        """The payer decides; `amount` is taken in place of the order's, where money is taken.

        Raises `AlreadyFinal` for an order that is paid or failed.
        """
        if order.status is not OrderStatus.OPEN:
            raise AlreadyFinal
        merchant = self.books.merchants[order.partner_code]
        if outcome is PayerOutcome.SUCCESS:
            planned = self.faults.next(order.partner_code, Operation.CALLBACK)
            if planned is not None and planned.fault is Fault.FORGED_CALLBACK:
                self.forge(merchant, order.order_id, order.amount)
            elif planned is not None:
                outcome = _AS_OUTCOME[planned.fault]
        if amount is None:
            wrong = outcome is PayerOutcome.WRONG_AMOUNT
            amount = self._other_amount(order) if wrong else order.amount
        match outcome:
            case PayerOutcome.DECLINE:
                self._report_failure(merchant, order)
                return PageResult(self._return_url(order, _CANCELLED), order)
            case PayerOutcome.SUCCESS_AFTER_FAILURE:
                self._report_failure(merchant, order)
                wait = timedelta(seconds=self.timing.failure_to_success)
                charge = self._charge(order, amount, _PAID, self.now() + wait)
                self._report(merchant, order, charge, "genuine", after=wait.total_seconds())
                return PageResult(self._return_url(order, _CANCELLED), order)
            case PayerOutcome.EARLY_CALLBACK:
                charge = self._charge(order, amount, _PAID, None)
                first = (self._report(merchant, order, charge, "early"),)
                return PageResult(self._return_url(order, _PAID), order, first)
            case PayerOutcome.TIMEOUT_AFTER_CHARGE:
                charge = self._charge(order, amount, _PAID, self.now())
                self._report(merchant, order, charge, "lost", lost=True)
                return PageResult(None, order)
        code = _HELD if outcome is PayerOutcome.HELD else _PAID
        charge = self._charge(order, amount, code, self.now())
        self._report(
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
                self._report(merchant, order, charge, "duplicate", after=wait_s)
        return PageResult(self._return_url(order, code), order)

    def reveal(self, order: Order) -> None:
        """From now on queries tell of everything charged for this order."""
        for charge in order.charges:
            if charge.visible_from is None:
                charge.visible_from = self.now()

    def forge(
        self, merchant: Merchant, order_id: str, amount: int, error_code: str = _PAID
    ) -> Delivery:
        """An outsider's callback: everything right but the key. Nothing was charged."""
        order = self.books.orders.get((merchant.partner_code, order_id))
        fields: dict[str, object] = {
            **(wire.result_fields(order, None, error_code) if order else {}),
            "orderId": order_id,
            "amount": amount,
            "transactionNo": self._transaction_no(),
            "payDate": "20260101000000",
            "errorCode": error_code,
        }
        fields.setdefault("requestCode", "0")
        outsider = Merchant(
            merchant.partner_code,
            merchant.access_key,
            "not the secret",
            "",
            merchant.service_code,
            merchant.callback_url,
        )
        body = wire.callback_body(outsider, fields)
        return self._plan(merchant, order_id, "forged", body, self.now())

    def headers_for(self, delivery: Delivery) -> dict[str, str]:
        """The headers of a delivery, if it is sent now; SePay's carry the time."""
        headers = {"Content-Type": "application/json"}
        if delivery.dialect is Dialect.SEPAY:
            headers |= self.bank.headers_for(delivery)
        return headers

    def answered(
        self,
        delivery: Delivery,
        headers: Mapping[str, str],
        status: int | None,
        said: bytes = b"",
        error: str = "",
    ) -> None:
        """Note what a receiver said to a delivery (None: nothing), and plan the next attempt."""
        self.deliveries.answered(delivery, self.now(), headers, status, said, error)

    def _merchant(self, fields: Mapping[str, object]) -> Merchant:
        merchant = self.books.merchants.get(str(fields["partnerCode"]))
        if merchant is None:
            raise wire.Refused(401, "97", "partnerCode")
        return merchant

    def _take(self, merchant: Merchant, fields: Mapping[str, object], body: bytes) -> Order:
        digest = hashlib.sha256(body).hexdigest()
        known = self.books.orders.get((merchant.partner_code, str(fields["orderId"])))
        if known is not None:
            if known.body_digest != digest:
                raise wire.Refused(409, "94", "orderId")
            return known
        amount = fields["amount"]
        order = Order(
            partner_code=merchant.partner_code,
            order_id=str(fields["orderId"]),
            request_code=str(fields["requestCode"]),
            amount=amount if isinstance(amount, int) else 0,
            order_info=str(fields["orderInfo"]),
            return_url=str(fields["returnUrl"]),
            body_digest=digest,
            page_token=f"{self.rng.getrandbits(96):024x}",
            created_at=self.now(),
        )
        self.books.take(order)
        return order

    def _charge(self, order: Order, amount: int, code: str, visible: datetime | None) -> Charge:
        charge = Charge(self._transaction_no(), amount, self.now(), code, visible)
        self.books.charge(order, charge)
        return charge

    def _report_failure(self, merchant: Merchant, order: Order) -> None:
        self.books.fail(order, _CANCELLED)
        fields = wire.result_fields(order, None, _CANCELLED)
        # A try that failed has a number of its own, as at the gateways that name it.
        fields["transactionNo"] = self._transaction_no()
        body = wire.callback_body(merchant, fields)
        self._plan(merchant, order.order_id, "failure", body, self.now())

    def _report(
        self,
        merchant: Merchant,
        order: Order,
        charge: Charge,
        kind: str,
        *,
        after: float = 0,
        lost: bool = False,
    ) -> Delivery:
        fields = wire.result_fields(order, charge, charge.error_code)
        body = wire.callback_body(merchant, fields)
        due_at = self.now() + timedelta(seconds=after)
        return self._plan(merchant, order.order_id, kind, body, due_at, lost=lost)

    def _plan(
        self,
        merchant: Merchant,
        order_id: str,
        kind: str,
        body: bytes,
        due_at: datetime,
        *,
        lost: bool = False,
    ) -> Delivery:
        return self.deliveries.plan(
            Dialect.PAYGOV,
            merchant.partner_code,
            order_id,
            kind,
            merchant.callback_url,
            body,
            due_at,
            lost=lost,
        )

    def _other_amount(self, order: Order) -> int:
        """An amount that is not the order's: a slip of scale, a little less, a little more."""
        amount = order.amount
        slips = (amount * 100, amount // 100, amount - 1, amount + 1000)
        return self.rng.choice([slip for slip in slips if 1 <= slip <= 10**13])

    def _transaction_no(self) -> str:
        """Never the same, not even after a restart of the sandbox over the same database."""
        self._count += 1
        return f"{self.now():%y%m%d%H%M%S}{self.rng.randrange(10**6):06d}{self._count:04d}"

    def _return_url(self, order: Order, code: str) -> str:
        shown = urlencode({"orderId": order.order_id, "errorCode": code})
        return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{shown}"
