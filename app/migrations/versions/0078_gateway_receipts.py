"""Receipts that gateways make out themselves, fetched and kept."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0078"
down_revision = "0076"
branch_labels = None
depends_on = None

_REFUSED = """
DO $$ BEGIN
    IF EXISTS (SELECT FROM gateway_receipt WHERE state = 'kept') THEN
        RAISE EXCEPTION 'there are receipts of gateways' USING ERRCODE = 'restrict_violation';
    END IF;
END $$
"""


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "gateway_receipt",
        sa.Column("payment_id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('wanted', 'kept', 'given_up')", name=op.f("ck_gateway_receipt_state")
        ),
        sa.CheckConstraint(
            "(state = 'wanted') = (ask_at IS NOT NULL)", name=op.f("ck_gateway_receipt_wanted")
        ),
        sa.CheckConstraint(
            "(state = 'kept') = (data IS NOT NULL)"
            " AND (state = 'kept') = (sha256 IS NOT NULL)"
            " AND (state = 'kept') = (kept_at IS NOT NULL)",
            name=op.f("ck_gateway_receipt_kept"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_gateway_receipt_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["gateway_account_id"],
            ["gateway_account.id"],
            name=op.f("fk_gateway_receipt_gateway_account_id"),
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_gateway_receipt")),
    )
    op.create_index(
        "ix_gateway_receipt_ask_at",
        "gateway_receipt",
        ["ask_at"],
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )
    op.execute(lasting("gateway_receipt"))


def downgrade() -> None:
    """Take it away; refused once a receipt was kept: its link has expired since."""
    op.execute(_REFUSED)
    op.drop_table("gateway_receipt")
