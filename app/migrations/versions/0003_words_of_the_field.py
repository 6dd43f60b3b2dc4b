"""The field's words in the books: revenue, refundable, static amounts, conflicting notices.

Values are renamed where they stand. Postings are only ever added, so their guard is lifted for this
one statement; the sums do not change. Audit entries keep the words of their day: they are chained.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEDGERS = "ledger IN ('receivable', '{}', 'suspense', '{}', 'paid_back')"
_PLACES = "place IN ('suspense', '{}')"


def _rename(revenue: str, refundable: str, was_revenue: str, was_refundable: str) -> None:
    op.drop_constraint(op.f("ck_posting_ledger"), "posting", type_="check")
    op.drop_constraint(op.f("ck_suspense_item_place"), "suspense_item", type_="check")
    op.execute("ALTER TABLE posting DISABLE TRIGGER USER")
    op.execute(
        f"UPDATE posting SET ledger = CASE ledger WHEN '{was_revenue}' THEN '{revenue}'"
        f" ELSE '{refundable}' END WHERE ledger IN ('{was_revenue}', '{was_refundable}')"
    )
    op.execute("ALTER TABLE posting ENABLE TRIGGER USER")
    op.execute(f"UPDATE suspense_item SET place = '{refundable}' WHERE place = '{was_refundable}'")
    op.create_check_constraint(
        op.f("ck_posting_ledger"), "posting", _LEDGERS.format(revenue, refundable)
    )
    op.create_check_constraint(
        op.f("ck_suspense_item_place"), "suspense_item", _PLACES.format(refundable)
    )


def _reasons(pairs: dict[str, str]) -> None:
    for before, after in pairs.items():
        op.execute(f"UPDATE suspense_item SET reason = '{after}' WHERE reason = '{before}'")


def upgrade() -> None:
    """Say the new words."""
    _rename("revenue", "refundable", "fees", "due_back")
    _reasons({"discord": "conflicting_notice", "standing_amount": "static_amount"})


def downgrade() -> None:
    """Say the old words again."""
    _rename("fees", "due_back", "revenue", "refundable")
    _reasons({"conflicting_notice": "discord", "static_amount": "standing_amount"})
