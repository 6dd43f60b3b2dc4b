"""The words of statement lines are encrypted; those of before are sealed by a worker.

The database has no key, so a migration cannot do it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_ANY_SEALED = "SELECT EXISTS (SELECT FROM statement_line WHERE sealed_narrative IS NOT NULL)"


def upgrade() -> None:
    """Add the column; a line has its words in clear or sealed."""
    op.add_column("statement_line", sa.Column("sealed_narrative", sa.LargeBinary(), nullable=True))
    op.alter_column("statement_line", "narrative", existing_type=sa.VARCHAR(), nullable=True)
    op.create_check_constraint(
        op.f("ck_statement_line_one_narrative"),
        "statement_line",
        "(narrative IS NULL) <> (sealed_narrative IS NULL)",
    )
    op.create_index(
        "ix_statement_line_clear",
        "statement_line",
        ["id"],
        postgresql_where=sa.text("narrative IS NOT NULL"),
    )


def downgrade() -> None:
    """Take it away, where no line needs it: what is sealed would be lost."""
    if op.get_bind().scalar(sa.text(_ANY_SEALED)):
        raise RuntimeError(
            "statement lines hold sealed words, which the version before cannot read"
        )
    op.drop_index("ix_statement_line_clear", "statement_line")
    op.drop_constraint(op.f("ck_statement_line_one_narrative"), "statement_line")
    op.alter_column("statement_line", "narrative", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("statement_line", "sealed_narrative")
