"""Money dated ahead waits for its own reason, and an account knows since when it exists."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_REASONS_BEFORE = (
    "'no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate', 'statement_only', 'same_money', 'refund_wanted',"
    " 'statement_withdrawn', 'returned_by_bank'"
)


def upgrade() -> None:
    """Allow the reason, and add the column; of accounts of before nobody has said."""
    _reasons(f"{_REASONS_BEFORE}, 'dated_ahead'")
    op.add_column("collection_account", sa.Column("opened_on", sa.Date(), nullable=True))


def _reasons(allowed: str) -> None:
    op.drop_constraint(op.f("ck_suspense_item_reason"), "suspense_item", type_="check")
    op.create_check_constraint(
        op.f("ck_suspense_item_reason"), "suspense_item", f"reason IN ({allowed})"
    )


def downgrade() -> None:
    """Take both away; money dated ahead is said to be in the older kind of doubt."""
    op.drop_column("collection_account", "opened_on")
    op.execute(
        "UPDATE suspense_item SET reason = 'conflicting_notice' WHERE reason = 'dated_ahead'"
    )
    op.execute("UPDATE payment SET doubt = 'conflicting_notice' WHERE doubt = 'dated_ahead'")
    _reasons(_REASONS_BEFORE)
