"""What payments asks of the world outside, as values and protocols. Pure.

A gateway adapter sees nothing of ours but these frozen values: no rows, no session, no request.
Amounts are whole đồng; a gateway's own scale stays inside its adapter. Times are aware UTC.

An adapter raises three things only (see the classes): `GatewayUnavailable` when it is certain
that nothing happened, `OutcomeUnknown` when it is not certain, `GatewayMisuse` when the fault is
ours. A decline is not an error: it is a value. What others need to know of an adapter it says
itself, in its class's `info`: nobody else names a provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Protocol, TypeAlias, runtime_checkable

from core.errors import LephiError, NotAllowed, Unavailable
from payments.billed import BilledDossier, ToldBilled
from payments.gateway_disputes import GatewayDispute
from payments.gateway_info import GatewayInfo
from payments.gateway_refunds import RefundOrder, RefundResult


class GatewayUnavailable(Unavailable):
    """The gateway was not reached, or said that it did nothing: safe to try again."""

    code = "gateway_unavailable"


class OutcomeUnknown(Unavailable):
    """The request may have taken effect: ask the gateway (`query`), never repeat it."""

    code = "gateway_outcome_unknown"
    retryable = False


class GatewayMisuse(LephiError):
    """The gateway refused our request as wrong: a fault of ours or of the configuration; alert."""

    status = 502
    title = "Gateway refused our request"
    code = "gateway_misuse"


class CallbackFault(StrEnum):
    """Why a callback is not taken; the figures count them apart."""

    WRONG_SIGNATURE = "wrong_signature"
    TOO_OLD = "too_old"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    UNKNOWN_GATEWAY = "unknown_gateway"
    UNKNOWN_ACCOUNT = "unknown_account"


class CallbackRejected(NotAllowed):
    """A callback that is not authentic or not well formed: nothing is recorded from it.

    `fault` says which; a wrong or missing signature unless told otherwise.
    """

    status = 401
    title = "Callback rejected"
    code = "callback_rejected"

    def __init__(
        self, detail: str, *, fault: CallbackFault = CallbackFault.WRONG_SIGNATURE
    ) -> None:
        super().__init__(detail)
        self.fault = fault


class NoticeUnreadable(CallbackRejected):
    """An authentic notice of which something cannot be read: it is kept and set aside.

    The detail names the field and never its value.
    """

    title = "Notice not readable"
    code = "notice_unreadable"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, fault=CallbackFault.UNREADABLE)


class Outcome(StrEnum):
    """What a gateway says became of an attempt."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: funds taken but flagged by the gateway: a person decides, no receipt
    HELD = "held"
    #: the gateway does not know the order (not proof that nothing happened, see `query`)
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """An agency's account at a gateway. `account` is the last part of its callback path.

    `credentials` are the gateway's own names (partner_code, secret_key, …) and never appear in a
    repr or a log.
    """

    gateway: str
    account: str
    base_url: str
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One attempt to pay, as the gateway needs it.

    `order_ref` is ours, unique for ever, written to our database before the call; the same
    `order_ref` is the same attempt. `amount` in whole đồng. `request_code` and `created_at` (aware
    UTC, when the attempt was written) are fixed for the attempt too, so that a repeated start
    sends the same bytes. `dossier` is what is paid for, for gateways that ask.
    """

    order_ref: str
    request_code: str
    amount: int
    description: str
    return_url: str
    callback_url: str
    payer_ip: str = "127.0.0.1"
    language: str = "vi"
    created_at: datetime = field(kw_only=True)
    dossier: BilledDossier | None = None


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """Names an attempt to its gateway: our reference, and when it was created (aware UTC)."""

    order_ref: str
    created_at: datetime


class CheckoutType(StrEnum):
    """How the citizen goes on: follow a link, scan a payload, or post a form."""

    REDIRECT = "redirect"
    QR = "qr"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class AcceptedAttempt:
    """The gateway took the attempt. `gateway_ref` is its own id if it names one already."""

    checkout: CheckoutType
    url: str | None = None
    payload: str | None = None
    gateway_ref: str | None = None


@dataclass(frozen=True, slots=True)
class DeclinedAttempt:
    """The gateway refused the attempt outright; nothing was charged."""

    gateway_code: str
    message: str


@dataclass(frozen=True, slots=True)
class GatewayResult:
    """What a gateway says of one attempt, by callback or by answer to `query`.

    `amount` is None only where the gateway did not name one (pending, not found).
    `gateway_ref` is the settlement key: with the account it identifies the money for ever.
    `request_code` is the one of the attempt, where the gateway tells it back under its signature:
    one that differs from the stored attempt's holds the money for a person. Money is `straight`
    where it came by bank transfer to the body's own account: `gateway_ref` is then the bank's
    reference, and what feeds and statements tell of it is the same money. `dossier_number` and
    `billed` are told back without a signature, by some: what differs from the attempt holds the
    money too. `pulled`: there was no attempt, `order_ref` is the reference of a bill that the
    gateway asked about (`Pullable`). `receipt_code` is its number of the money by which its own
    receipt is asked for, where that is another than `gateway_ref`.
    """

    order_ref: str
    outcome: Outcome
    gateway_ref: str | None = None
    amount: int | None = None
    paid_at: datetime | None = None
    gateway_code: str = ""
    request_code: str | None = None
    straight: bool = False
    dossier_number: str | None = None
    billed: ToldBilled | None = None
    pulled: bool = False
    receipt_code: str | None = None

    @property
    def notice_ref(self) -> str:
        """The gateway's own number of what it tells: the order's, with the transfer's if straight.

        An order may be paid by several transfers.
        """
        if not self.straight:
            return self.order_ref
        return f"{self.order_ref}/{(self.gateway_ref or '').replace(':', '.')}"


@dataclass(frozen=True, slots=True)
class RawCallback:
    """A callback exactly as it came: verify `body` byte for byte, never a re-serialised copy.

    Header names are lower case. `received_at` is aware UTC.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class CallbackResult(StrEnum):
    """What we did with a callback; the adapter words it in the gateway's own way."""

    #: applied now: the gateway may stop
    ACCEPTED = "accepted"
    #: it, or the money it tells of, was recorded before: the gateway may stop
    REPEATED = "repeated"
    #: authentic, but we know no such order: raw kept, alert
    UNKNOWN_ORDER = "unknown_order"
    #: authentic, but the amount or another field is not the attempt's: money held, alert
    MISMATCH = "mismatch"
    #: not authentic or unreadable
    REJECTED = "rejected"
    #: we could not apply it now: the gateway should call again
    TRY_AGAIN = "try_again"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer to a callback, word for word."""

    status: int
    body: bytes
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that arrived by itself on an account, as a bank or an aggregator tells it.

    `feed_ref` is the source's own number of the notice, the same in every version of it. `bank_ref`
    is the bank's reference as it was told, "" if there is none; it may be shared, used again or
    tell nothing (see `payments.books.identity`). `amount` whole đồng > 0. A credit that is not
    `signed` came with a password that proves nothing of its words: it is a hint, and waits until
    another source tells of the same money. `virtual_account` is the number that the payer sent it
    to, where that is another than the account's own and the source tells it.
    """

    feed_ref: str
    bank_ref: str
    account_number: str
    amount: int
    narrative: str
    credited_at: datetime
    signed: bool = True
    virtual_account: str = ""


