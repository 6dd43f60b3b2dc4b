"""Messages to payers and their channels; markets that remind, and that open months by themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import lasting

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_KINDS = "('sms', 'zns', 'email')"


def upgrade() -> None:
    """Make the tables; markets that are there go on being billed by people."""
    op.create_table(
        "message_channel",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("accents", sa.Boolean(), nullable=False),
        sa.Column("access", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.CheckConstraint(f"kind IN {_KINDS}", name=op.f("ck_message_channel_kind")),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_message_channel_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_channel")),
    )
    op.create_index(
        "uq_message_channel_standing",
        "message_channel",
        ["agency_id", "kind"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.execute(lasting("message_channel"))
    op.create_table(
        "payer_message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("once", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", _MOMENT, nullable=True),
        sa.Column("waits_since", _MOMENT, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=True),
        sa.Column("provider_ref", sa.String(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("tried_at", _MOMENT, nullable=True),
        sa.Column("sent_at", _MOMENT, nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_payer_message_{name}"))
            for name, condition in (
                ("kind", "kind IN ('reminder', 'receipt')"),
                ("channel", f"channel IN {_KINDS}"),
                ("language", "language IN ('vi', 'en')"),
                (
                    "state",
                    "state IN ('waiting', 'sending', 'unknown', 'sent', 'dropped', 'set_aside')",
                ),
                ("sent", "(state = 'sent') = (sent_at IS NOT NULL)"),
            )
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_payer_message_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_message")),
        sa.UniqueConstraint("once", name=op.f("uq_payer_message_once")),
    )
    op.create_index(
        "ix_payer_message_due",
        "payer_message",
        ["due_at"],
        postgresql_where=sa.text("state IN ('waiting', 'sending', 'unknown')"),
    )
    op.create_index(op.f("ix_payer_message_agency_id"), "payer_message", ["agency_id", "id"])
    op.add_column(
        "market",
        sa.Column(
            "reminder_days",
            postgresql.ARRAY(sa.Integer()),
            server_default=sa.text("'{5,10}'"),
            nullable=False,
        ),
    )
    op.add_column("market", sa.Column("opens_itself_from_on", sa.Date(), nullable=True))
    op.add_column("market", sa.Column("opening_until", _MOMENT, nullable=True))
    op.add_column("market", sa.Column("reminded_on", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_market_reminder_days"),
        "market",
        "1 <= ALL (reminder_days) AND 28 >= ALL (reminder_days)",
    )
    op.add_column(
        "vendor",
        sa.Column("language", sa.String(), server_default=sa.text("'vi'"), nullable=False),
    )
    op.add_column("vendor", sa.Column("reminders_refused_at", _MOMENT, nullable=True))
    op.create_check_constraint(op.f("ck_vendor_language"), "vendor", "language IN ('vi', 'en')")


def downgrade() -> None:
    """Take them away: nobody is told anything, and months are opened by people."""
    op.drop_constraint(op.f("ck_vendor_language"), "vendor", type_="check")
    op.drop_column("vendor", "reminders_refused_at")
    op.drop_column("vendor", "language")
    op.drop_constraint(op.f("ck_market_reminder_days"), "market", type_="check")
    for column in ("reminded_on", "opening_until", "opens_itself_from_on", "reminder_days"):
        op.drop_column("market", column)
    op.drop_table("payer_message")
    op.drop_table("message_channel")
