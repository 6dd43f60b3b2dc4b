"""A receipt keeps when its money was there, beside the day of its issue.

Receipts of before bear the day of payment as their date and stay as they are: theirs is null.
"""

import sqlalchemy as sa
from alembic import op

from receipts.guards import CREATE_FROZEN_RECEIPT, FREEZE_PAID_AT

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and freeze it with the rest."""
    op.add_column("receipt", sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(FREEZE_PAID_AT)


def downgrade() -> None:
    """Take it away; the receipts' content still says it."""
    op.execute(CREATE_FROZEN_RECEIPT[0])
    op.drop_column("receipt", "paid_at")
