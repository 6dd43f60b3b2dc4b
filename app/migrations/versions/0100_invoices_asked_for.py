"""When each invoice was asked for last: how long ago that is says whether silence is certain."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0098"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what may be on its way nobody knows since when: it counts from now."""
    moment = sa.DateTime(timezone=True)
    op.add_column("invoice", sa.Column("asked_for_at", moment, nullable=True))
    op.execute("UPDATE invoice SET asked_for_at = now() WHERE state IN ('asking', 'unknown')")


def downgrade() -> None:
    """Take it away: tries are counted again."""
    op.drop_column("invoice", "asked_for_at")
