"""Payouts: gateways' batches cleared gross, with the fee as a posting of its own."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting
from payments.books.guards import CREATE_PAYOUT_CHECK

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_LEDGERS_BEFORE = (
    "'receivable', 'revenue', 'suspense', 'refundable', 'paid_back', 'reversed', 'in_transit',"
    " 'paying_back'"
)


def upgrade() -> None:
    """Make the ledger and the table; the table is held against its postings."""
    _check(f"ledger IN ({_LEDGERS_BEFORE}, 'gateway_fee')")
    op.create_table(
        "payout",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("clearing", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line_id", sa.String(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undoing", sa.String(), nullable=True),
        sa.CheckConstraint("amount BETWEEN 1 AND 10000000000000", name=op.f("ck_payout_amount")),
        sa.CheckConstraint("gross BETWEEN 0 AND 10000000000000", name=op.f("ck_payout_gross")),
        sa.CheckConstraint("amount = gross - fee", name=op.f("ck_payout_net_of_fee")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undoing IS NULL)", name=op.f("ck_payout_undone")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_payout_{column}"))
            for column, table in (
                ("payment_id", "payment"),
                ("collection_account_id", "collection_account"),
                ("clearing", "ledger_transaction"),
                ("undoing", "ledger_transaction"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("clearing", name=op.f("uq_payout_clearing")),
        sa.UniqueConstraint("undoing", name=op.f("uq_payout_undoing")),
    )
    op.create_index(op.f("ix_payout_collection_account_id"), "payout", ["collection_account_id"])
    for name, column in (("payment", "payment_id"), ("line", "line_id")):
        op.create_index(
            f"uq_payout_{name}",
            "payout",
            [column],
            unique=True,
            postgresql_where=sa.text("undone_at IS NULL"),
        )
    for statement in (*CREATE_PAYOUT_CHECK, lasting("payout")):
        op.execute(statement)


def downgrade() -> None:
    """Take both away; refused by the database once a gateway's fee was posted."""
    op.drop_table("payout")
    op.execute("DROP FUNCTION check_payout()")
    op.execute("DROP FUNCTION check_payout_kept()")
    _check(f"ledger IN ({_LEDGERS_BEFORE})")


def _check(condition: str) -> None:
    op.drop_constraint(op.f("ck_posting_ledger"), "posting", type_="check")
    op.create_check_constraint(op.f("ck_posting_ledger"), "posting", condition)
