"""A collection account may have a prefix under which its bank gives out virtual accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column: no account has virtual accounts until somebody says so."""
    op.add_column("collection_account", sa.Column("virtual_prefix", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("ck_collection_account_virtual_prefix"),
        "collection_account",
        "virtual_prefix ~ '^[0-9A-Z]{1,5}$'",
    )


def downgrade() -> None:
    """Payers are sent to the accounts themselves again."""
    op.drop_column("collection_account", "virtual_prefix")
