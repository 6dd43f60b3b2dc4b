"""A bill and a payment as the API shows them: values come in, models go out, nothing is read."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from payments.agencies.queries import AgencyValue
from payments.bills.lines import LineValue
from payments.bills.new_bill import NewBill
from payments.bills.queries import BillValue, PaymentValue
from payments.bills.schemas import (
    BillOut,
    CheckoutOut,
    LineOut,
    NoticeOut,
    PaymentOut,
    QrOut,
    ShareOut,
)
from payments.catalogue.rules.lines import NewLine, whole_words
from payments.catalogue.rules.natures import FeeNature
from payments.catalogue.schemas import ReliefOut
from payments.context import Context
from payments.schemas import document_out, invoice_out, receipt_out
from payments.summaries import (
    DocumentSummary,
    InvoiceSummary,
    PlacedMoney,
    ReceiptSummary,
)

#: Where money is that has not come.
NOWHERE: Final = PlacedMoney()
#: What several bills have of money that is one bill's.
_ALONE: Final[Mapping[str, int]] = MappingProxyType({})

#: The amount of an EMVCo code has at most 13 digits (tag 54).
_LARGEST_IN_QR = 10**13 - 1


def bill_payload(
    context: Context,
    agency: AgencyValue,
    reference: str,
    amount: int | None,
    *,
    static: bool = False,
) -> str | None:
    """The VietQR payload of `amount` đồng for a reference; None is what the payer types.

    None where the agency has no account, or the amount has more digits than the code can hold.
    """
    if agency.account is None or (amount or 0) > _LARGEST_IN_QR:
        return None
    return context.qr.payload(
        bank_bin=agency.account.bank_bin,
        account_number=agency.account.number_for(reference),
        amount=amount,
        reference=reference,
        static=static,
    )


def payment_out(
    payment: PaymentValue, placed: PlacedMoney = NOWHERE, shares: Mapping[str, int] = _ALONE
) -> PaymentOut:
    """A payment for the API; `placed` is where its money is, once any has come.

    `shares` are what several bills have of it, by their ids.
    """
    if payment.share is not None and payment.bill_id is not None:
        shares = {payment.bill_id: payment.share}
    return PaymentOut(
        id=payment.id,
        bill=payment.bill_id,
        gateway=payment.gateway,
        status=payment.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
        amount=payment.amount,
        credited=payment.credited,
        shares=[ShareOut(bill=bill, amount=amount) for bill, amount in shares.items()],
        allocated=placed.allocated,
        in_suspense=placed.suspense,
        refundable=placed.refundable,
        reversed=placed.reversed,
        paying_back=placed.paying_back,
        paid_back=placed.paid_back,
        reason=placed.reason,
        checkout=CheckoutOut(**payment.checkout) if payment.checkout else None,
        created_at=payment.created_at,
        paid_at=payment.paid_at,
    )


def payment_json(payment: PaymentValue, placed: PlacedMoney = NOWHERE) -> dict[str, Any]:
    """A payment as JSON-ready values."""
    return payment_out(payment, placed).model_dump(mode="json")


def line_out(line: NewLine | LineValue) -> LineOut:
    """A line for the API, its explanations whole: the sum, its basis, the relief and its basis."""
    return LineOut(
        fee=line.fee,
        description=line.description,
        description_en=line.description_en,
        quantity=line.quantity,
        copies=line.copies,
        value=line.value,
        full_amount=line.full_amount,
        amount=line.amount,
        sub_item=line.sub_item,
        explanation=whole_words(line.explanation, line.basis, line.relief, "vi"),
        explanation_en=whole_words(line.explanation_en, line.basis, line.relief, "en"),
        basis=line.basis,
        certainty=line.certainty,  # type: ignore[arg-type]  # a CHECK keeps it to these values
        relief=ReliefOut(**line.relief) if line.relief else None,
        notice=NoticeOut(**line.notice) if line.notice else None,
        nature=FeeNature(line.nature or FeeNature.CHARGE),
    )


def bill_out(
    context: Context,
    agency: AgencyValue,
    bill: BillValue | NewBill,
    receipts: Sequence[ReceiptSummary] = (),
    documents: Sequence[DocumentSummary] = (),
    places: Mapping[str, PlacedMoney] = MappingProxyType({}),
    supplements: Sequence[str] = (),
    invoice: InvoiceSummary | None = None,
) -> BillOut:
    """A bill for the API; its QR only while there is something to pay and nothing is under way."""
    payload = None
    if bill.payable:
        payload = bill_payload(context, agency, bill.reference, bill.payable)
    payments = () if isinstance(bill, NewBill) else bill.payments
    return BillOut(
        id=bill.id,
        agency=agency.code,
        reference=bill.reference,
        status=bill.status,  # type: ignore[arg-type]  # a CHECK keeps it to these values
        amount=bill.amount,
        lines=[line_out(line) for line in bill.lines],
        dossier_number=bill.dossier_number,
        pay_url=context.urls.pay(bill.id, bill.reference),
        qr=None
        if payload is None
        else QrOut(
            payload=payload,
            png_url=context.urls.bill_qr(bill.reference, "png"),
            svg_url=context.urls.bill_qr(bill.reference, "svg"),
        ),
        payments=[payment_out(one, places.get(one.id, NOWHERE)) for one in payments],
        receipts=[receipt_out(context.urls, receipt) for receipt in receipts],
        documents=[document_out(context.urls, document) for document in documents],
        invoice=None if invoice is None else invoice_out(invoice),
        expires_at=bill.expires_at,
        created_at=bill.created_at,
        metadata=bill.metadata,
        supplement_of=bill.supplement_of,
        supplements=list(supplements),
    )
