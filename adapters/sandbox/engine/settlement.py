"""Settlement files: what a gateway says of a day's payments and refunds, in its own layout. Pure.

A dialect names its `sheets`, as that provider writes them; the rows are the sandbox's own store.
Nothing is shared with what reads such files, so a slip in one shows as a disagreement.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, Protocol, runtime_checkable

from adapters.sandbox.engine.dialect import Dialect
from adapters.sandbox.engine.store import Merchant, RefundStatus, Store
from core.clock import VIETNAM, business_date

#: What stands in a column; `charge` is the number of the charge, also of what goes back of it,
#: `info` what the order was given with in words.
Column = Literal[
    "batch",
    "day",
    "kind",
    "order",
    "info",
    "number",
    "charge",
    "amount",
    "fee",
    "net",
    "at",
    "blank",
]
_MONEY: Final = ("amount", "fee", "net")
#: What the sandbox's gateways keep of a payment, in thousandths: made up, as every fee here is.
_FEE_PER_MILLE: Final = 11


@dataclass(frozen=True, slots=True)
class SettledMoney:
    """One payment or refund of a day; whole đồng."""

    kind: Literal["payment", "refund"]
    order_id: str
    #: what the merchant called a refund; empty of a payment
    refund_id: str
    number: str
    amount: int
    at: datetime
    charge: str = ""
    info: str = ""

    @property
    def fee(self) -> int:
        """What the gateway keeps; of a refund it gives nothing back."""
        return self.amount * _FEE_PER_MILLE // 1000 if self.kind == "payment" else 0

    @property
    def sign(self) -> int:
        """What it counts in the totals."""
        return 1 if self.kind == "payment" else -1


@dataclass(frozen=True, slots=True)
class SettlementSheet:
    """How a provider writes such a file. `columns` are heading and what stands below it, in their
    order; without a word for refunds in `kinds` these are left out, as that provider does.

    `day` and `at` are strftime's; an amount is written with `thousands`, `decimals`, `times` over.
    """

    name: str
    columns: Sequence[tuple[str, Column]]
    day: str
    at: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    thousands: str = ""
    decimals: int = 0
    times: int = 1
    #: whether what goes back is below nothing
    negative: bool = False
    totals: str = ""
    #: whether a refund's row names the refund, or the order that it is of
    names_refunds: bool = True
    #: whether the provider keeps nothing of what it takes
    free: bool = False

    def written(self, merchant: Merchant, on: date, money: Sequence[SettledMoney]) -> bytes:
        """The file, UTF-8."""
        made = io.StringIO()
        writer = csv.writer(made, lineterminator="\r\n")
        writer.writerow(heading for heading, _ in self.columns)
        told = [one for one in money if one.kind in (self.kinds or ("payment",))]
        writer.writerows(self._row(merchant, on, one) for one in told)
        if self.totals:
            writer.writerow(self._last(told))
        return made.getvalue().encode()

    def _row(self, merchant: Merchant, on: date, one: SettledMoney) -> list[str]:
        sign = -1 if self.negative and one.kind == "refund" else 1
        fee = self._fee(one)
        money = {"amount": one.amount, "fee": fee, "net": one.amount - fee}
        named = one.refund_id if one.refund_id and self.names_refunds else one.order_id
        cells = {name: self._amount(sign * value) for name, value in money.items()} | {
            "batch": f"{merchant.id}-{on:%y%m%d}",
            "day": on.strftime(self.day),
            "kind": self.kinds.get(one.kind, ""),
            "order": named,
            "info": one.info,
            "number": one.number,
            "charge": one.charge or one.number,
            "at": one.at.astimezone(VIETNAM).strftime(self.at),
            "blank": "",
        }
        return [cells[column] for _, column in self.columns]

    def _last(self, told: Sequence[SettledMoney]) -> list[str]:
        sums = {
            "amount": sum(one.sign * one.amount for one in told),
            "fee": sum(one.sign * self._fee(one) for one in told),
            "net": sum(one.sign * (one.amount - self._fee(one)) for one in told),
        }
        cells = [self._amount(sums[c]) if c in sums else "" for _, c in self.columns]
        return [self.totals, *cells[1:]]

    def _fee(self, one: SettledMoney) -> int:
        return 0 if self.free else one.fee

    def _amount(self, amount: int) -> str:
        whole = f"{abs(amount) * self.times:,}".replace(",", self.thousands)
        point = "," if self.thousands == "." else "."
        end = point + "0" * self.decimals if self.decimals else ""
        return f"{'-' if amount < 0 else ''}{whole}{end}"


@runtime_checkable
class SettlingDialect(Dialect, Protocol):
    """A provider that keeps what payers give until it settles, and says so in files."""

    sheets: Sequence[SettlementSheet]


def sheets_of(dialect: Dialect | None) -> Sequence[SettlementSheet]:
    """The layouts of a provider's files; none of one that keeps no money."""
    return dialect.sheets if isinstance(dialect, SettlingDialect) else ()


def settled_on(store: Store, merchant: Merchant, on: date) -> list[SettledMoney]:
    """What an account's gateway took and gave back on a day in Vietnam, in its order.

    Money that it holds as suspicious is not settled, nor is a refund that is not done.
    """
    return sorted(_money_of(store, merchant, on), key=lambda one: (one.at, one.number))


def days_of(store: Store, merchant: Merchant) -> list[date]:
    """The days on which there is something to settle, newest first."""
    return sorted({business_date(one.at) for one in _money_of(store, merchant)}, reverse=True)


def _money_of(store: Store, merchant: Merchant, on: date | None = None) -> Iterator[SettledMoney]:
    for order in store.orders.values():
        if order.merchant_id != merchant.id:
            continue
        for charge in order.charges:
            if not charge.held and on in (None, business_date(charge.charged_at)):
                yield SettledMoney(
                    *("payment", order.order_id, "", charge.transaction_no, charge.amount),
                    *(charge.charged_at, "", order.order_info),
                )
    for back in store.refunds.values():
        done = back.merchant_id == merchant.id and back.status is RefundStatus.DONE
        if done and on in (None, business_date(back.asked_at)):
            order = store.orders[merchant.id, back.order_id]
            yield SettledMoney(
                "refund",
                order.order_id,
                back.refund_id,
                back.transaction_no,
                back.amount,
                back.asked_at,
                charge=order.charges[-1].transaction_no,
                info=order.order_info,
            )
