"""Refunds: their table and what the database keeps of them by itself, and where their money is."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting
from payments.books.guards import CREATE_REFUND_LIMIT

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead', 'gateway_settlement',"
    " 'settled_by_gateway'"
)
_LEDGERS_BEFORE = (
    "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back', 'reversed', 'in_transit'"
)
_PLACES_BEFORE = "'suspense', 'refundable', 'reversed', 'in_transit'"
_KINDS_BEFORE = "'bill', 'procedure', 'stall'"


def upgrade() -> None:
    """Make the table, its guard, the places and the ledger."""
    _check("reference", "kind", f"kind IN ({_KINDS_BEFORE}, 'refund')")
    op.create_table(
        "refund",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("from_revenue", sa.BigInteger(), nullable=False),
        sa.Column("payee", sa.LargeBinary(), nullable=True),
        sa.Column("bank_ref", sa.String(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.Column("accounting_on", sa.Date(), nullable=True),
        sa.CheckConstraint("amount BETWEEN 1 AND 10000000000000", name=op.f("ck_refund_amount")),
        sa.CheckConstraint(
            "from_revenue BETWEEN 0 AND amount", name=op.f("ck_refund_from_revenue")
        ),
        sa.CheckConstraint(
            "from_revenue = 0 OR bill_id IS NOT NULL", name=op.f("ck_refund_revenue_of_a_bill")
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'submitted', 'unknown', 'succeeded', 'failed',"
            " 'rejected')",
            name=op.f("ck_refund_status"),
        ),
        sa.CheckConstraint(
            "(status = 'succeeded') = (line_id IS NOT NULL)", name=op.f("ck_refund_proved")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.{name}"], name=op.f(f"fk_refund_{column}"))
            for column, table, name in (
                ("payment_id", "payment", "id"),
                ("agency_id", "agency", "id"),
                ("collection_account_id", "collection_account", "id"),
                ("reference", "reference", "reference"),
                ("bill_id", "bill", "id"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("reference", name=op.f("uq_refund_reference")),
        sa.UniqueConstraint("line_id", name=op.f("uq_refund_line_id")),
    )
    op.create_index("ix_refund_payment", "refund", ["payment_id"])
    op.create_index("ix_refund_agency", "refund", ["agency_id", "id"])
    op.create_index(
        "ix_refund_expected",
        "refund",
        ["collection_account_id"],
        postgresql_where=sa.text("status IN ('approved', 'unknown')"),
    )
    for statement in (*CREATE_REFUND_LIMIT, lasting("refund")):
        op.execute(statement)
    op.add_column("suspense_item", sa.Column("refund_id", sa.String(), nullable=True))
    op.create_foreign_key(
        op.f("fk_suspense_item_refund_id"), "suspense_item", "refund", ["refund_id"], ["id"]
    )
    op.create_index(op.f("ix_suspense_item_refund_id"), "suspense_item", ["refund_id"])
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE}, 'paying_back', 'paid_back')")
    op.create_check_constraint(
        op.f("ck_suspense_item_refund"),
        "suspense_item",
        "(place IN ('paying_back', 'paid_back')) = (refund_id IS NOT NULL)",
    )
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE}, 'refund_returned')")
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE}, 'paying_back')")


def downgrade() -> None:
    """Take it all away; refused by the database once a refund was approved."""
    _check("posting", "ledger", f"ledger IN ({_LEDGERS_BEFORE})")
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")
    op.drop_constraint(op.f("ck_suspense_item_refund"), "suspense_item", type_="check")
    _check("suspense_item", "place", f"place IN ({_PLACES_BEFORE})")
    op.drop_column("suspense_item", "refund_id")
    op.drop_table("refund")
    op.execute("DROP FUNCTION check_refund()")
    op.execute("DELETE FROM reference WHERE kind = 'refund'")
    _check("reference", "kind", f"kind IN ({_KINDS_BEFORE})")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
