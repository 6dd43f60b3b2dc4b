"""Money on a stall's reference that waits for what its holder will owe, under its own reason."""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0056"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead', 'gateway_settlement',"
    " 'settled_by_gateway', 'refund_returned', 'unsigned_notice'"
)


def upgrade() -> None:
    """Allow the reason, and find a stall's money without reading all."""
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE}, 'stall_credit')")
    op.create_index(
        "ix_suspense_item_stall_credit",
        "suspense_item",
        ["payment_id"],
        postgresql_where=sa.text("closed_at IS NULL AND reason = 'stall_credit'"),
    )
    op.create_index(
        "ix_payment_reference",
        "payment",
        ["reference", "created_at"],
        postgresql_where=sa.text("reference IS NOT NULL"),
    )


def downgrade() -> None:
    """Without stalls such a reference is one that nobody knows: people look at the money."""
    op.drop_index("ix_payment_reference", "payment")
    op.drop_index("ix_suspense_item_stall_credit", "suspense_item")
    op.execute(
        "UPDATE suspense_item SET reason = 'unknown_reference' WHERE reason = 'stall_credit'"
    )
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
