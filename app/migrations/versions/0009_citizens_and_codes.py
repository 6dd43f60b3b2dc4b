"""A relief once a year is counted for a citizen; a procedure knows its other codes.

Uses of before were counted for an asset in a calendar year. They stay as they are: the bills keep
what they were priced at, but whose they were is in no column, so nothing is counted by them any
more. Procedures of before have no other codes until the seed or a file says so.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

LEVELS = ("ministry_code", "province_code", "commune_code")


def upgrade() -> None:
    """Add the columns; a use has a citizen or, from the version before, an asset."""
    for name in LEVELS:
        op.add_column("procedure", sa.Column(name, sa.String(), nullable=True))
    # A default, so that the version before this one can go on writing procedures meanwhile.
    op.add_column(
        "procedure",
        sa.Column(
            "other_codes",
            postgresql.ARRAY(sa.String()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column("relief_use", sa.Column("year_from", sa.Date(), nullable=True))
    op.add_column("relief_use", sa.Column("citizen_hash", sa.String(), nullable=True))
    op.drop_constraint(op.f("pk_relief_use"), "relief_use", type_="primary")
    op.create_primary_key(op.f("pk_relief_use"), "relief_use", ["bill_id", "relief"])
    op.alter_column("relief_use", "year", existing_type=sa.INTEGER(), nullable=True)
    op.alter_column("relief_use", "asset_hash", existing_type=sa.VARCHAR(), nullable=True)
    for name, rule in (
        ("asset_has_year", "(year IS NULL) = (asset_hash IS NULL)"),
        ("citizen_has_year", "(year_from IS NULL) = (citizen_hash IS NULL)"),
        ("one_holder", "(asset_hash IS NULL) <> (citizen_hash IS NULL)"),
    ):
        op.create_check_constraint(op.f(f"ck_relief_use_{name}"), "relief_use", rule)
    op.create_index(
        "uq_relief_use_citizen",
        "relief_use",
        ["relief", "year_from", "citizen_hash"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )


def downgrade() -> None:
    """Take them away; uses by citizens are forgotten, for no asset is known of them."""
    op.execute("DELETE FROM relief_use WHERE asset_hash IS NULL")
    op.drop_index(
        "uq_relief_use_citizen",
        table_name="relief_use",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    for name in ("asset_has_year", "citizen_has_year", "one_holder"):
        op.drop_constraint(op.f(f"ck_relief_use_{name}"), "relief_use", type_="check")
    op.drop_constraint(op.f("pk_relief_use"), "relief_use", type_="primary")
    op.alter_column("relief_use", "asset_hash", existing_type=sa.VARCHAR(), nullable=False)
    op.alter_column("relief_use", "year", existing_type=sa.INTEGER(), nullable=False)
    op.create_primary_key(op.f("pk_relief_use"), "relief_use", ["bill_id", "relief", "asset_hash"])
    op.drop_column("relief_use", "citizen_hash")
    op.drop_column("relief_use", "year_from")
    for name in ("other_codes", *reversed(LEVELS)):
        op.drop_column("procedure", name)
