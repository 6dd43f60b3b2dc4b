"""Receipts whose money the bank took back: they stand no longer, and another may replace them."""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

_BEFORE = "status IN ('numbered', 'issued', 'replaced', 'notified', 'refunded')"
_AFTER = "status IN ('numbered', 'issued', 'replaced', 'notified', 'refunded', 'returned')"


def upgrade() -> None:
    """Let a bill have several receipts of which one stands."""
    op.drop_constraint(op.f("ck_receipt_status"), "receipt")
    op.create_check_constraint(op.f("ck_receipt_status"), "receipt", _AFTER)
    op.drop_constraint(op.f("uq_receipt_bill_id"), "receipt")
    op.create_index(op.f("ix_receipt_bill_id"), "receipt", ["bill_id"])
    op.create_index(
        "uq_receipt_standing",
        "receipt",
        ["bill_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('replaced', 'returned')"),
    )


def downgrade() -> None:
    """Take it back; it is refused where money was taken back of a receipt."""
    op.drop_index("uq_receipt_standing", "receipt")
    op.drop_index(op.f("ix_receipt_bill_id"), "receipt")
    op.create_unique_constraint(op.f("uq_receipt_bill_id"), "receipt", ["bill_id"])
    op.drop_constraint(op.f("ck_receipt_status"), "receipt")
    op.create_check_constraint(op.f("ck_receipt_status"), "receipt", _BEFORE)
