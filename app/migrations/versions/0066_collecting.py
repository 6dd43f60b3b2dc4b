"""The collector's walk: numbers of slips, what was done, cash handed over and paid in."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from core.guards import lasting
from payments.books.guards import REPLACE_CHECK_REFUND
from payments.collecting.guards import CREATE_COLLECTING_GUARDS

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead', 'gateway_settlement',"
    " 'settled_by_gateway', 'refund_returned', 'unsigned_notice', 'stall_credit'"
)
_LEDGERS_BEFORE = (
    "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back', 'reversed', 'in_transit',"
    " 'paying_back', 'gateway_fee', 'gateway_back'"
)
_PLACES_BEFORE = "'suspense', 'refundable', 'reversed', 'in_transit', 'paying_back', 'paid_back'"
_KINDS_BEFORE = "'bill', 'procedure', 'stall', 'refund'"
_AMOUNT = "BETWEEN 1 AND 10000000000000"
_TABLES = ("slip_block", "collected_action", "cash_handover", "cash_deposit")


def upgrade() -> None:
    """Make the tables and their guards; let the books hold cash, and its deposits."""
    _check("reference", "kind", f"kind IN ({_KINDS_BEFORE}, 'handover')")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE}, 'collector_cash')")
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE}, 'collector_cash')")
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE}, 'collector_deposit')")
    op.execute(REPLACE_CHECK_REFUND)
    op.create_table(
        "slip_block",
        _text("id"),
        _text("agency_id"),
        _text("collector_id"),
        _text("device"),
        sa.Column("first", sa.Integer(), nullable=False),
        _moment("reserved_at"),
        sa.CheckConstraint(
            "first > 0 AND mod(first - 1, 50) = 0", name=op.f("ck_slip_block_first")
        ),
        *_named("slip_block", {"agency_id": "agency", "collector_id": "staff_user"}),
        sa.UniqueConstraint("agency_id", "first", name=op.f("uq_slip_block_agency_id_first")),
    )
    op.create_index("ix_slip_block_collector_id", "slip_block", ["collector_id", "device"])
    action = "collected_action"
    op.create_table(
        action,
        *(_text(name) for name in ("id", "agency_id", "collector_id", "device", "kind")),
        *(_text(name, nullable=True) for name in ("stall_id", "market_id")),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("told", JSONB(), nullable=False),
        _text("told_hash"),
        _moment("done_at"),
        _moment("received_at"),
        _text("outcome"),
        _text("reason"),
        sa.Column("figures", JSONB(), nullable=False),
        *(_text(name, nullable=True) for name in ("payment_id", "bill_id")),
        *_checks(
            action,
            {
                "kind": "kind IN ('cash', 'ticket', 'reading', 'visit', 'void')",
                "outcome": "outcome IN ('taken', 'conflict', 'refused')",
                "reason": "(outcome = 'taken') = (reason = '')",
                "amount": f"amount {_AMOUNT}",
                "money": "(kind IN ('cash', 'ticket')) = (amount IS NOT NULL)",
                "money_is_booked": "(amount IS NOT NULL AND outcome <> 'refused')"
                " = (payment_id IS NOT NULL)",
                "number": "number > 0",
            },
        ),
        *_named(
            action,
            {
                "agency_id": "agency",
                "collector_id": "staff_user",
                "stall_id": "stall",
                "market_id": "market",
                "payment_id": "payment",
                "bill_id": "bill",
            },
        ),
    )
    op.create_index(
        "uq_collected_action_number",
        action,
        ["agency_id", "number"],
        unique=True,
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index("uq_collected_action_payment_id", action, ["payment_id"], unique=True)
    op.create_index("ix_collected_action_collector_id", action, ["collector_id", "received_at"])
    op.create_index("ix_collected_action_stall_id", action, ["stall_id", "received_at"])
    op.create_table(
        "cash_handover",
        *(_text(name) for name in ("id", "agency_id", "collector_id")),
        sa.Column("declared", sa.BigInteger(), nullable=False),
        _text("reference"),
        _moment("declared_at"),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        _text("counted_by", nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        _text("difference"),
        *_checks(
            "cash_handover",
            {
                "declared": f"declared {_AMOUNT}",
                "counted": "counted BETWEEN 0 AND 10000000000000",
                "counted_by": "(counted IS NULL) = (counted_by IS NULL)",
                "counted_at": "(counted IS NULL) = (counted_at IS NULL)",
                "two_people": "counted_by <> collector_id",
                "difference": "counted = declared OR difference <> ''",
            },
        ),
        *_named(
            "cash_handover",
            {"agency_id": "agency", "collector_id": "staff_user", "counted_by": "staff_user"},
        ),
        sa.ForeignKeyConstraint(
            ["reference"], ["reference.reference"], name=op.f("fk_cash_handover_reference")
        ),
        sa.UniqueConstraint("reference", name=op.f("uq_cash_handover_reference")),
    )
    op.create_index(
        "ix_cash_handover_collector_id", "cash_handover", ["collector_id", "declared_at"]
    )
    op.create_table(
        "cash_deposit",
        *(_text(name) for name in ("id", "handover_id", "payment_id")),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        _text("transaction_id"),
        _moment("created_at"),
        *_checks("cash_deposit", {"amount": f"amount {_AMOUNT}"}),
        *_named(
            "cash_deposit",
            {
                "handover_id": "cash_handover",
                "payment_id": "payment",
                "transaction_id": "ledger_transaction",
            },
        ),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_cash_deposit_transaction_id")),
    )
    op.create_index("ix_cash_deposit_handover_id", "cash_deposit", ["handover_id"])
    op.create_index("ix_cash_deposit_payment_id", "cash_deposit", ["payment_id"])
    for statement in (*CREATE_COLLECTING_GUARDS, *map(lasting, _TABLES)):
        op.execute(statement)


def downgrade() -> None:
    """Take them away; it fails where cash has been taken, for then the books tell of it."""
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION check_kept_handover()")
    op.execute("DROP FUNCTION check_deposit()")
    op.execute("DELETE FROM reference WHERE kind = 'handover'")
    _check("reference", "kind", f"kind IN ({_KINDS_BEFORE})")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE})")
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE})")
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _checks(table: str, conditions: dict[str, str]) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def _named(table: str, targets: dict[str, str]) -> list[sa.Constraint]:
    """The primary key, and the foreign keys."""
    keys: list[sa.Constraint] = [sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))]
    return keys + [
        sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, to in targets.items()
    ]
