-- name: other_days
-- Credit lines that count for a run's day though their payment is of another one, or that turned up
-- after their own day had been closed.
SELECT l.id, l.amount, l.booked_at, coalesce(o.payment_id, '') AS payment_id,
  t.line_id IS NOT NULL AS late
FROM statement_line l LEFT JOIN late_line t ON t.line_id = l.id
LEFT JOIN placed_line o ON o.line_id = l.id AND o.reconciliation_id = :run
WHERE l.collection_account_id = :account AND l.withdrawn_at IS NULL
  AND ((t.line_id IS NOT NULL AND t.accounting_on = :on)
    OR (o.place = 'other_day'))
ORDER BY l.id LIMIT 200
