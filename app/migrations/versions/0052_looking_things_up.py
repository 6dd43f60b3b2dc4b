"""Indexes by which staff look up bills, payments and decisions, and a hash of payers' names."""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0050"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_bill_amount", "bill", ("agency_id", "amount", "created_at", "id"), None),
    (
        "ix_payment_credited",
        "payment",
        ("agency_id", "credited", "created_at", "id"),
        "credited IS NOT NULL",
    ),
    (
        "ix_payment_gateway_ref",
        "payment",
        ("agency_id", "gateway_ref", "created_at", "id"),
        "gateway_ref IS NOT NULL",
    ),
    (
        "ix_payer_data_name",
        "payer_data",
        ("name_hash", "created_at", "subject_id"),
        "name_hash IS NOT NULL",
    ),
    ("ix_approval_object_id", "approval", ("object_id",), None),
    (
        "ix_outbox_delivery_set_aside",
        "outbox_delivery",
        ("event_id",),
        "state = 'set_aside'",
    ),
)


def upgrade() -> None:
    """Add them; payers of bills that are there already are found by everything but their name."""
    op.add_column("payer_data", sa.Column("name_hash", sa.String(), nullable=True))
    for name, table, columns, only in _INDEXES:
        where = None if only is None else sa.text(only)
        op.create_index(name, table, list(columns), postgresql_where=where)


def downgrade() -> None:
    """Take them away again."""
    for name, table, _, _ in reversed(_INDEXES):
        op.drop_index(name, table)
    op.drop_column("payer_data", "name_hash")
