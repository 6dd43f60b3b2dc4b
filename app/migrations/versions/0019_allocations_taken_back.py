"""An allocation can be taken back by a row of its own, where its bill has no receipt yet."""

import sqlalchemy as sa
from alembic import op

from payments.books.guards import REPLACE_CHECK_OVERDRAFT

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

_AMOUNT = "amount BETWEEN 1 AND 10000000000000"
_CHECK_BEFORE = """
CREATE OR REPLACE FUNCTION check_overdraft() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given numeric;
    came bigint;
BEGIN
    SELECT sum(amount) INTO given FROM allocation WHERE payment_id = NEW.payment_id;
    SELECT credited INTO came FROM payment WHERE id = NEW.payment_id;
    IF came IS NULL OR given > came THEN
        RAISE EXCEPTION 'payment % gives % of %', NEW.payment_id, given, came
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Add the column with its checks; a bill may have something of a payment twice."""
    op.add_column("allocation", sa.Column("reverses", sa.String(), nullable=True))
    op.create_foreign_key(
        op.f("fk_allocation_reverses"), "allocation", "allocation", ["reverses"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_allocation_reverses"), "allocation", ["reverses"])
    op.create_index("ix_allocation_payment", "allocation", ["payment_id"], unique=False)
    op.drop_constraint(op.f("uq_allocation_payment_id_bill_id"), "allocation", type_="unique")
    _amount(
        f"CASE WHEN reverses IS NULL THEN {_AMOUNT} ELSE amount BETWEEN -10000000000000 AND -1 END"
    )
    op.execute(REPLACE_CHECK_OVERDRAFT)


def _amount(allowed: str) -> None:
    op.drop_constraint(op.f("ck_allocation_amount"), "allocation", type_="check")
    op.create_check_constraint(op.f("ck_allocation_amount"), "allocation", allowed)


def downgrade() -> None:
    """Take the column away; refused by the database where something was taken back."""
    op.execute(_CHECK_BEFORE)
    _amount(_AMOUNT)
    op.create_unique_constraint(
        op.f("uq_allocation_payment_id_bill_id"), "allocation", ["payment_id", "bill_id"]
    )
    op.drop_index("ix_allocation_payment", table_name="allocation")
    op.drop_column("allocation", "reverses")
