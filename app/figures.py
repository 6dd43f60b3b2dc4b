"""What the operator's instruments show of the database, counted by the worker."""

from dataclasses import dataclass

from sqlalchemy import SQLColumnExpression, case, func
from sqlmodel import col

from core.audit import AuditEntry
from core.figures import keep_figures
from core.outbox import OutboxDelivery
from core.sessions import WriteSession
from core.statements import ValueSelect, values_of
from payments.agencies.models import GatewayAccountRow, GatewayBreaker
from payments.bills.models import Bill, Payment, SuspenseItem
from payments.books.suspense import is_waiting
from payments.incoming.models import Callback
from payments.messages.models import PayerMessage
from payments.webhooks.models import EventMessage, WebhookEndpoint
from receipts.invoices.models import Invoice
from reconciliation.days.nightly_models import NightlyRun

_CONFLICTING = "payment.conflicting_notice"


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of one kind: how many, or how many đồng."""

    kind: str
    value: int


_COUNT = func.count()


def _by(
    column: SQLColumnExpression[str], value: SQLColumnExpression[int] = _COUNT
) -> ValueSelect[_Figure]:
    """How many rows there are of each kind, or another figure of them."""
    return values_of(_Figure, kind=column, value=value).group_by(column)


_FIGURES: dict[str, tuple[str, ValueSelect[_Figure]]] = {
    "lephi_bills": ("Bills by status", _by(col(Bill.status))),
    "lephi_payments": ("Payments by status", _by(col(Payment.status))),
    "lephi_gateways_resting": (
        "Accounts at gateways that did not answer: 1 while payers are not sent there",
        values_of(
            _Figure,
            kind=col(GatewayAccountRow.gateway) + "/" + col(GatewayAccountRow.account),
            value=case((col(GatewayBreaker.opened_at).is_(None), 0), else_=1),
        )
        .select_from(GatewayBreaker)
        .join(
            GatewayAccountRow,
            col(GatewayAccountRow.id) == col(GatewayBreaker.gateway_account_id),
        ),
    ),
    "lephi_outbox_deliveries": (
        "Deliveries that are waiting or set aside",
        _by(col(OutboxDelivery.state)).where(OutboxDelivery.state != "done"),
    ),
    "lephi_callbacks": ("Callbacks by state", _by(col(Callback.state))),
    "lephi_nights": (
        "Days reconciled by themselves, by state",
        _by(col(NightlyRun.state)),
    ),
    "lephi_suspense_dong": (
        "Open money in suspense or refundable, in đồng",
        _by(col(SuspenseItem.place), func.sum(SuspenseItem.amount)).where(
            col(SuspenseItem.closed_at).is_(None), is_waiting()
        ),
    ),
    "lephi_messages": (
        "Messages to payers that wait, that nobody knows of, or that were set aside",
        _by(col(PayerMessage.state)).where(
            col(PayerMessage.state).in_(("waiting", "sending", "unknown", "set_aside"))
        ),
    ),
    "lephi_invoices": (
        "E-invoices that wait, that nobody knows of, or that were set aside",
        _by(col(Invoice.state)).where(
            col(Invoice.state).in_(("waiting", "asking", "unknown", "set_aside"))
        ),
    ),
    "lephi_webhook_messages": (
        "Messages to receivers of events that wait or were set aside, by state",
        _by(col(EventMessage.state))
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(EventMessage.endpoint_id))
        .where(
            col(EventMessage.state) != "acknowledged", col(WebhookEndpoint.removed_at).is_(None)
        ),
    ),
    "lephi_alerts": (
        "Audit entries that call for a person",
        # Entries are never changed: those of before migration 0003 bear the word of then.
        _by(func.replace(AuditEntry.action, "payment.discord", _CONFLICTING)).where(
            col(AuditEntry.action).in_(
                (
                    "payment.discord",
                    _CONFLICTING,
                    "payment.possible_duplicate",
                    "payment.dated_ahead",
                    "payment.dated_before",
                    "payment.returned_by_bank",
                    "payment.held",
                    "payment.disputed",
                    "dispute.not_set_aside",
                    "dispute.unknown_payment",
                    "refund.unexpected_debit",
                    "refund.unexpected_settlement",
                    "nightly.failed",
                    "callback.unknown_order",
                    "message_channel.renewal_refused",
                )
            )
        ),
    ),
}

#: What each figure means, by its name.
MEANINGS = {name: meaning for name, (meaning, _) in _FIGURES.items()}


async def count_figures(session: WriteSession) -> None:
    """Count everything anew, and keep it for whoever scrapes."""
    counted = {
        name: [(figure.kind, int(figure.value)) for figure in await session.all(figures)]
        for name, (_, figures) in _FIGURES.items()
    }
    await keep_figures(session, counted)
