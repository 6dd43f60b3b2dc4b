"""Rows around a day of 10,000 lines: other days' discrepancies, its matches, what was decided."""

from typing import Final

#: As many as a body has after a year; what is not asked for is left out (no line, no payment).
AROUND: Final = (
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO reconciliation (id, agency_id, collection_account_id, business_on, summary,"
    " created_by, created_at, superseded_by)"
    " SELECT 'rec_old' || n, agency_id, collection_account_id, DATE '2020-01-01' + n, summary,"
    " created_by, created_at, NULL FROM reconciliation, generate_series(1, 300) n",
    "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference, amount,"
    " reason) SELECT 'disc_old' || r || '_' || n, 'rec_old' || r, 'line', 'line_' || r || '_' || n,"
    " 'unknown_in_ledger', '', 1000, 'x' FROM generate_series(1, 300) r, generate_series(1, 60) n",
    "INSERT INTO discrepancy_case (id, collection_account_id, business_on, side, object_id, kind,"
    " amount, status, due_on, opened_at)"
    " SELECT 'case_' || d.id, r.collection_account_id, r.business_on, d.side, d.object_id, d.kind,"
    " d.amount, 'open', r.business_on, r.created_at FROM discrepancy d"
    " JOIN reconciliation r ON r.id = d.reconciliation_id WHERE d.id LIKE 'disc_old%'",
    "INSERT INTO match (reconciliation_id, payment_id, line_id, reference, amount, rule)"
    " SELECT (SELECT id FROM reconciliation WHERE id NOT LIKE 'rec_old%' LIMIT 1),"
    " 'pay_' || n, 'line_' || n, 'x', 1000, 'reference' FROM generate_series(1, 10000) n",
    "INSERT INTO approval (id, agency_id, kind, object_id, wanted, figures, reason, status,"
    " proposed_by, proposed_at, decided_by, decided_at)"
    " SELECT 'appr_old' || n, (SELECT id FROM agency LIMIT 1), 'keep', 'susp_' || n, '{}', '{}',"
    " 'x', 'approved', 'staff:a', now(), 'staff:b', now() FROM generate_series(1, 20000) n",
)
#: The day itself, of a body's first account: a run that stands, with sixty exceptions.
DAY: Final = (
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO reconciliation (id, agency_id, collection_account_id, business_on, summary,"
    " created_by, created_at) SELECT 'rec_day', agency_id, id, DATE '2026-11-20', '{}', 'bench',"
    " now() FROM collection_account ORDER BY created_at LIMIT 1",
    "INSERT INTO discrepancy (id, reconciliation_id, side, object_id, kind, reference, amount,"
    " reason) SELECT 'disc_day' || lpad(n::text, 4, '0'), 'rec_day', 'line', 'line_day' || n,"
    " 'unknown_in_ledger', '', 1000 + n, 'Không có mã tham chiếu trên dòng này'"
    " FROM generate_series(1, 60) n",
    "INSERT INTO discrepancy_case (id, collection_account_id, business_on, side, object_id, kind,"
    " amount, status, due_on, opened_at)"
    " SELECT 'case_' || d.id, r.collection_account_id, r.business_on, d.side, d.object_id, d.kind,"
    " d.amount, 'open', r.business_on, r.created_at FROM discrepancy d"
    " JOIN reconciliation r ON r.id = d.reconciliation_id WHERE d.id LIKE 'disc_day%'",
)
#: What the planner has to know of.
TABLES: Final = ("discrepancy", "discrepancy_case", "match", "approval", "reconciliation")
