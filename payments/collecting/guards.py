"""What the database keeps of collectors' cash by itself, as SQL for migration and `create_all`."""

from core.guards import append_only

#: Two people have said what a hand-over is: it is counted once, and then never changes. Nothing of
#: what was declared changes at all.
CREATE_KEPT_HANDOVER = (
    """
CREATE FUNCTION check_kept_handover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.counted_at IS NOT NULL
      OR (OLD.id, OLD.agency_id, OLD.collector_id, OLD.declared, OLD.reference, OLD.declared_at)
        IS DISTINCT FROM (NEW.id, NEW.agency_id, NEW.collector_id, NEW.declared, NEW.reference,
        NEW.declared_at) THEN
        RAISE EXCEPTION 'hand-over % does not change', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
""",
    "CREATE TRIGGER kept_handover BEFORE UPDATE OR DELETE ON cash_handover"
    " FOR EACH ROW EXECUTE FUNCTION check_kept_handover()",
)

#: A hand-over is cleared by no more than was counted, whoever writes it and however many at once.
CREATE_DEPOSIT_LIMIT = (
    """
CREATE FUNCTION check_deposit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    had bigint;
    cleared numeric;
BEGIN
    SELECT counted INTO had FROM cash_handover WHERE id = NEW.handover_id FOR NO KEY UPDATE;
    SELECT sum(amount) INTO cleared FROM cash_deposit WHERE handover_id = NEW.handover_id;
    IF had IS NULL OR cleared > had THEN
        RAISE EXCEPTION 'deposits of hand-over % are %, of % counted', NEW.handover_id, cleared, had
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
""",
    "CREATE TRIGGER deposit_limit AFTER INSERT ON cash_deposit"
    " FOR EACH ROW EXECUTE FUNCTION check_deposit()",
)

#: What a migration executes once the tables of 0066 are there.
CREATE_COLLECTING_GUARDS = (
    append_only("collected_action"),
    append_only("slip_block"),
    append_only("cash_deposit"),
    *CREATE_KEPT_HANDOVER,
    *CREATE_DEPOSIT_LIMIT,
)
