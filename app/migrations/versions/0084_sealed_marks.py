"""Notes on bills are encrypted: they may name somebody.

The database has no key, so a migration cannot seal what 0081 has kept in clear. No version came out
between the two, and nothing depends on a note: those that there are go.
"""

import sqlalchemy as sa
from alembic import op

revision = "0084"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the notes in clear away, and make room for sealed ones."""
    op.execute("DELETE FROM bill_mark")
    op.alter_column(
        "bill_mark",
        "note",
        new_column_name="content",
        existing_type=sa.String(),
        type_=sa.LargeBinary(),
        postgresql_using="CAST(note AS bytea)",
    )


def downgrade() -> None:
    """The same the other way: what is sealed the version before cannot read."""
    op.execute("DELETE FROM bill_mark")
    op.alter_column(
        "bill_mark",
        "content",
        new_column_name="note",
        existing_type=sa.LargeBinary(),
        type_=sa.String(),
        postgresql_using="encode(content, 'escape')",
    )
