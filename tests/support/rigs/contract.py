"""What a rig must offer so that the contract suite can drive its provider."""

import random
import string
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from payments.ports import (
    AcceptedAttempt,
    Acknowledgement,
    CreditFeed,
    GatewayAccount,
    NoticeReader,
    Outcome,
    PaymentGateway,
    RawCallback,
    StartRequest,
)

#: Does not compress, so that an index could not hold it.
LONG: Final = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=1000))
#: What an authentic notice may hold and nobody can read.
ODD: Final = {
    "half an emoji": "\ud83d",
    "NUL": "a\x00b",
    "1,001 characters": "x" * 1001,
    "a fraction": "6000.0",
    "an impossible date": "2026-13-45",
    "an oversized reference": LONG,
}


class Spoil(StrEnum):
    """How the provider's next answer goes wrong; all but the last two after it did its part.

    `UNDECIDED` is of refunds alone.
    """

    SILENCE = "silence"
    HTML = "html"
    TRUNCATED = "truncated"
    HUGE = "huge"
    SLOW = "slow"
    SERVER_ERROR = "server_error"
    UNDECIDED = "undecided"
    DECLINE = "decline"
    BUSY = "busy"


class AdapterRig(Protocol):
    """A provider with one account at it. `secrets` are all strings that must never be told.

    `statuses_of_refusal` are those by which the provider hears that a notice was not authentic:
    4xx, unless its page says that every answer is 200 and the body tells.
    """

    account: GatewayAccount
    secrets: tuple[str, ...]
    statuses_of_refusal: tuple[int, ...]

    def running(self) -> AbstractAsyncContextManager[None]:
        """The provider, up for the time of one check."""
        ...

    def reader(self) -> NoticeReader:
        """An adapter under test."""
        ...

    async def genuine(self) -> list[RawCallback]:
        """Authentic notices of every kind that the provider sends and we record."""
        ...

    def ends_the_calls(self, answer: Acknowledgement) -> bool:
        """Whether the provider, hearing this, stops telling the same once more."""
        ...


@runtime_checkable
class OddTeller(AdapterRig, Protocol):
    """A rig whose provider says odd things under its own seal: they are kept, whatever they are."""

    def odd_notice(self, odd: str, marker: str) -> RawCallback:
        """An authentic notice with `ODD[odd]` in it, where its like would stand in this dialect.

        `marker` are digits for its number: the notice is another one for each.
        """
        ...


class GatewayRig(AdapterRig, Protocol):
    """A provider at which payments are started.

    `calls_at_start` is False where `start` only writes an address that the payer's browser takes to
    the provider; `echoes_request_code` says whether results carry the request's code; `holds`
    whether the provider has a word for money that it took and doubts, `tells_failures` whether it
    calls when an attempt failed, `finds_refunds` whether it can be asked about one of several.
    """

    calls_at_start: bool
    echoes_request_code: bool
    holds: bool
    tells_failures: bool
    finds_refunds: bool

    async def visit(self, started: AcceptedAttempt) -> None:
        """The payer's browser goes where `start` sends it."""
        ...

    def gateway(self, *, unreachable: bool = False, patience: float = 60.0) -> PaymentGateway:
        """An adapter under test; `patience` is its total deadline in seconds."""
        ...

    def request(self, amount: int = 150_000) -> StartRequest:
        """A request with a new order_ref, a text with diacritics and every field filled."""
        ...

    def spoil_start(self, how: Spoil) -> None:
        """Spoil the provider's answer to the next start."""
        ...

    def spoil_query(self, how: Spoil) -> None:
        """Spoil the provider's answer to the next query."""
        ...

    def spoil_refund(self, how: Spoil) -> None:
        """Spoil the provider's answer to the next refund; `UNDECIDED` keeps it open."""
        ...

    def refunds(self, order_ref: str) -> dict[str, int]:
        """Every refund that the provider took of an order, with its amount."""
        ...

    def behave(self) -> None:
        """Forget every spoil that is still planned."""
        ...

    def start_calls(self, order_ref: str) -> int:
        """How often a start call for this order reached the provider."""
        ...

    def orders(self) -> dict[str, int]:
        """Every order the provider took, with its amount in whole đồng."""
        ...

    def pay(self, order_ref: str, outcome: Outcome, amount: int | None = None) -> None:
        """The payer acts; `amount` makes the provider take another one than asked."""
        ...

    def callbacks(self, order_ref: str) -> list[RawCallback]:
        """The callbacks the provider sent for this order, as they arrived."""
        ...

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        """Callbacks that must be refused, each with a word on what is wrong with it."""
        ...


class FeedRig(AdapterRig, Protocol):
    """A bank or aggregator with one account that it tells us about."""

    def feed(self, account: GatewayAccount | None = None) -> CreditFeed:
        """An adapter under test."""
        ...

    def notice(
        self, amount: int = 5_000, narrative: str = "LPABC", **changes: object
    ) -> RawCallback:
        """A genuine notice of a credit. `changes` are the provider's own fields, or what every
        provider has or lacks: `bank_ref` (empty or None: the bank gives none), `balance` and
        `virtual_account` (one of the bank's, beginning with SB12)."""
        ...

    def debit(self) -> RawCallback:
        """A genuine notice of money that went out."""
        ...

    def forgeries(self, genuine: RawCallback) -> Iterator[tuple[str, RawCallback]]:
        """Notices that must be refused, each with a word on what is wrong with it."""
        ...
