"""Money said to have come before its account existed waits in suspense under a reason of its own."""

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead', 'gateway_settlement',"
    " 'settled_by_gateway', 'refund_returned', 'unsigned_notice', 'stall_credit',"
    " 'collector_deposit'"
)


def upgrade() -> None:
    """Allow the reason."""
    _check(f"reason IN ({_REASONS_BEFORE}, 'dated_before')")


def downgrade() -> None:
    """Money dated before is said to be in the older kind of doubt."""
    for table, column in (("suspense_item", "reason"), ("payment", "doubt")):
        op.execute(f"UPDATE {table} SET {column} = 'dated_ahead' WHERE {column} = 'dated_before'")
    _check(f"reason IN ({_REASONS_BEFORE})")


def _check(condition: str) -> None:
    op.drop_constraint(op.f("ck_suspense_item_reason"), "suspense_item", type_="check")
    op.create_check_constraint(op.f("ck_suspense_item_reason"), "suspense_item", condition)
