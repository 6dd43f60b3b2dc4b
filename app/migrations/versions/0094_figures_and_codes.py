"""Figures of what is open are read from indexes, and stalls are found by their plain codes."""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the indexes, and the code's letters and digits as a column of the database's own."""
    plain = "upper(regexp_replace(code, '[^0-9A-Za-z]', '', 'g'))"
    op.add_column("stall", sa.Column("plain_code", sa.String(), sa.Computed(plain, persisted=True)))
    op.create_index("ix_stall_plain_code", "stall", ["plain_code"])
    for table, under_way in (("invoice", "asking"), ("payer_message", "sending")):
        open_states = f"state IN ('waiting', '{under_way}', 'unknown', 'set_aside')"
        op.create_index(f"ix_{table}_open", table, ["state"], postgresql_where=sa.text(open_states))


def downgrade() -> None:
    """Take them away."""
    for table in ("payer_message", "invoice"):
        op.drop_index(f"ix_{table}_open", table)
    op.drop_index("ix_stall_plain_code", "stall")
    op.drop_column("stall", "plain_code")
