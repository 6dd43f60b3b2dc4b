"""What gateways say that they have paid over: their settlement files and the lines of these."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables; no statement empties them."""
    op.create_table(
        "settlement",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("collection_account_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("mapping", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _refers("settlement", "gateway_account_id", "gateway_account"),
        _refers("settlement", "collection_account_id", "collection_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement")),
        sa.UniqueConstraint(
            "gateway_account_id", "sha256", name=op.f("uq_settlement_gateway_account_id_sha256")
        ),
    )
    op.create_index(
        op.f("ix_settlement_collection_account_id"), "settlement", ["collection_account_id"]
    )
    op.create_table(
        "settlement_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("settlement_id", sa.String(), nullable=False),
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("batch_ref", sa.String(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("order_ref", sa.String(), nullable=False),
        sa.Column("gateway_ref", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.CheckConstraint(
            "amount BETWEEN 1 AND 10000000000000", name=op.f("ck_settlement_line_amount")
        ),
        sa.CheckConstraint("fee BETWEEN 0 AND amount", name=op.f("ck_settlement_line_fee")),
        sa.CheckConstraint("kind IN ('payment', 'refund')", name=op.f("ck_settlement_line_kind")),
        _refers("settlement_line", "settlement_id", "settlement"),
        _refers("settlement_line", "gateway_account_id", "gateway_account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_line")),
        sa.UniqueConstraint(
            "gateway_account_id",
            "fingerprint",
            name=op.f("uq_settlement_line_gateway_account_id_fingerprint"),
        ),
    )
    op.create_index(op.f("ix_settlement_line_settlement_id"), "settlement_line", ["settlement_id"])
    for name, column in (("batch", "batch_ref"), ("business", "business_on")):
        op.create_index(
            f"ix_settlement_line_{name}", "settlement_line", ["gateway_account_id", column]
        )
    for table in ("settlement", "settlement_line"):
        op.execute(lasting(table))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    """Take both away."""
    op.drop_table("settlement_line")
    op.drop_table("settlement")