NoticeContent: TypeAlias = GatewayResult | Credit | GatewayDispute
"""The verified value of a notice: what a gateway says of an attempt or dispute, or money."""


class NoticeReader(Protocol):
    """One agency's account at a gateway or feed, as far as it calls us."""

    info: ClassVar[GatewayInfo]
    account: GatewayAccount

    def read_notice(self, notice: RawCallback) -> NoticeContent | None:
        """Verify and read a notice from its raw bytes; pure, no I/O.

        None for an authentic one that tells of nothing we record (money that went out). The same
        bytes give the same value. Raises `CallbackRejected` for anything forged, `NoticeUnreadable`
        for what is signed rightly and of which a field cannot be read.
        """
        ...

    def acknowledge(self, result: CallbackResult, notice: RawCallback) -> Acknowledgement:
        """The gateway's own words for what we did with its notice."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


class PaymentGateway(NoticeReader, Protocol):
    """A reader whose account also takes attempts to pay.

    Promises that the contract suite checks for every registered adapter:

    * `start` with the same request is the same attempt at the gateway, byte for byte;
    * amounts are exact both ways;
    * a refused connection is `GatewayUnavailable`; a time-out, reset, truncated, oversized or
      unreadable answer after sending is `OutcomeUnknown`; a 4xx that names our fault is
      `GatewayMisuse`; a decline is returned as `DeclinedAttempt`;
    * what it can do beyond `start` is said by `info.capabilities` and by the protocols it keeps,
      and the two agree (`info.can` says whether one account may);
    * no credential appears in a repr, an exception or a log.
    """

    async def start(self, request: StartRequest) -> AcceptedAttempt | DeclinedAttempt:
        """Ask the gateway to take the attempt. Never called inside a transaction."""
        ...

    def read_notice(self, notice: RawCallback) -> GatewayResult | GatewayDispute | None:
        """Verify and read what became of an attempt, or of a dispute; see `NoticeReader`."""
        ...


class CreditFeed(NoticeReader, Protocol):
    """A reader of a bank's or aggregator's notices of credits to one account."""

    def read_notice(self, notice: RawCallback) -> Credit | None:
        """Verify and read one notice; None for an authentic one that is no credit."""
        ...


@runtime_checkable
class Queryable(Protocol):
    """A gateway that can be asked."""

    async def query(self, attempt: AttemptKey) -> GatewayResult:
        """Ask what became of the attempt. Safe to repeat. Never called inside a transaction."""
        ...


@runtime_checkable
class Cancellable(Protocol):
    """A gateway at which an unpaid attempt can be closed."""

    async def cancel(self, attempt: AttemptKey) -> GatewayResult:
        """Ask the gateway to close an unpaid attempt; the report says what is true afterwards."""
        ...


@runtime_checkable
class Refundable(Protocol):
    """A gateway that pays money back when asked. Neither call is made inside a transaction."""

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Ask for money back; the same `refund_ref` is the same refund.

        Raises as `start` does: after `OutcomeUnknown` ask, and never repeat it.
        """
        ...

    async def query_refund(self, order: RefundOrder) -> RefundResult:
        """Ask what became of a refund. Safe to repeat."""
        ...


class GatewayDirectory(Protocol):
    """Finds the adapter of an account; the application supplies it."""

    def find_info(self, name: str) -> GatewayInfo | None:
        """What the adapter of that name says of itself; None if none is registered."""
        ...

    def reader(self, account: GatewayAccount) -> NoticeReader:
        """The adapter of a gateway's or feed's account; `NotFound` if none is registered."""
        ...

    def gateway(self, account: GatewayAccount) -> PaymentGateway:
        """The adapter of a gateway's account; `NotFound` if no gateway of that name is."""
        ...


class TransferQr(Protocol):
    """Writes the QR that a payer's banking app reads; the application supplies the dialect."""

    def payload(
        self,
        *,
        bank_bin: str,
        account_number: str,
        amount: int | None,
        reference: str,
        static: bool,
    ) -> str:
        """The payload of a transfer of `amount` đồng that carries `reference` back to us.

        `static` is the poster's code, used many times; otherwise it is one bill's. Without an
        amount, which only a static code may be, the payer types it.
        """
        ...
