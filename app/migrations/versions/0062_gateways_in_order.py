"""Bodies put their gateways in order, and nobody is sent to one that does not answer."""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the place in the order, and the table of breakers."""
    op.add_column(
        "gateway_account",
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "gateway_breaker",
        sa.Column("gateway_account_id", sa.String(), nullable=False),
        sa.Column("silences", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("silences >= 0", name=op.f("ck_gateway_breaker_silences")),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (probe_at IS NULL)", name=op.f("ck_gateway_breaker_opened")
        ),
        sa.ForeignKeyConstraint(
            ["gateway_account_id"],
            ["gateway_account.id"],
            name=op.f("fk_gateway_breaker_gateway_account_id"),
        ),
        sa.PrimaryKeyConstraint("gateway_account_id", name=op.f("pk_gateway_breaker")),
    )


def downgrade() -> None:
    """Take both away."""
    op.drop_table("gateway_breaker")
    op.drop_column("gateway_account", "rank")
