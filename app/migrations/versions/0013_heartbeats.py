"""Workers leave signs of life; wrong guesses are counted, and a poster's payers found.

The index of what was told of transfers by the payer's reference begins with the reference now: it
serves whoever looks for a transfer to one poster as well, and those who asked it before ask for all
of its columns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_BY_PAYER = "ix_credit_notice_payer"


def upgrade() -> None:
    """Add the tables, and order the index anew."""
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_heartbeat")),
    )
    op.create_index(op.f("ix_heartbeat_beat_at"), "heartbeat", ["beat_at"])
    op.create_table(
        "wrong_guess",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong_guess")),
    )
    op.create_index("ix_wrong_guess_subject", "wrong_guess", ["subject", "at"])
    op.drop_index(_BY_PAYER, table_name="credit_notice")
    columns = ["reference", "booked_on", "collection_account_id"]
    op.create_index(_BY_PAYER, "credit_notice", columns)


def downgrade() -> None:
    """Take them away; nothing else needs them."""
    op.drop_index(_BY_PAYER, table_name="credit_notice")
    columns = ["collection_account_id", "booked_on", "reference"]
    op.create_index(_BY_PAYER, "credit_notice", columns)
    op.drop_table("wrong_guess")
    op.drop_table("heartbeat")
