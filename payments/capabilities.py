"""What a gateway may do beyond starting and telling, as protocols; `ports` has the others. Pure."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from payments.gateway_info import Capability
from payments.gateway_receipts import ReceiptOrder
from payments.ports import (
    Acknowledgement,
    Cancellable,
    Credit,
    Queryable,
    RawCallback,
    Refundable,
)
from payments.pulls import Pull, PulledBill


@runtime_checkable
class ReceiptIssuer(Protocol):
    """A gateway that makes out a receipt of its own."""

    async def receipt(self, order: ReceiptOrder) -> bytes | None:
        """The PDF, fetched from its link at once; None while there is none.

        Safe to repeat; never called inside a transaction. Raises as `start` does.
        """
        ...


@runtime_checkable
class Pullable(Protocol):
    """A reader whose provider asks what is owed before it takes money for it.

    What it then takes it tells as a result that is `pulled`.
    """

    def read_pull(self, asked: RawCallback) -> Pull:
        """Verify and read a question; pure. Raises `CallbackRejected` for what is not authentic."""
        ...

    def answer_pull(self, asked: RawCallback, pulled: PulledBill | None) -> Acknowledgement:
        """What is owed, in the provider's words; None: the question was refused."""
        ...


@runtime_checkable
class PayoutTeller(Protocol):
    """A gateway that tells what one of its payouts is made of."""

    async def payout_file(self, payout_ref: str) -> bytes:
        """Its transactions as a settlement file of our own layout; raises as `start` does."""
        ...


@runtime_checkable
class CreditBatchReader(Protocol):
    """A feed whose one notice may tell of several credits, each a notice of its own to us."""

    def read_credits(self, notice: RawCallback) -> tuple[Credit, ...]:
        """Verify a notice and read every credit in it, or none of them; as `read_notice`."""
        ...


@runtime_checkable
class TokenIssuer(Protocol):
    """A feed whose provider asks for a token, and bears it with its notices (OAuth 2)."""

    def issue_token(self, asked: RawCallback) -> Acknowledgement | None:
        """A token for who shows the account's own client credentials, else a refusal; pure.

        None where this account's provider asks for none.
        """
        ...


#: What an adapter with a capability keeps.
PROTOCOLS: Mapping[Capability, type] = {
    Capability.QUERY: Queryable,
    Capability.CANCEL: Cancellable,
    Capability.REFUND: Refundable,
    Capability.PULL: Pullable,
    Capability.RECEIPT: ReceiptIssuer,
    Capability.PAYOUT: PayoutTeller,
}
