"""Notes on payments and receipts as on bills; notices that were set aside are read by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One table for all notes, those on bills taken along as they are sealed; and the index."""
    op.create_table(
        "mark",
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=True),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("marked_by", sa.String(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('bill', 'payment', 'receipt')", name=op.f("ck_mark_kind")),
        sa.CheckConstraint("kind <> 'bill' OR bill_id = object_id", name=op.f("ck_mark_bill")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_mark_agency_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_mark_bill_id")),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_mark")),
    )
    op.create_index("ix_mark_agency", "mark", ["agency_id", "marked_at"])
    op.execute(
        "INSERT INTO mark (object_id, kind, bill_id, agency_id, content, marked_by, marked_at)"
        " SELECT bill_id, 'bill', bill_id, agency_id, content, marked_by, marked_at FROM bill_mark"
    )
    op.drop_table("bill_mark")
    op.create_index(
        "ix_callback_set_aside",
        "callback",
        ["received_at", "id"],
        postgresql_where=sa.text("state = 'set_aside'"),
    )


def downgrade() -> None:
    """Notes on bills stay; the version before has no place for the others, and they go."""
    op.drop_index("ix_callback_set_aside", "callback")
    op.create_table(
        "bill_mark",
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("marked_by", sa.String(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_bill_mark_agency_id")),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_bill_mark_bill_id")),
        sa.PrimaryKeyConstraint("bill_id", name=op.f("pk_bill_mark")),
    )
    op.create_index("ix_bill_mark_agency", "bill_mark", ["agency_id", "marked_at"])
    op.execute(
        "INSERT INTO bill_mark (bill_id, agency_id, content, marked_by, marked_at)"
        " SELECT object_id, agency_id, content, marked_by, marked_at FROM mark WHERE kind = 'bill'"
    )
    op.drop_table("mark")
