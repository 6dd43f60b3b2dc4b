"""Payments at gateways that a run found paid over, with the line and the batch that say so."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting
from reconciliation.guards import CREATE_SETTLED_GUARDS

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; its rows of a closed day stay as they are, and no statement empties it."""
    op.create_table(
        "settled_payment",
        sa.Column("reconciliation_id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("paid_batch_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{to}.id"], name=op.f(f"fk_settled_payment_{column}")
            )
            for column, to in (
                ("reconciliation_id", "reconciliation"),
                ("payment_id", "payment"),
                ("line_id", "settlement_line"),
                ("paid_batch_id", "paid_batch"),
            )
        ),
        sa.PrimaryKeyConstraint("reconciliation_id", "payment_id", name=op.f("pk_settled_payment")),
    )
    for column in ("payment_id", "paid_batch_id"):
        op.create_index(op.f(f"ix_settled_payment_{column}"), "settled_payment", [column])
    for statement in (*CREATE_SETTLED_GUARDS, lasting("settled_payment")):
        op.execute(statement)


def downgrade() -> None:
    """Take it away."""
    op.drop_table("settled_payment")
