"""What the database keeps of the money by itself, as SQL for the migration and `create_all`."""

from core.guards import after_create, append_only
from payments.books.models import Allocation, LedgerTransaction, Posting

#: Checked at commit, so that a transaction may write its sides one by one.
CREATE_ZERO_SUM = (
    """
CREATE FUNCTION check_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    total numeric;
BEGIN
    SELECT sum(amount) INTO total FROM posting WHERE transaction_id = NEW.transaction_id;
    IF total <> 0 THEN
        RAISE EXCEPTION 'postings of % sum to %, not to zero', NEW.transaction_id, total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
""",
    "CREATE CONSTRAINT TRIGGER zero_sum AFTER INSERT ON posting DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION check_zero_sum()",
)

#: A payment never gives more than came, whoever writes the allocation, and what is taken back is
#: what was given, once and whole.
REPLACE_CHECK_OVERDRAFT = """
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
    IF NEW.reverses IS NOT NULL AND NOT EXISTS (SELECT 1 FROM allocation
        WHERE id = NEW.reverses AND payment_id = NEW.payment_id AND bill_id = NEW.bill_id
          AND amount = -NEW.amount) THEN
        RAISE EXCEPTION 'allocation % takes back another one than it names', NEW.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

CREATE_NO_OVERDRAFT = (
    REPLACE_CHECK_OVERDRAFT,
    "CREATE CONSTRAINT TRIGGER no_overdraft AFTER INSERT ON allocation"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_overdraft()",
)

CREATE_GUARDS = (
    *CREATE_ZERO_SUM,
    *CREATE_NO_OVERDRAFT,
    append_only("posting"),
    append_only("ledger_transaction"),
    append_only("allocation"),
)

after_create(Posting, *CREATE_ZERO_SUM, append_only("posting"))
after_create(Allocation, *CREATE_NO_OVERDRAFT, append_only("allocation"))
after_create(LedgerTransaction, append_only("ledger_transaction"))
