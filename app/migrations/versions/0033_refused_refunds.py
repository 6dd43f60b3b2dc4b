"""What was asked back may be refused whatever has become of its money: the limit says so."""

from alembic import op

from payments.books.guards import CREATE_REFUND_LIMIT

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the function of now in the place of the one before."""
    op.execute(CREATE_REFUND_LIMIT[0])


def downgrade() -> None:
    """Nothing: the older service works with it."""
