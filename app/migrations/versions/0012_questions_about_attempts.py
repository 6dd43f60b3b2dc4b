"""What a gateway last said of an open attempt, when it was asked, and who may go on with its page.

Attempts of before were asked nobody knows when, and their pages are taken for private ones.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; nothing is known for the attempts that exist."""
    op.add_column("payment", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment", sa.Column("gateway_says", sa.String(), nullable=True))
    op.add_column("payment", sa.Column("private", sa.Boolean(), nullable=True))
    op.create_check_constraint(
        op.f("ck_payment_gateway_says"), "payment", "gateway_says IN ('pending', 'not_found')"
    )


def downgrade() -> None:
    """Take them away: attempts are asked about by the worker alone."""
    op.drop_constraint(op.f("ck_payment_gateway_says"), "payment")
    op.drop_column("payment", "private")
    op.drop_column("payment", "gateway_says")
    op.drop_column("payment", "asked_at")
