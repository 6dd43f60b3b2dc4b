"""Matches that two people have undone: the payment and the line are not put together again."""

import sqlalchemy as sa
from alembic import op

from core.guards import append_only, lasting

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; its rows are only ever added."""
    op.create_table(
        "undone_match",
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("approval_id", sa.String(), nullable=False),
        sa.Column("accounting_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_undone_match_{column}"))
            for column, to in (
                ("payment_id", "payment"),
                ("line_id", "statement_line"),
                ("collection_account_id", "collection_account"),
                ("reconciliation_id", "reconciliation"),
                ("approval_id", "approval"),
            )
        ),
        sa.PrimaryKeyConstraint("payment_id", "line_id", name=op.f("pk_undone_match")),
    )
    op.create_index(
        op.f("ix_undone_match_collection_account_id"), "undone_match", ["collection_account_id"]
    )
    op.execute(append_only("undone_match"))
    op.execute(lasting("undone_match"))


def downgrade() -> None:
    """Take it away."""
    op.drop_table("undone_match")
