"""Signs of life of workers, wrong guesses, money dated ahead, and since when an account exists.

The index of what was told of transfers by the payer's reference begins with the reference now: it
serves whoever looks for a transfer to one poster as well, and those who asked it before ask for all
of its columns.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None

_BY_PAYER = "ix_credit_notice_payer"
_REASONS = (
    "reason IN ('no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice',"
    " 'possible_duplicate'{more})"
)


def upgrade() -> None:
    """Add the tables, the reason and the column, and order the index anew."""
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
    _reasons(_REASONS.format(more=", 'dated_ahead'"))
    op.add_column("collection_account", sa.Column("opened_on", sa.Date(), nullable=True))


def _reasons(allowed: str) -> None:
    op.drop_constraint(op.f("ck_suspense_item_reason"), "suspense_item", type_="check")
    op.create_check_constraint(op.f("ck_suspense_item_reason"), "suspense_item", allowed)


def downgrade() -> None:
    """Take them away; money dated ahead is said to be in the older kind of doubt."""
    op.drop_column("collection_account", "opened_on")
    op.execute(
        "UPDATE suspense_item SET reason = 'conflicting_notice' WHERE reason = 'dated_ahead'"
    )
    op.execute("UPDATE payment SET doubt = 'conflicting_notice' WHERE doubt = 'dated_ahead'")
    _reasons(_REASONS.format(more=""))
    op.drop_index(_BY_PAYER, table_name="credit_notice")
    columns = ["collection_account_id", "booked_on", "reference"]
    op.create_index(_BY_PAYER, "credit_notice", columns)
    op.drop_table("wrong_guess")
    op.drop_table("heartbeat")
