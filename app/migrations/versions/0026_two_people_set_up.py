"""Two people set up a body: keys and accounts are confirmed, and secrets wait sealed.

A statement says whether its own sums vouch for it, and a match whether a statement alone tells of
its money; of those of before nobody has said.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; keys and accounts of before stay in force, confirmed."""
    op.add_column("statement", sa.Column("vouched", sa.Boolean(), nullable=True))
    op.add_column("match", sa.Column("statement_alone", sa.Boolean(), nullable=True))
    for table in ("api_key", "collection_account"):
        op.add_column(table, sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
        op.execute(f"UPDATE {table} SET confirmed_at = created_at")
    op.create_table(
        "proposed_secret",
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("object_id", name=op.f("pk_proposed_secret")),
    )


def downgrade() -> None:
    """Take them away. A key that waits for its second person ends, or it would be in force."""
    op.execute(
        "UPDATE api_key SET revoked_at = now() WHERE confirmed_at IS NULL AND revoked_at IS NULL"
    )
    op.drop_table("proposed_secret")
    op.drop_column("collection_account", "confirmed_at")
    op.drop_column("api_key", "confirmed_at")
    op.drop_column("match", "statement_alone")
    op.drop_column("statement", "vouched")
