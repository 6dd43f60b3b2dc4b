"""Debts that other offices set: lists, what of them is still to load, and each with its bill."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.guards import lasting

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

_KINDS = "kind IN ('land_tax', 'fine', 'utility', 'school', 'other')"
_FINDINGS = "finding IN ('overpaid', 'not_owed', 'under_way', 'other_facts')"


def upgrade() -> None:
    """Make the tables; no statement empties what stands. A bill may name an earlier one."""
    op.create_table(
        "debt_list",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False
        ),
        sa.CheckConstraint(_KINDS, name=op.f("ck_debt_list_kind")),
        sa.CheckConstraint(
            "state IN ('proposed', 'rejected', 'loading', 'done')", name=op.f("ck_debt_list_state")
        ),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_debt_list_finished")
        ),
        sa.CheckConstraint("row_count BETWEEN 0 AND 100000", name=op.f("ck_debt_list_row_count")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_debt_list_version")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_debt_list_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt_list")),
        sa.UniqueConstraint(
            *("agency_id", "kind", "code", "version"),
            name=op.f("uq_debt_list_agency_id_kind_code_version"),
        ),
    )
    op.create_table(
        "debt_batch",
        sa.Column("list_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["debt_list.id"], name=op.f("fk_debt_batch_list_id")),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_debt_batch")),
    )
    op.create_table(
        "debt",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("agency_id", sa.String(), nullable=False),
        sa.Column("list_id", sa.String(), nullable=False),
        sa.Column("last_list_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("list_code", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("dossier_number", sa.String(), nullable=True),
        sa.Column("decision_number", sa.String(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("facts_hash", sa.String(), nullable=False),
        sa.Column("name_hash", sa.String(), nullable=True),
        sa.Column("tax_hash", sa.String(), nullable=True),
        sa.Column("supplement_of", sa.String(), nullable=True),
        sa.Column("finding", sa.String(), nullable=True),
        sa.Column("difference", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_KINDS, name=op.f("ck_debt_kind")),
        sa.CheckConstraint(_FINDINGS, name=op.f("ck_debt_finding")),
        sa.CheckConstraint(
            "(finding IS NULL) = (difference IS NULL)", name=op.f("ck_debt_difference")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_debt_{column}"))
            for column, to in (
                ("agency_id", "agency"),
                ("list_id", "debt_list"),
                ("last_list_id", "debt_list"),
                ("bill_id", "bill"),
                ("supplement_of", "debt"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt")),
        sa.UniqueConstraint("bill_id", name=op.f("uq_debt_bill_id")),
        sa.UniqueConstraint("supplement_of", "list_id", name=op.f("uq_debt_supplement_of_list_id")),
    )
    op.create_index(
        "uq_debt_standing",
        "debt",
        ["agency_id", "kind", "code"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND supplement_of IS NULL"),
    )
    op.create_index(
        "ix_debt_list",
        "debt",
        ["agency_id", "kind", "list_code", "last_list_id", "id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_debt_code", "debt", ["code", "agency_id"])
    op.create_index("ix_debt_name", "debt", ["name_hash"])
    op.create_index(
        "ix_debt_tax", "debt", ["tax_hash"], postgresql_where=sa.text("tax_hash IS NOT NULL")
    )
    op.create_index(
        "ix_debt_dossier",
        "debt",
        ["agency_id", "dossier_number"],
        postgresql_where=sa.text("dossier_number IS NOT NULL"),
    )
    for table in ("debt_list", "debt"):
        op.execute(lasting(table))
    op.add_column("kept_file", sa.Column("debts", sa.String(), nullable=True))
    op.drop_constraint(op.f("ck_kept_file_one_place"), "kept_file")
    op.create_check_constraint(
        op.f("ck_kept_file_one_place"), "kept_file", "num_nonnulls(account, gateway, debts) = 1"
    )
    op.add_column("bill", sa.Column("supplement_of", sa.String(), nullable=True))
    op.create_foreign_key(op.f("fk_bill_supplement_of"), "bill", "bill", ["supplement_of"], ["id"])
    op.create_index(
        "ix_bill_supplement_of",
        "bill",
        ["supplement_of"],
        postgresql_where=sa.text("supplement_of IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the lists away; the bills that they opened stay."""
    op.drop_column("bill", "supplement_of")
    op.execute("DELETE FROM kept_file WHERE debts IS NOT NULL")
    op.drop_constraint(op.f("ck_kept_file_one_place"), "kept_file")
    op.create_check_constraint(
        op.f("ck_kept_file_one_place"), "kept_file", "(account IS NULL) <> (gateway IS NULL)"
    )
    op.drop_column("kept_file", "debts")
    op.drop_table("debt")
    op.drop_table("debt_batch")
    op.drop_table("debt_list")
