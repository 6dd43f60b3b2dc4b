"""The wider catalogue: reliefs, the budget index and the law as dated rows, proposed changes.

Bill lines keep what they cost before a relief; lines of before have had none.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from payments.catalogue.guards import (
    CREATE_LAW_GUARDS,
    CREATE_RELIEF_GUARDS,
    CREATE_SUB_ITEM_GUARDS,
    DROP_RELIEF_GUARDS,
)

# Taken from where they are explained; one that changes gets a new name and a migration of its own.
GUARDS = (*CREATE_RELIEF_GUARDS, *CREATE_SUB_ITEM_GUARDS, *CREATE_LAW_GUARDS)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns, and let the database refuse what overlaps."""
    op.create_table(
        "legal_reference",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("title_vi", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis <> '' AND source <> ''", name=op.f("ck_legal_reference_basis_and_source")
        ),
        sa.CheckConstraint(
            "certainty IN ('confirmed', 'secondary', 'unconfirmed')",
            name=op.f("ck_legal_reference_certainty"),
        ),
        sa.CheckConstraint("number <> '' AND issuer <> ''", name=op.f("ck_legal_reference_number")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_legal_reference_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_reference")),
    )
    op.create_index(op.f("ix_legal_reference_number"), "legal_reference", ["number"], unique=False)
    op.create_table(
        "sub_item",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "basis <> '' AND source <> ''", name=op.f("ck_sub_item_basis_and_source")
        ),
        sa.CheckConstraint(
            "certainty IN ('confirmed', 'secondary', 'unconfirmed')",
            name=op.f("ck_sub_item_certainty"),
        ),
        sa.CheckConstraint("code ~ '^\\d{4}$'", name=op.f("ck_sub_item_code")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_sub_item_validity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sub_item")),
    )
    op.create_index(op.f("ix_sub_item_code"), "sub_item", ["code"], unique=False)
    op.create_table(
        "catalogue_proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("entries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)",
            name=op.f("ck_catalogue_proposal_decided"),
        ),
        sa.CheckConstraint(
            "state <> 'applied' OR decided_by <> proposed_by",
            name=op.f("ck_catalogue_proposal_two_people"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'applied', 'rejected')", name=op.f("ck_catalogue_proposal_state")
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_catalogue_proposal_decided_at"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_catalogue_proposal_agency_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_proposal")),
    )
    op.create_index(
        op.f("ix_catalogue_proposal_agency_id"), "catalogue_proposal", ["agency_id"], unique=False
    )
    op.create_table(
        "relief",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=True),
        sa.Column("name_vi", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("fees", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("each", sa.BigInteger(), nullable=True),
        sa.Column("cap", sa.BigInteger(), nullable=True),
        sa.Column("ground", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("age_from", sa.Integer(), nullable=True),
        sa.Column("age_below", sa.Integer(), nullable=True),
        sa.Column("once_a_year", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("basis <> '' AND source <> ''", name=op.f("ck_relief_basis_and_source")),
        sa.CheckConstraint(
            "certainty IN ('confirmed', 'secondary', 'unconfirmed')",
            name=op.f("ck_relief_certainty"),
        ),
        sa.CheckConstraint("code <> ''", name=op.f("ck_relief_code")),
        sa.CheckConstraint(
            "(percent IS NULL) <> (each IS NULL)", name=op.f("ck_relief_one_measure")
        ),
        sa.CheckConstraint(
            "age_from BETWEEN 0 AND 150 AND age_below IS NULL OR age_below BETWEEN 1 AND 150 AND coalesce(age_from, 0) < age_below OR age_from IS NULL AND age_below IS NULL",
            name=op.f("ck_relief_ages"),
        ),
        sa.CheckConstraint("cap BETWEEN 1 AND 10000000000000", name=op.f("ck_relief_cap")),
        sa.CheckConstraint("cardinality(fees) > 0", name=op.f("ck_relief_fees")),
        sa.CheckConstraint("each BETWEEN 0 AND 10000000000000", name=op.f("ck_relief_each")),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("ck_relief_percent")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_relief_validity")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_relief_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relief")),
    )
    op.create_index(op.f("ix_relief_agency_id"), "relief", ["agency_id"], unique=False)
    op.create_index(op.f("ix_relief_code"), "relief", ["code"], unique=False)
    op.create_table(
        "relief_use",
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("relief", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("asset_hash", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["bill_id"], ["bill.id"], name=op.f("fk_relief_use_bill_id")),
        sa.PrimaryKeyConstraint("bill_id", "relief", "asset_hash", name=op.f("pk_relief_use")),
    )
    op.create_index(
        "uq_relief_use",
        "relief_use",
        ["relief", "year", "asset_hash"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.add_column("bill_line", sa.Column("value", sa.BigInteger(), nullable=True))
    op.add_column("bill_line", sa.Column("full_amount", sa.BigInteger(), nullable=True))
    op.add_column("bill_line", sa.Column("explanation_en", sa.String(), nullable=True))
    op.add_column("bill_line", sa.Column("certainty", sa.String(), nullable=True))
    op.add_column(
        "bill_line", sa.Column("relief", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column(
        "bill_line", sa.Column("notice", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.alter_column("bill_line", "sub_item", existing_type=sa.VARCHAR(), nullable=True)
    op.add_column("fee", sa.Column("charged", sa.String(), server_default="choice", nullable=False))
    op.alter_column("fee", "procedure_id", existing_type=sa.VARCHAR(), nullable=True)
    op.alter_column("fee", "sub_item", existing_type=sa.VARCHAR(), nullable=True)
    op.create_check_constraint(
        op.f("ck_bill_line_full_amount"), "bill_line", "full_amount >= amount"
    )
    op.create_check_constraint(
        op.f("ck_bill_line_relief"),
        "bill_line",
        "amount = coalesce(full_amount, amount) - coalesce(CAST(relief->>'amount' AS bigint), 0)",
    )
    op.create_check_constraint(
        op.f("ck_fee_charged"), "fee", "charged IN ('always', 'choice', 'on_request')"
    )
    # An attempt that ended is still asked about for a while, so its status does not decide.
    _index_to_ask("ask_at IS NOT NULL")
    for statement in GUARDS:
        op.execute(statement)


def _index_to_ask(rows: str) -> None:
    op.drop_index("ix_payment_to_ask", table_name="payment")
    op.create_index("ix_payment_to_ask", "payment", ["ask_at"], postgresql_where=sa.text(rows))


def downgrade() -> None:
    """Take them away. Rows that only the wider catalogue can hold must be gone before."""
    _index_to_ask("status IN ('created', 'submitted', 'unknown')")
    op.alter_column("fee", "sub_item", existing_type=sa.VARCHAR(), nullable=False)
    op.alter_column("fee", "procedure_id", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("fee", "charged")
    op.alter_column("bill_line", "sub_item", existing_type=sa.VARCHAR(), nullable=False)
    op.drop_column("bill_line", "notice")
    op.drop_column("bill_line", "relief")
    op.drop_column("bill_line", "certainty")
    op.drop_column("bill_line", "explanation_en")
    op.drop_column("bill_line", "full_amount")
    op.drop_column("bill_line", "value")
    op.drop_index(
        "uq_relief_use", table_name="relief_use", postgresql_where=sa.text("released_at IS NULL")
    )
    op.drop_table("relief_use")
    op.drop_index(op.f("ix_relief_code"), table_name="relief")
    op.drop_index(op.f("ix_relief_agency_id"), table_name="relief")
    op.drop_table("relief")
    op.execute(DROP_RELIEF_GUARDS)
    op.drop_index(op.f("ix_catalogue_proposal_agency_id"), table_name="catalogue_proposal")
    op.drop_table("catalogue_proposal")
    op.drop_index(op.f("ix_sub_item_code"), table_name="sub_item")
    op.drop_table("sub_item")
    op.drop_index(op.f("ix_legal_reference_number"), table_name="legal_reference")
    op.drop_table("legal_reference")
