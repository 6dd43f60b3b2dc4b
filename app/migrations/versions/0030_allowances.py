"""How often an address looks things up and opens bills is counted for all processes at once.

Not logged, like what it is for: after a crash of the database everybody begins anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "allowance",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_allowance")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_allowance_full_at"), "allowance", ["full_at"])


def downgrade() -> None:
    """Take it away: each process counts for itself."""
    op.drop_table("allowance")
