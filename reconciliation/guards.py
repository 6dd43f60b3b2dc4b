"""What the database keeps of closed days and batches by itself, as SQL for the migrations.

Which days are closed says `closed_day`, and what a payout is `payout`: tables of the books.
"""

from core.guards import after_create
from reconciliation.cases.models import DiscrepancyCase
from reconciliation.closing_models import PlacedLine
from reconciliation.models import Discrepancy, Match, Reconciliation, StatementLine
from reconciliation.settlements.models import PaidBatch, SettledPayment

#: By whole statements: a run may have a million rows, and looks once for all of them.
CREATE_RUN_CHECK = """
CREATE FUNCTION check_closed_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM touched t
        JOIN closed_day c ON c.reconciliation_id = t.reconciliation_id) THEN
        RAISE EXCEPTION 'rows of % of a closed day stay as they are', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$
"""
#: A trigger's name, and what it looks at.
_LOOKS = (
    ("closed_insert", "INSERT", "NEW"),
    ("closed_update", "UPDATE", "OLD"),
    ("closed_move", "UPDATE", "NEW"),
    ("closed_delete", "DELETE", "OLD"),
)


def _of_run(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {name} AFTER {deed} ON {table} REFERENCING {which} TABLE AS touched"
        " FOR EACH STATEMENT EXECUTE FUNCTION check_closed_run()"
        for name, deed, which in _LOOKS
    )


CREATE_MATCH_GUARDS = _of_run("match")
CREATE_DISCREPANCY_GUARDS = _of_run("discrepancy")
CREATE_PLACED_GUARDS = _of_run("placed_line")
CREATE_SETTLED_GUARDS = _of_run("settled_payment")
CREATE_RUN_GUARDS = (
    CREATE_RUN_CHECK,
    """
CREATE FUNCTION check_standing_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM closed_day WHERE reconciliation_id = OLD.id) THEN
        RAISE EXCEPTION 'run % is of a closed day', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
""",
    "CREATE TRIGGER closed_day BEFORE UPDATE OR DELETE ON reconciliation"
    " FOR EACH ROW EXECUTE FUNCTION check_standing_run()",
)
CREATE_CASE_GUARDS = (
    """
CREATE FUNCTION check_closed_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM closed_day WHERE collection_account_id = OLD.collection_account_id
        AND business_on = OLD.business_on) THEN
        RAISE EXCEPTION 'discrepancy % is of a closed day', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
""",
    "CREATE TRIGGER closed_day BEFORE UPDATE OR DELETE ON discrepancy_case"
    " FOR EACH ROW EXECUTE FUNCTION check_closed_case()",
)
CREATE_LINE_GUARDS = (
    """
CREATE FUNCTION check_closed_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM closed_day WHERE collection_account_id = OLD.collection_account_id
        AND business_on = coalesce(
          (SELECT accounting_on FROM late_line WHERE line_id = OLD.id),
          CAST(OLD.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date))) THEN
        RAISE EXCEPTION 'line % is of a closed day', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
""",
    "CREATE TRIGGER closed_day BEFORE DELETE"
    " OR UPDATE OF amount, direction, booked_at, collection_account_id, withdrawn_at"
    " ON statement_line FOR EACH ROW EXECUTE FUNCTION check_closed_line()",
)

