"""At a bank that takes no letters, a reference follows the prefix of virtual accounts as digits."""

import sqlalchemy as sa
from alembic import op

revision = "0102"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: numbers are as they were until somebody says otherwise."""
    op.add_column(
        "collection_account",
        sa.Column("virtual_digits", sa.Boolean(), nullable=False, server_default="false"),
    )
    op.create_check_constraint(
        op.f("ck_collection_account_virtual_digits"),
        "collection_account",
        "NOT virtual_digits OR coalesce(virtual_prefix, '') ~ '^[0-9]{1,3}$'",
    )


def downgrade() -> None:
    """A prefix that digits follow goes with them: nothing else could follow it."""
    op.execute("UPDATE collection_account SET virtual_prefix = NULL WHERE virtual_digits")
    op.drop_column("collection_account", "virtual_digits")
