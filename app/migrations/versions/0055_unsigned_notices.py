"""Money that is told of without a signature waits in suspense under a reason of its own."""

from alembic import op

revision = "0055"
down_revision = "0053"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank', 'dated_ahead', 'gateway_settlement',"
    " 'settled_by_gateway', 'refund_returned'"
)


def upgrade() -> None:
    """Allow the reason."""
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE}, 'unsigned_notice')")


def downgrade() -> None:
    """Money that waits so waits for people, as what only a statement tells of."""
    op.execute(
        "UPDATE suspense_item SET reason = 'possible_duplicate' WHERE reason = 'unsigned_notice'"
    )
    _check("suspense_item", "reason", f"reason IN ({_REASONS_BEFORE})")


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