#: The batches of a payout come to it, gross and fee, and each is what its lines come to: looked at
#: when the transaction ends. What was written of a batch never changes but for being undone, with
#: its payout.
CREATE_BATCH_GUARDS = (
    """
CREATE FUNCTION check_paid_batch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told record;
    lines record;
    whole record;
BEGIN
    SELECT y.gross, y.fee, y.undone_at INTO told FROM payout y WHERE y.id = NEW.payout_id;
    SELECT sum(b.gross) AS gross, sum(b.fee) AS fee, bool_or(b.undone_at IS NULL) AS stands
    INTO whole FROM paid_batch b WHERE b.payout_id = NEW.payout_id;
    IF (told.gross, told.fee) IS DISTINCT FROM (whole.gross, whole.fee)
      OR (told.undone_at IS NULL) <> whole.stands THEN
        RAISE EXCEPTION 'payout % is % less %, its batches % less %', NEW.payout_id,
            told.gross, told.fee, whole.gross, whole.fee USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.undone_at IS NOT NULL THEN
        RETURN NULL;
    END IF;
    SELECT count(*) AS count, sum(CASE l.kind WHEN 'adjustment' THEN 0 WHEN 'payment' THEN l.amount
        ELSE -l.amount END) AS gross, sum(CASE l.kind WHEN 'adjustment' THEN l.fee - l.amount
        WHEN 'payment' THEN l.fee ELSE -l.fee END) AS fee
    INTO lines FROM settlement_line l WHERE l.gateway_account_id = NEW.gateway_account_id
      AND l.batch_ref = NEW.batch_ref AND l.withdrawn_at IS NULL;
    IF (lines.count, lines.gross, lines.fee)
      IS DISTINCT FROM (NEW.line_count, NEW.gross, NEW.fee) THEN
        RAISE EXCEPTION 'batch % is % less %, its lines % less %', NEW.batch_ref, NEW.gross,
            NEW.fee, lines.gross, lines.fee USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
""",
    """
CREATE FUNCTION check_kept_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.undone_at IS NOT NULL OR (OLD.id, OLD.payout_id,
        OLD.gateway_account_id, OLD.batch_ref, OLD.line_count, OLD.gross, OLD.fee, OLD.net)
      IS DISTINCT FROM (NEW.id, NEW.payout_id, NEW.gateway_account_id, NEW.batch_ref,
        NEW.line_count, NEW.gross, NEW.fee, NEW.net) THEN
        RAISE EXCEPTION 'paid batch % does not change', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE CONSTRAINT TRIGGER sums_of_batch AFTER INSERT OR UPDATE ON paid_batch"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_paid_batch()",
    "CREATE TRIGGER kept_batch BEFORE UPDATE OR DELETE ON paid_batch"
    " FOR EACH ROW EXECUTE FUNCTION check_kept_batch()",
)

_GUARDED = {
    "match": CREATE_MATCH_GUARDS,
    "discrepancy": CREATE_DISCREPANCY_GUARDS,
    "placed_line": CREATE_PLACED_GUARDS,
}
CREATE_GUARDS = (
    *CREATE_RUN_GUARDS,
    *CREATE_MATCH_GUARDS,
    *CREATE_DISCREPANCY_GUARDS,
    *CREATE_PLACED_GUARDS,
    *CREATE_CASE_GUARDS,
    *CREATE_LINE_GUARDS,
)
DROP_GUARDS = (
    "DROP TRIGGER closed_day ON statement_line",
    "DROP TRIGGER closed_day ON discrepancy_case",
    "DROP TRIGGER closed_day ON reconciliation",
    *(f"DROP TRIGGER {name} ON {table}" for table in _GUARDED for name, _, _ in _LOOKS),
    "DROP FUNCTION check_closed_line()",
    "DROP FUNCTION check_closed_case()",
    "DROP FUNCTION check_standing_run()",
    "DROP FUNCTION check_closed_run()",
)

after_create(Reconciliation, *CREATE_RUN_GUARDS)
after_create(Match, *CREATE_MATCH_GUARDS)
after_create(Discrepancy, *CREATE_DISCREPANCY_GUARDS)
after_create(PlacedLine, *CREATE_PLACED_GUARDS)
after_create(DiscrepancyCase, *CREATE_CASE_GUARDS)
after_create(StatementLine, *CREATE_LINE_GUARDS)
after_create(PaidBatch, *CREATE_BATCH_GUARDS)
after_create(SettledPayment, *CREATE_SETTLED_GUARDS)
