"""Two years of a market's bills and transfers, multiplied in the database from one billed month."""

from typing import Final

#: How many months there are of each stall, the billed one with them, and how many of them are owed.
MONTHS: Final = 24
OWED: Final = 2
_EARLIER: Final = "CROSS JOIN generate_series(1, 23) n"

#: Each month is the billed one again, so many months earlier; all but the last two are paid.
HISTORY: Final = (
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO billing_run (id, market_id, kind, period, first_on, last_on, opened_on, due_on,"
    " readings_until, state, started_by, created_at, finished_at, problems)"
    " SELECT r.id || '_' || n, r.market_id, r.kind,"
    " to_char(r.first_on - make_interval(months => n), 'YYYY-MM'),"
    " r.first_on - make_interval(months => n), r.last_on - make_interval(months => n),"
    " r.opened_on - make_interval(months => n), r.due_on - make_interval(months => n),"
    " r.readings_until, 'done', r.started_by, r.created_at, r.created_at, '[]'"
    f" FROM billing_run r {_EARLIER}",
    "INSERT INTO reference (reference, kind, agency_id, created_at)"
    " SELECT b.reference || n, 'bill', b.agency_id, b.created_at"
    f" FROM bill b {_EARLIER}",
    "INSERT INTO bill (id, agency_id, reference, status, amount, channel, language, extra,"
    " created_at, opened_on, paid_at) SELECT b.id || '_' || n, b.agency_id, b.reference || n,"
    " CASE WHEN n < 2 THEN 'open' ELSE 'paid' END, b.amount, b.channel, b.language, b.extra,"
    " b.created_at - make_interval(months => n), b.opened_on - make_interval(months => n),"
    " CASE WHEN n < 2 THEN NULL ELSE b.created_at - make_interval(months => n) END"
    f" FROM bill b {_EARLIER}",
    "INSERT INTO bill_line (bill_id, position, description, description_en, quantity, unit, copies,"
    " amount, explanation, basis, full_amount, explanation_en, nature)"
    " SELECT l.bill_id || '_' || n, l.position, l.description, l.description_en, l.quantity,"
    " l.unit, l.copies, l.amount, l.explanation, l.basis, l.full_amount, l.explanation_en, l.nature"
    f" FROM bill_line l {_EARLIER}",
    "INSERT INTO charge (id, run_id, stall_id, contract_id, vendor_id, kind, period, first_on,"
    " last_on, amount, waived, priority, bill_id, created_at) SELECT c.id || '_' || n,"
    " c.run_id || '_' || n, c.stall_id, c.contract_id, c.vendor_id, c.kind,"
    " to_char(c.first_on - make_interval(months => n), 'YYYY-MM'),"
    " c.first_on - make_interval(months => n), c.last_on - make_interval(months => n), c.amount,"
    " c.waived, c.priority, c.bill_id || '_' || n, c.created_at"
    f" FROM charge c {_EARLIER}",
    "INSERT INTO payment (id, kind, agency_id, gateway, collection_account_id, status, amount,"
    " credited, settlement_key, reference, created_at, paid_at, accounting_on, asked)"
    " SELECT 'pay_' || s.id || '_' || n, 'credit', m.agency_id, 'sepay',"
    " (SELECT id FROM collection_account ORDER BY created_at LIMIT 1), 'succeeded', 300000, 300000,"
    " s.id || '_' || n, s.reference, now() - make_interval(months => n),"
    " now() - make_interval(months => n), current_date, 0"
    f" FROM stall s JOIN market m ON m.id = s.market_id {_EARLIER} WHERE n >= 2",
    "INSERT INTO payment_document (id, bill_id, agency_id, kind, code, amount, issued_at, content)"
    " SELECT 'doc_' || b.id, b.id, b.agency_id, 'confirmation', 'c' || b.id, b.amount, b.paid_at,"
    " decode(repeat('00', 600), 'hex') FROM bill b WHERE b.status = 'paid'",
)
