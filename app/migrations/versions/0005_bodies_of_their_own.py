"""Bodies that are set up by hand: what each offers, and which accounts are the treasury's.

Bodies of before go on offering what they offered: one that stands alone everything, a unit what
the body above it offers. An account of before is taken for the treasury's, as its cut-off was.
"""

import sqlalchemy as sa
from alembic import op

from payments.catalogue.guards import CREATE_OFFER_GUARDS, DROP_OFFER_GUARDS

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table; prices that are remembered learn of a changed offer."""
    op.add_column("agency", sa.Column("offers", sa.String(), server_default="all", nullable=False))
    op.execute("UPDATE agency SET offers = 'parent' WHERE parent_id IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_agency_offers"),
        "agency",
        "offers IN ('all', 'own') OR (offers = 'parent' AND parent_id IS NOT NULL)",
    )
    op.create_table(
        "agency_offer",
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("procedure_code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_agency_offer_agency_id")
        ),
        sa.PrimaryKeyConstraint("agency_id", "procedure_code", name=op.f("pk_agency_offer")),
    )
    op.add_column(
        "collection_account",
        sa.Column("kind", sa.String(), server_default="treasury", nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_collection_account_kind"), "collection_account", "kind IN ('bank', 'treasury')"
    )
    for statement in CREATE_OFFER_GUARDS:
        op.execute(statement)


def downgrade() -> None:
    """Take them away: every body offers everything again."""
    op.execute(DROP_OFFER_GUARDS)
    op.drop_constraint(op.f("ck_collection_account_kind"), "collection_account")
    op.drop_column("collection_account", "kind")
    op.drop_table("agency_offer")
    op.drop_constraint(op.f("ck_agency_offers"), "agency")
    op.drop_column("agency", "offers")
