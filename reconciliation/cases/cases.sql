-- Cases of discrepancies, for many of a run at once.

-- name: carry
-- Gives each discrepancy of a part of a run its case: the day's own if there is one, open again
-- where it was gone or where its figures are not those that were decided about. A large run has
-- several parts, for each statement has its time; all that concerns one object is in one of them.
INSERT INTO discrepancy_case (id, collection_account_id, business_on, side, object_id, kind,
  amount, other_amount, status, due_on, opened_at)
SELECT 'case_' || substr(min(d.id), 6), :account, CAST(:on AS date), d.side, d.object_id, d.kind,
  max(d.amount), max(d.other_amount), 'open', CAST(:due AS date), CAST(:now AS timestamptz)
FROM discrepancy d
WHERE d.reconciliation_id = :run
  AND (hashtext(d.object_id) & 2147483647) % :parts = :part
GROUP BY d.side, d.object_id, d.kind
ON CONFLICT (collection_account_id, business_on, side, object_id, kind)
  DO UPDATE SET status = 'open', amount = excluded.amount, other_amount = excluded.other_amount,
    resolution = NULL, reason = NULL, approval_id = NULL, resolved_at = NULL
  WHERE discrepancy_case.status = 'gone'
    OR (discrepancy_case.amount, discrepancy_case.other_amount)
      IS DISTINCT FROM (excluded.amount, excluded.other_amount)
