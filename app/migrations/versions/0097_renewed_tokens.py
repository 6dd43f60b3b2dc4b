"""Tokens of message channels are asked for anew before they end; reports of what was delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say when and how often; channels of before have nothing to be renewed by."""
    moment = sa.DateTime(timezone=True)
    op.add_column("message_channel", sa.Column("renewal_due_at", moment, nullable=True))
    for name in ("renewal_turn", "renewal_failures"):
        count = sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"))
        op.add_column("message_channel", count)
    op.add_column("message_channel", sa.Column("renewal_fault", sa.String(), nullable=True))
    op.add_column("message_channel", sa.Column("token_until", moment, nullable=True))
    op.create_index(
        "ix_message_channel_renewal",
        "message_channel",
        ["renewal_due_at"],
        postgresql_where=sa.text("renewal_due_at IS NOT NULL AND removed_at IS NULL"),
    )
    op.add_column("payer_message", sa.Column("delivery", sa.String(), nullable=True))
    op.add_column("payer_message", sa.Column("reported_at", moment, nullable=True))
    op.create_check_constraint(
        op.f("ck_payer_message_delivery"), "payer_message", "delivery IN ('delivered', 'failed')"
    )
    op.create_check_constraint(
        op.f("ck_payer_message_reported"),
        "payer_message",
        "(delivery IS NULL) = (reported_at IS NULL)",
    )
    op.create_index(
        "ix_payer_message_provider_ref",
        "payer_message",
        ["provider_ref"],
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it away: tokens are renewed by setting the channel up."""
    op.drop_index("ix_payer_message_provider_ref", "payer_message")
    op.drop_constraint(op.f("ck_payer_message_reported"), "payer_message")
    op.drop_constraint(op.f("ck_payer_message_delivery"), "payer_message")
    op.drop_column("payer_message", "reported_at")
    op.drop_column("payer_message", "delivery")
    op.drop_index("ix_message_channel_renewal", "message_channel")
    for name in (
        *("token_until", "renewal_fault", "renewal_failures", "renewal_turn"),
        "renewal_due_at",
    ):
        op.drop_column("message_channel", name)
