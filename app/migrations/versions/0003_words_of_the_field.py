"""The field's words in the books: revenue, refundable, static amounts, conflicting notices.

Values are renamed where they stand. Postings are only ever added, so their guard is lifted for this
one statement; the sums do not change. Audit entries keep the words of their day: they are chained.

A process of the version before that still runs says the old words. Constraints refuse each of them,
reasons too from here on: its transaction is undone, and money is told of again or waits as a kept
callback, rather than standing in the books under a word that nobody looks for.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LEDGERS = "ledger IN ('receivable', '{}', 'suspense', '{}', 'paid_back')"
_PLACES = "place IN ('suspense', '{}')"
_REASONS = (
    "reason IN ('no_reference', 'unknown_reference', 'several_references', 'short', 'excess',"
    " 'bill_already_paid', 'bill_cancelled', 'nothing_owed', 'amount_mismatch', 'held_by_gateway',"
    " 'fee_not_in_force', 'static_amount', 'other_agency', 'conflicting_notice')"
)


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
    op.create_check_constraint(op.f("ck_suspense_item_reason"), "suspense_item", _REASONS)


def downgrade() -> None:
    """Say the old words again."""
    op.drop_constraint(op.f("ck_suspense_item_reason"), "suspense_item", type_="check")
    _rename("fees", "due_back", "revenue", "refundable")
    _reasons({"conflicting_notice": "discord", "static_amount": "standing_amount"})
