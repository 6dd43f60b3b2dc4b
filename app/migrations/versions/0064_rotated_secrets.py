"""Secrets of gateways are rotated: notices under the ones before are taken for a while."""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the credentials before, and until when."""
    op.add_column(
        "gateway_account", sa.Column("previous_credentials", sa.LargeBinary(), nullable=True)
    )
    op.add_column(
        "gateway_account", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    """Only the present ones hold."""
    op.drop_column("gateway_account", "previous_until")
    op.drop_column("gateway_account", "previous_credentials")
