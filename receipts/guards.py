"""What the database keeps of receipts by itself: what was issued never changes, nor goes away."""

from core.guards import after_create, append_only
from receipts.models import PaymentDocument, Receipt, ReceiptFile


def _function(*columns: str) -> str:
    """The function that holds these columns of a receipt; it takes the place of an earlier one."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"""
CREATE OR REPLACE FUNCTION check_frozen_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR ({old}) IS DISTINCT FROM ({new}) THEN
        RAISE EXCEPTION 'receipt % is issued and does not change', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


_FROZEN = ("series_id", "number", "bill_id", "code", "amount", "issued_on", "issued_at", "content")

#: As migration 0001 makes it.
CREATE_FROZEN_RECEIPT = (
    _function(*_FROZEN),
    "CREATE TRIGGER frozen_receipt BEFORE UPDATE OR DELETE ON receipt"
    " FOR EACH ROW EXECUTE FUNCTION check_frozen_receipt()",
)
#: Since migration 0014 the moment of payment is frozen as well.
FREEZE_PAID_AT = _function(*_FROZEN, "paid_at")

CREATE_GUARDS = (*CREATE_FROZEN_RECEIPT, append_only("receipt_file"))

after_create(Receipt, *CREATE_FROZEN_RECEIPT, FREEZE_PAID_AT)
after_create(ReceiptFile, append_only("receipt_file"))
after_create(PaymentDocument, append_only("payment_document"))
