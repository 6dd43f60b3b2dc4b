"""Disputes, and refunds that a gateway makes by itself because the payer's bank wants them."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0070"
down_revision = "0068"
branch_labels = None
depends_on = None

_AMOUNT = "amount BETWEEN 1 AND 10000000000000"
_ONE_WAY = (
    " THEN gateway_account_id IS NOT NULL AND payee IS NULL"
    " AND bank_ref IS NULL AND line_id IS NULL"
    " ELSE gateway_account_id IS NULL AND gateway_ref IS NULL"
    " AND gateway_paid_at IS NULL AND settlement_line_id IS NULL AND ask_at IS NULL"
    " AND status <> 'submitted' END"
)


def upgrade() -> None:
    """Add the table, and the way."""
    op.create_table(
        "dispute",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("dispute_ref", sa.String(), nullable=False),
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("respond_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_id", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_AMOUNT, name=op.f("ck_dispute_amount")),
        sa.CheckConstraint(
            "status IN ('inquiry', 'open', 'won', 'lost')", name=op.f("ck_dispute_status")
        ),
        sa.CheckConstraint(
            "(status IN ('won', 'lost')) = (decided_at IS NOT NULL)",
            name=op.f("ck_dispute_decided"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_dispute_agency_id")),
        sa.ForeignKeyConstraint(
            ["gateway_account_id"],
            ["gateway_account.id"],
            name=op.f("fk_dispute_gateway_account_id"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_dispute_payment_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_dispute_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint(
            "gateway_account_id",
            "dispute_ref",
            name=op.f("uq_dispute_gateway_account_id_dispute_ref"),
        ),
        sa.UniqueConstraint("refund_id", name=op.f("uq_dispute_refund_id")),
    )
    op.create_index("ix_dispute_agency", "dispute", ["agency_id", "id"])
    op.create_index("ix_dispute_payment_id", "dispute", ["payment_id"])
    op.execute(lasting("dispute"))
    _check("way", "way IN ('bank', 'gateway', 'dispute')")
    _check("one_way", f"CASE WHEN way <> 'bank'{_ONE_WAY}")


def downgrade() -> None:
    """Take it away; refused by the database once something was disputed."""
    _check("one_way", f"CASE way WHEN 'gateway'{_ONE_WAY}")
    _check("way", "way IN ('bank', 'gateway')")
    op.drop_table("dispute")


def _check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_refund_{name}"), "refund", type_="check")
    op.create_check_constraint(op.f(f"ck_refund_{name}"), "refund", condition)
