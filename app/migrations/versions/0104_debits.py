"""Debits of statements by account and day: what may return money is looked for among them alone."""

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0102"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A day has many credits and few debits."""
    op.create_index(
        "ix_statement_line_debit",
        "statement_line",
        ["collection_account_id", "booked_at"],
        postgresql_where=sa.text("direction = 'debit' AND withdrawn_at IS NULL"),
    )


def downgrade() -> None:
    """Without it a check reads all lines of the open days."""
    op.drop_index("ix_statement_line_debit", "statement_line")
