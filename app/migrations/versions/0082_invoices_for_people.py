"""Invoices that wait for a person are found among however many were made."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "ix_invoice_for_people",
        "invoice",
        ["agency_id", "id"],
        postgresql_where=sa.text(
            "state = 'set_aside' OR (state = 'issued' AND money_back <> adjusted)"
        ),
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_invoice_for_people", table_name="invoice")
