"""Scopes of systems' API keys: one key must not be able to do everything.

A key of before did whatever its system asked. It keeps what a portal does, bills and receipts; a
system that loads statements, reconciles or reads the catalogue's files gets a new key with those
scopes. A person's key has none: it acts with the person's roles.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the scopes, give the keys of before a portal's, and let none be without."""
    op.add_column(
        "api_key",
        sa.Column("scopes", postgresql.ARRAY(sa.String()), nullable=False, server_default="{}"),
    )
    op.execute("UPDATE api_key SET scopes = '{bills,receipts:read}' WHERE kind = 'system'")
    op.alter_column("api_key", "scopes", server_default=None)
    op.create_check_constraint(
        op.f("ck_api_key_system_has_scopes"),
        "api_key",
        "(kind = 'system') = (cardinality(scopes) > 0)",
    )


def downgrade() -> None:
    """Take the scopes away: every key of a system can do everything again."""
    op.drop_constraint(op.f("ck_api_key_system_has_scopes"), "api_key", type_="check")
    op.drop_column("api_key", "scopes")
