-- name: debits
-- debits that may return what a standing run has matched: of its amount, within two weeks after its
-- day, of a statement that the run has seen; none where a statement went since
SELECT DISTINCT r.id AS run_id, r.collection_account_id, r.business_on, d.id AS line_id, d.amount,
  d.narrative, d.sealed_narrative
FROM reconciliation r JOIN match m ON m.reconciliation_id = r.id
JOIN statement_line c ON c.id = m.line_id
JOIN statement_line d ON d.collection_account_id = r.collection_account_id
  AND d.direction = 'debit' AND d.amount = c.amount AND d.withdrawn_at IS NULL
  AND d.booked_at >= c.booked_at - interval '1 day'
  AND d.booked_at < c.booked_at + interval '15 days'
JOIN statement s ON s.id = d.statement_id AND s.created_at < r.created_at
WHERE r.superseded_by IS NULL
  AND NOT EXISTS (SELECT 1 FROM statement w WHERE w.collection_account_id = r.collection_account_id
    AND w.withdrawn_at > r.created_at)
ORDER BY 1, 4

-- name: matched
-- what a run has matched, line by line
SELECT m.payment_id, m.line_id, m.amount FROM match m WHERE m.reconciliation_id = :run

-- name: seen
-- which lines of an account stood in statements that a run has seen
SELECT l.id FROM statement_line l JOIN statement s ON s.id = l.statement_id
JOIN reconciliation r ON r.collection_account_id = l.collection_account_id
  AND s.created_at < r.created_at
WHERE r.id = :run AND l.withdrawn_at IS NULL AND l.amount = ANY(:amounts)
  AND l.booked_at >= :begin AND l.booked_at < :end
