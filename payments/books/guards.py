"""What the database keeps of the money by itself, as SQL for the migration and `create_all`."""

from core.guards import after_create, append_only
from payments.bills.models import Allocation
from payments.books.models import LedgerTransaction, Payout, Posting, Refund

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

#: No more is asked back than came and is money still, whoever writes the refund and however many do
#: so at once: the payment is locked, so that each sees those before it. What was asked for may be
#: refused whatever has become of the money meanwhile, and is in nobody's way until it is approved.
#: What is asked for never changes, and no refund goes away.
REPLACE_CHECK_REFUND = """
CREATE OR REPLACE FUNCTION check_refund() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came bigint;
    gone numeric;
    back numeric;
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND (OLD.payment_id, OLD.amount, OLD.reference,
        OLD.collection_account_id) IS DISTINCT FROM (NEW.payment_id, NEW.amount, NEW.reference,
        NEW.collection_account_id) THEN
        RAISE EXCEPTION 'refund % does not change', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status IN ('requested', 'rejected', 'failed') THEN
        RETURN NULL;
    END IF;
    SELECT credited INTO came FROM payment WHERE id = NEW.payment_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(amount), 0) INTO gone FROM suspense_item
    WHERE payment_id = NEW.payment_id AND closed_at IS NULL
      AND place IN ('reversed', 'in_transit', 'collector_cash');
    SELECT coalesce(sum(amount), 0) INTO back FROM refund
    WHERE payment_id = NEW.payment_id AND status NOT IN ('rejected', 'failed')
      AND (TG_OP = 'INSERT' OR status <> 'requested');
    IF came IS NULL OR back > came - gone THEN
        RAISE EXCEPTION 'refunds of payment % are %, of % that came less % that is none',
            NEW.payment_id, back, came, gone USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

CREATE_REFUND_LIMIT = (
    REPLACE_CHECK_REFUND,
    "CREATE TRIGGER refund_limit AFTER INSERT OR UPDATE OR DELETE ON refund"
    " FOR EACH ROW EXECUTE FUNCTION check_refund()",
)

#: The way by which a refund goes back, and the account at a gateway that is asked for it, are fixed
#: from the beginning: whoever approved it approved that way, and none goes out by two.
CREATE_REFUND_WAY = (
    """
CREATE FUNCTION check_refund_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.way, OLD.gateway_account_id) IS DISTINCT FROM (NEW.way, NEW.gateway_account_id) THEN
        RAISE EXCEPTION 'the way of refund % does not change', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE TRIGGER refund_way BEFORE UPDATE ON refund"
    " FOR EACH ROW EXECUTE FUNCTION check_refund_way()",
)

#: A payout's postings are its figures, whoever writes them: what was in transit is cleared gross,
#: the fee stands by itself, and the whole credit is cleared. Looked at when the transaction ends,
#: since its postings may come after it. What was said of it never changes but for being undone,
#: once.
CREATE_PAYOUT_CHECK = (
    """
CREATE FUNCTION check_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came bigint;
    transit numeric;
    kept numeric;
    others numeric;
BEGIN
    SELECT credited INTO came FROM payment WHERE id = NEW.payment_id;
    IF came IS DISTINCT FROM NEW.amount THEN
        RAISE EXCEPTION 'payout % is %, its credit %', NEW.id, NEW.amount, came
            USING ERRCODE = 'check_violation';
    END IF;
    SELECT coalesce(sum(o.amount) FILTER (WHERE o.ledger = 'in_transit'), 0),
        coalesce(sum(o.amount) FILTER (WHERE o.ledger = 'gateway_fee'), 0),
        coalesce(sum(o.amount) FILTER (WHERE o.ledger NOT IN ('in_transit', 'gateway_fee')), 0)
    INTO transit, kept, others
    FROM posting o JOIN ledger_transaction t ON t.id = o.transaction_id
    WHERE t.payment_id = NEW.payment_id AND t.id = coalesce(NEW.undoing, NEW.clearing);
    IF NEW.undoing IS NOT NULL THEN
        transit := -transit;
        kept := -kept;
        others := -others;
    END IF;
    IF (transit, kept, others) IS DISTINCT FROM
        (-CAST(NEW.gross AS numeric), CAST(NEW.fee AS numeric), CAST(NEW.amount AS numeric)) THEN
        RAISE EXCEPTION 'payout % of % less % posts % in transit and a fee of %',
            NEW.id, NEW.gross, NEW.fee, transit, kept USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION check_payout_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.undone_at IS NOT NULL
      OR (OLD.id, OLD.payment_id, OLD.collection_account_id, OLD.amount, OLD.gross, OLD.fee,
        OLD.clearing, OLD.line_id) IS DISTINCT FROM (NEW.id, NEW.payment_id,
        NEW.collection_account_id, NEW.amount, NEW.gross, NEW.fee, NEW.clearing, NEW.line_id) THEN
        RAISE EXCEPTION 'payout % does not change', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE CONSTRAINT TRIGGER postings_of_payout AFTER INSERT OR UPDATE ON payout"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_payout()",
    "CREATE TRIGGER kept_payout BEFORE UPDATE OR DELETE ON payout"
    " FOR EACH ROW EXECUTE FUNCTION check_payout_kept()",
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
after_create(Refund, *CREATE_REFUND_LIMIT, *CREATE_REFUND_WAY)
after_create(Payout, *CREATE_PAYOUT_CHECK)
