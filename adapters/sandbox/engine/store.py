"""The sandbox's own store: who has an account here, what was ordered, what was charged.

This is the truth that tests compare ours with. It is kept in memory, and every change can also be
appended to a file of JSON lines for whoever looks at it later.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from core import json


@dataclass(frozen=True, slots=True)
class Merchant:
    """An agency's account at a gateway that speaks `dialect`; results go to `callback_url`."""

    dialect: str
    id: str
    credentials: Mapping[str, str] = field(repr=False)
    callback_url: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An account at the sandbox's bank; its movements are told to `feed_url` in `dialect`."""

    dialect: str
    account_number: str
    feed_url: str
    secret: str = field(repr=False)
    holder: str = "TÀI KHOẢN THỬ"
    bank_name: str = "Ngân hàng thử (không có thật)"
    #: what its virtual accounts begin with; "" where it has none
    virtual_prefix: str = ""


@dataclass(slots=True)
class Charge:
    """Money taken from a payer. A query shows it from `visible_from` on; None: not yet."""

    transaction_no: str
    amount: int
    charged_at: datetime
    visible_from: datetime | None
    #: flagged by the gateway as suspicious
    held: bool = False


class OrderStatus(StrEnum):
    """What became of an order, as the gateway itself knows it."""

    OPEN = "open"
    FAILED = "failed"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as asked for; `digest` tells a repeat from another request of the same id.

    `details` are what the dialect has to remember of it. `page` is the address of its payment page
    below the sandbox's own, made of the order's token where it is None.
    """

    order_id: str
    amount: int
    order_info: str
    return_url: str
    digest: str = field(repr=False)
    details: Mapping[str, str] = field(default_factory=dict)
    page: str | None = field(default=None, repr=False)


class OtherOrder(Exception):
    """Another order has this id already."""


@dataclass(slots=True)
class Order:
    """One order taken."""

    dialect: str
    merchant_id: str
    order_id: str
    amount: int
    order_info: str
    return_url: str
    digest: str = field(repr=False)
    details: Mapping[str, str]
    page: str = field(repr=False)
    page_token: str = field(repr=False)
    created_at: datetime
    status: OrderStatus = OrderStatus.OPEN
    #: a failure was told; money may have come all the same
    failed: bool = False
    charges: list[Charge] = field(default_factory=list)

    @property
    def charged(self) -> int:
        """Whole đồng really taken for this order."""
        return sum(charge.amount for charge in self.charges)

    def visible_charge(self, now: datetime) -> Charge | None:
        """The charge that a query tells of at `now`."""
        for charge in self.charges:
            if charge.visible_from is not None and charge.visible_from <= now:
                return charge
        return None


class RefundStatus(StrEnum):
    """What became of a refund."""

    OPEN = "open"
    DONE = "done"
    REFUSED = "refused"


@dataclass(slots=True)
class MoneyBack:
    """Money of an order that goes back to its payer."""

    merchant_id: str
    refund_id: str
    order_id: str
    amount: int
    transaction_no: str
    asked_at: datetime
    status: RefundStatus


class TooMuchBack(Exception):
    """More would go back than was taken."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money in or out of a bank account; `reference_code` may be empty, as with some banks."""

    id: int
    account_number: str
    direction: str
    amount: int
    narrative: str
    reference_code: str
    booked_at: datetime
    balance: int
    #: the number that it was sent to, where that is not the account's own
    virtual_account: str = ""


@dataclass(slots=True)
class Store:
    """Everything the sandbox knows, and the journal it writes it to."""

    merchants: dict[str, Merchant] = field(default_factory=dict)
    accounts: dict[str, BankAccount] = field(default_factory=dict)
    #: by number and dialect: an account may be told of by several
    feeds: dict[tuple[str, str], BankAccount] = field(default_factory=dict)
    orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    pages: dict[str, Order] = field(default_factory=dict)
    refunds: dict[tuple[str, str], MoneyBack] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    #: how often `create` arrived for an order, whatever was answered, repeats included
    create_calls: dict[tuple[str, str], int] = field(default_factory=dict)
    journal: Callable[[str, dict[str, object]], None] = lambda event, fields: None

    def called(self, merchant_id: str, order_id: str) -> None:
        """Count one arrival of `create`."""
        key = (merchant_id, order_id)
        self.create_calls[key] = self.create_calls.get(key, 0) + 1

    def take(self, order: Order) -> None:
        """Enter a new order."""
        self.orders[order.merchant_id, order.order_id] = order
        self.pages[order.page_token] = order
        self._write("order", order)

    def charge(self, order: Order, charge: Charge) -> None:
        """Enter money taken for an order."""
        order.charges.append(charge)
        order.status = OrderStatus.PAID
        self._write("charge", charge, merchant_id=order.merchant_id, order_id=order.order_id)

    def fail(self, order: Order) -> None:
        """Enter that an order failed; a charge entered afterwards still counts."""
        order.status = OrderStatus.FAILED
        order.failed = True
        self.journal("failure", {"order_id": order.order_id})

    def refunds_of(self, order: Order) -> list[MoneyBack]:
        """Everything that was asked back of an order, in its order."""
        key = (order.merchant_id, order.order_id)
        return [one for one in self.refunds.values() if (one.merchant_id, one.order_id) == key]

    def known_refund(self, order: Order, refund_id: str, amount: int) -> MoneyBack | None:
        """The refund of that id; None where it is a new one, for which enough is left.

        Raises `OtherOrder` for another amount or order under a known id, `TooMuchBack`.
        """
        known = self.refunds.get((order.merchant_id, refund_id))
        if known is not None:
            if (known.order_id, known.amount) != (order.order_id, amount):
                raise OtherOrder(refund_id)
            return known
        gone = [one for one in self.refunds_of(order) if one.status != RefundStatus.REFUSED]
        if sum(one.amount for one in gone) + amount > order.charged:
            raise TooMuchBack(refund_id)
        return None

    def give_back(self, refund: MoneyBack) -> None:
        """Enter a refund."""
        self.refunds[refund.merchant_id, refund.refund_id] = refund
        self._write("refund", refund)

    def move(self, movement: Movement) -> None:
        """Enter money in or out of a bank account."""
        self.movements.append(movement)
        self._write("movement", movement)

    def balance(self, account_number: str) -> int:
        """What an account holds after its last movement."""
        for movement in reversed(self.movements):
            if movement.account_number == account_number:
                return movement.balance
        return 0

    def _write(self, event: str, row: Order | Charge | Movement | MoneyBack, **more: str) -> None:
        hidden = ("page", "page_token", "digest", "details", "charges")
        shown = {name: value for name, value in asdict(row).items() if name not in hidden}
        self.journal(event, {**shown, **more})


def journal_to(path: Path) -> Callable[[str, dict[str, object]], None]:
    """A journal that appends to a file, one JSON object a line; times in ISO 8601."""

    def write(event: str, fields: dict[str, object]) -> None:
        row = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in fields.items()
        }
        with path.open("ab") as file:
            file.write(json.dumps({"event": event, **row}) + b"\n")

    return write
