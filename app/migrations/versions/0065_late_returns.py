"""Money of a closed day that the bank took back afterwards, and the day that has it once more."""

import sqlalchemy as sa
from alembic import op

from core.guards import append_only, lasting

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

_TABLE = "late_return"


def upgrade() -> None:
    """Make the table; its rows are only ever added."""
    op.create_table(
        _TABLE,
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("accounting_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{_TABLE}_{column}"))
            for column, to in (
                ("payment_id", "payment"),
                ("line_id", "statement_line"),
                ("collection_account_id", "collection_account"),
            )
        ),
        sa.PrimaryKeyConstraint("payment_id", "line_id", name=op.f(f"pk_{_TABLE}")),
    )
    op.create_index(
        op.f("ix_late_return_accounting_on"), _TABLE, ["collection_account_id", "accounting_on"]
    )
    op.execute(append_only(_TABLE))
    op.execute(lasting(_TABLE))


def downgrade() -> None:
    """Take it away: such money is told by no day but its own, which is closed."""
    op.drop_table(_TABLE)
