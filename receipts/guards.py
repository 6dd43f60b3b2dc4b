"""What the database keeps of receipts by itself: what was issued never changes, nor goes away."""

from core.guards import after_create, append_only
from receipts.models import Receipt, ReceiptFile

CREATE_FROZEN_RECEIPT = (
    """
CREATE FUNCTION check_frozen_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (OLD.series_id, OLD.number, OLD.bill_id, OLD.code, OLD.amount,
        OLD.issued_on, OLD.issued_at, OLD.content) IS DISTINCT FROM (NEW.series_id, NEW.number,
        NEW.bill_id, NEW.code, NEW.amount, NEW.issued_on, NEW.issued_at, NEW.content) THEN
        RAISE EXCEPTION 'receipt % is issued and does not change', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE TRIGGER frozen_receipt BEFORE UPDATE OR DELETE ON receipt"
    " FOR EACH ROW EXECUTE FUNCTION check_frozen_receipt()",
)

CREATE_GUARDS = (*CREATE_FROZEN_RECEIPT, append_only("receipt_file"))

after_create(Receipt, *CREATE_FROZEN_RECEIPT)
after_create(ReceiptFile, append_only("receipt_file"))
