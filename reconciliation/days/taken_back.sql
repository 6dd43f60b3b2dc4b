-- name: debits
-- the debits that stand and may return what a standing run of an open day has matched (see `runs` for
-- how near they are); what a debit is, its words say, and they are sealed
SELECT d.id AS line_id, d.narrative, d.sealed_narrative
FROM (SELECT min(business_on) - 8 AS first, max(business_on) + 30 AS last FROM reconciliation
  WHERE collection_account_id = :account AND superseded_by IS NULL AND business_on > :closed) near
JOIN statement_line d ON d.collection_account_id = :account
  AND d.booked_at >= CAST(near.first AS timestamp) AT TIME ZONE 'Asia/Ho_Chi_Minh'
  AND d.booked_at < CAST(near.last AS timestamp) AT TIME ZONE 'Asia/Ho_Chi_Minh'
WHERE d.direction = 'debit' AND d.withdrawn_at IS NULL
ORDER BY d.id

-- name: runs
-- standing runs of open days that have matched the amount of one of these debits, of a
-- day so near that it may return one of their credits (two weeks, and what a run reads around its
-- day), and have seen its statement; none where a statement went since
SELECT r.id AS run_id, r.collection_account_id, r.business_on, d.id AS line_id, d.amount
FROM statement_line d JOIN statement s ON s.id = d.statement_id
-- the runs of a debit and the matches of a run, each by its index, whatever the database thinks
CROSS JOIN LATERAL (SELECT r.id, r.collection_account_id, r.business_on, r.created_at
  FROM reconciliation r
  WHERE r.collection_account_id = d.collection_account_id AND r.superseded_by IS NULL
    AND r.business_on > :closed AND r.created_at > s.created_at
    AND r.business_on BETWEEN CAST(d.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) - 29
      AND CAST(d.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) + 8 OFFSET 0) r
WHERE d.id = ANY(:debits)
  AND (SELECT true FROM match m WHERE m.reconciliation_id = r.id AND m.amount = d.amount LIMIT 1)
  AND NOT EXISTS (SELECT 1 FROM statement w WHERE w.collection_account_id = r.collection_account_id
    AND w.withdrawn_at > r.created_at)
ORDER BY r.id, d.id

-- name: matched
-- what a run has matched of these lines
SELECT m.payment_id, m.line_id, m.amount FROM match m
WHERE m.reconciliation_id = :run AND m.line_id = ANY(:lines)
ORDER BY m.payment_id

-- name: seen
-- which lines of an account stood in statements that a run has seen
SELECT l.id FROM statement_line l JOIN statement s ON s.id = l.statement_id
WHERE l.collection_account_id = :account AND l.booked_at >= :begin AND l.booked_at < :end
  AND l.withdrawn_at IS NULL AND l.amount = ANY(:amounts)
  AND s.created_at < (SELECT r.created_at FROM reconciliation r WHERE r.id = :run)
ORDER BY l.id
