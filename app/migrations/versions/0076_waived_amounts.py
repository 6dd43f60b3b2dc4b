"""Waivers of an amount beside those of a percentage."""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

_TABLE = "stall_waiver"


def upgrade() -> None:
    """Waivers that are there are of a percentage."""
    op.add_column(
        _TABLE, sa.Column("amount", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    _percent("percent BETWEEN 0 AND 100")
    op.create_check_constraint(
        op.f("ck_stall_waiver_amount"), _TABLE, "amount BETWEEN 0 AND 1000000000"
    )
    op.create_check_constraint(
        op.f("ck_stall_waiver_one_of_both"), _TABLE, "(percent > 0) <> (amount > 0)"
    )


def downgrade() -> None:
    """Refused by the database once an amount was waived: it was let off."""
    op.drop_constraint(op.f("ck_stall_waiver_one_of_both"), _TABLE, type_="check")
    op.drop_constraint(op.f("ck_stall_waiver_amount"), _TABLE, type_="check")
    _percent("percent BETWEEN 1 AND 100")
    op.drop_column(_TABLE, "amount")


def _percent(condition: str) -> None:
    op.drop_constraint(op.f("ck_stall_waiver_percent"), _TABLE, type_="check")
    op.create_check_constraint(op.f("ck_stall_waiver_percent"), _TABLE, condition)
