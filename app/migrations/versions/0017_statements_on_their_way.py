"""Statements on their way in have rows of their own; discrepancies are read page by page."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of takings, and the index that a page of discrepancies is read by."""
    op.create_table(
        "statement_taking",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("large", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("refusal", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('taking', 'taken', 'refused')", name=op.f("ck_statement_taking_state")
        ),
        sa.ForeignKeyConstraint(
            ["collection_account_id"],
            ["collection_account.id"],
            name=op.f("fk_statement_taking_collection_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_taking")),
    )
    op.create_index(
        "ix_statement_taking_under_way",
        "statement_taking",
        ["beat_at"],
        postgresql_where=sa.text("state = 'taking'"),
    )
    op.create_index("ix_statement_taking_created_at", "statement_taking", ["created_at"])
    op.drop_index("ix_discrepancy_reconciliation", table_name="discrepancy")
    op.create_index("ix_discrepancy_reconciliation", "discrepancy", ["reconciliation_id", "id"])


def downgrade() -> None:
    """Take the table away, and give the index its one column."""
    op.drop_index("ix_discrepancy_reconciliation", table_name="discrepancy")
    op.create_index("ix_discrepancy_reconciliation", "discrepancy", ["reconciliation_id"])
    op.drop_table("statement_taking")
