"""Notes that staff set on bills for one another."""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "bill_mark",
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("marked_by", sa.String(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_bill_mark_agency_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_mark_bill_id")),
        sa.PrimaryKeyConstraint("bill_id", name=op.f("pk_bill_mark")),
    )
    op.create_index("ix_bill_mark_agency", "bill_mark", ["agency_id", "marked_at"])


def downgrade() -> None:
    """Take it away, with what was noted."""
    op.drop_table("bill_mark")
