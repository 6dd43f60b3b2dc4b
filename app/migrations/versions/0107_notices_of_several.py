"""Notices that name several payers' references: found by account, day and amount."""

import sqlalchemy as sa
from alembic import op

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Few do: whoever names one of them is looked for among these alone."""
    op.create_index(
        "ix_credit_notice_several",
        "credit_notice",
        ["collection_account_id", "booked_on", "amount"],
        postgresql_where=sa.text("strpos(reference, ' ') > 0"),
    )


def downgrade() -> None:
    """Without it each notice would be held against all of its day."""
    op.drop_index("ix_credit_notice_several", "credit_notice")
