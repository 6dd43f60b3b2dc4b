"""Bodies' own sign-on: an OpenID Connect provider each, its secret sealed."""

import sqlalchemy as sa
from alembic import op

from core.guards import lasting

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; no statement empties it."""
    op.create_table(
        "sign_on",
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_sign_on_agency_id")),
        sa.PrimaryKeyConstraint("agency_id", name=op.f("pk_sign_on")),
    )
    op.execute(lasting("sign_on"))


def downgrade() -> None:
    """Take it away: people sign in by their passwords."""
    op.drop_table("sign_on")
