"""Of several runs of one day only the newest stands; each older one says which took its place."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of the runs of before, the last of a day stands."""
    op.add_column("reconciliation", sa.Column("superseded_by", sa.String(), nullable=True))
    op.create_foreign_key(
        op.f("fk_reconciliation_superseded_by"),
        "reconciliation",
        "reconciliation",
        ["superseded_by"],
        ["id"],
    )
    op.execute("""
        UPDATE reconciliation r SET superseded_by = n.newest
        FROM (
          SELECT id, first_value(id) OVER (
            PARTITION BY collection_account_id, business_on ORDER BY created_at DESC, id DESC
          ) AS newest FROM reconciliation
        ) n
        WHERE n.id = r.id AND n.newest <> r.id
    """)
    op.create_index(
        "uq_reconciliation_current",
        "reconciliation",
        ["collection_account_id", "business_on"],
        unique=True,
        postgresql_where=sa.text("superseded_by IS NULL"),
    )


def downgrade() -> None:
    """Take it away: all runs stand side by side."""
    op.drop_index("uq_reconciliation_current", table_name="reconciliation")
    op.drop_constraint(
        op.f("fk_reconciliation_superseded_by"), "reconciliation", type_="foreignkey"
    )
    op.drop_column("reconciliation", "superseded_by")
