"""What the API of refunds takes and gives. Amounts are whole đồng."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from core.crypto import Cipher
from core.schemas import Code, Instant, Line, RequestModel
from payments.ports import TransferQr
from payments.refunds.payees import Payee, opened
from payments.refunds.queries import RefundValue

RefundStatus = Literal[
    "requested", "approved", "submitted", "unknown", "succeeded", "failed", "rejected"
]
RefundWay = Literal["bank", "gateway"]
#: `dispute`: the gateway does so by itself, for the payer's bank wants it so
TakenWay = Literal["bank", "gateway", "dispute"]


class PayeeIn(RequestModel):
    """The account that the money is to go back to: NAPAS's number of the bank, the account."""

    bank_bin: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    account_number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,19}$")]
    holder: Line


class RefundIn(RequestModel):
    """How much of a payment is to go back, and why; `payee` where it is known.

    `bill` is the reference of the bill whose share it is, where the payment paid several. `way` is
    `bank` for a transfer that the body orders, `gateway` for the gateway that took the payment,
    where that can give money back.
    """

    amount: Annotated[int, Field(ge=1, le=10**13)]
    reason: Line
    payee: PayeeIn | None = None
    bill: Code | None = None
    way: RefundWay = "bank"


class SentIn(RequestModel):
    """The transfer was ordered; `bank_ref` is what the bank calls it, where it is known."""

    bank_ref: Annotated[Line, StringConstraints(max_length=100)] | None = None


class TransferOut(BaseModel):
    """How to pay it: what the transfer must bear, and to whom, with a code for a bank's app."""

    memo: str
    bank_bin: str | None
    account_number: str | None
    holder: str | None
    qr: str | None


class RefundOut(BaseModel):
    """Money that is to go back, or has. `transfer` is there from when it is approved.

    `from_revenue` is the part that `bill` had been given; `approval` decides it now, or did. Of one
    that goes back by `gateway`, `gateway_ref` is the gateway's own number of it, `gateway_paid_at`
    when it said that it had paid, and `settlement_line` the line of its file that shows it.
    """

    id: str
    agency: str
    account: str
    payment: str
    bill: str | None
    amount: int
    from_revenue: int
    reason: str
    status: RefundStatus
    reference: str
    requested_by: str
    requested_at: Instant
    approval: str | None
    bank_ref: str | None
    sent_at: Instant | None
    line: str | None
    way: TakenWay
    gateway: str | None
    gateway_ref: str | None
    gateway_code: str | None
    gateway_paid_at: Instant | None
    settlement_line: str | None
    transfer: TransferOut | None

    @classmethod
    def of(cls, refund: RefundValue, cipher: Cipher, qr: TransferQr) -> "RefundOut":
        """The answer for a refund."""
        payee = None if refund.payee is None else opened(cipher, refund.id, refund.payee)
        transfer = None
        if refund.way == "bank" and refund.status in ("approved", "unknown"):
            transfer = _transfer(refund, payee, qr)
        return cls(
            id=refund.id,
            agency=refund.agency,
            account=refund.account,
            payment=refund.payment_id,
            bill=refund.bill,
            amount=refund.amount,
            from_revenue=refund.from_revenue,
            reason=refund.reason,
            status=refund.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            reference=refund.reference,
            requested_by=refund.requested_by,
            requested_at=refund.requested_at,
            approval=refund.approval,
            bank_ref=refund.bank_ref,
            sent_at=refund.sent_at,
            line=refund.line_id,
            way=refund.way,  # type: ignore[arg-type]  # a CHECK keeps it to these values
            gateway=refund.gateway,
            gateway_ref=refund.gateway_ref,
            gateway_code=refund.gateway_code,
            gateway_paid_at=refund.gateway_paid_at,
            settlement_line=refund.settlement_line_id,
            transfer=transfer,
        )


def _transfer(refund: RefundValue, payee: Payee | None, qr: TransferQr) -> TransferOut:
    if payee is None:
        return TransferOut(
            memo=refund.reference, bank_bin=None, account_number=None, holder=None, qr=None
        )
    return TransferOut(
        memo=refund.reference,
        bank_bin=payee.bank_bin,
        account_number=payee.account_number,
        holder=payee.holder,
        qr=qr.payload(
            bank_bin=payee.bank_bin,
            account_number=payee.account_number,
            amount=refund.amount,
            reference=refund.reference,
            static=False,
        ),
    )


class RefundList(BaseModel):
    """Refunds, the newest first; `next_cursor` asks for those that follow, null at the end."""

    items: list[RefundOut]
    next_cursor: str | None
