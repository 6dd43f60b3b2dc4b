"""Notices keep the value that was verified, are tried a limited number of times, and set aside.

Rows of before have no value: they are read once more by their adapter when they are applied.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the index follows the time at which a notice is due."""
    op.add_column("callback", sa.Column("content", sa.LargeBinary(), nullable=True))
    # A default, so that the version before this one can go on keeping callbacks meanwhile.
    op.add_column(
        "callback",
        sa.Column(
            "due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.add_column("callback", sa.Column("last_error", sa.String(), nullable=True))
    _states("'received', 'applied', 'set_aside'")
    op.drop_index("ix_callback_received", table_name="callback")
    op.create_index(
        "ix_callback_due", "callback", ["due_at"], postgresql_where=sa.text("state = 'received'")
    )


def _states(allowed: str) -> None:
    op.drop_constraint(op.f("ck_callback_state"), "callback", type_="check")
    op.create_check_constraint(op.f("ck_callback_state"), "callback", f"state IN ({allowed})")


def downgrade() -> None:
    """Take them away; what was set aside is tried again."""
    op.drop_index("ix_callback_due", table_name="callback")
    op.create_index(
        "ix_callback_received",
        "callback",
        ["received_at"],
        postgresql_where=sa.text("state = 'received'"),
    )
    op.execute("UPDATE callback SET state = 'received' WHERE state = 'set_aside'")
    _states("'received', 'applied'")
    op.drop_column("callback", "last_error")
    op.drop_column("callback", "due_at")
    op.drop_column("callback", "content")
