"""Files of stalls that are taken in batch by batch, whoever sent them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import lasting

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    json = postgresql.JSONB(none_as_null=True, astext_type=sa.Text())
    op.create_table(
        "stall_import",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("market_id", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("added", json, nullable=False),
        sa.Column("faults", json, nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('loading', 'done', 'stopped')", name=op.f("ck_stall_import_state")
        ),
        sa.CheckConstraint(
            "(state = 'loading') = (finished_at IS NULL)", name=op.f("ck_stall_import_finished")
        ),
        sa.CheckConstraint(
            "row_count BETWEEN 1 AND 100000", name=op.f("ck_stall_import_row_count")
        ),
        sa.CheckConstraint(
            "rows_done BETWEEN 0 AND row_count", name=op.f("ck_stall_import_rows_done")
        ),
        sa.CheckConstraint(
            "state <> 'done' OR rows_done = row_count", name=op.f("ck_stall_import_all_done")
        ),
        sa.ForeignKeyConstraint(
            ["market_id"], ["market.id"], name=op.f("fk_stall_import_market_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stall_import")),
    )
    op.create_index("ix_stall_import_market_id", "stall_import", ["market_id", "id"])
    op.create_index(
        "uq_stall_import_loading",
        "stall_import",
        ["market_id"],
        unique=True,
        postgresql_where=sa.text("state = 'loading'"),
    )
    op.create_table(
        "stall_batch",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"], ["stall_import.id"], name=op.f("fk_stall_batch_import_id")
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("pk_stall_batch")),
    )
    op.execute(lasting("stall_import"))


def downgrade() -> None:
    """Take them away; what was loaded stays."""
    op.drop_table("stall_batch")
    op.drop_table("stall_import")
