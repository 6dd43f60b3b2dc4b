-- What is looked at before a day is closed. A line counts for the day that it was booked on, or,
-- where that had been closed, for the first open one (`late_line`).

-- name: line_sums
-- The standing lines that count for a day, by direction, and whether they turned up late.
SELECT l.direction, t.line_id IS NOT NULL AS late, count(*) AS count,
  CAST(sum(l.amount) AS bigint) AS sum
FROM statement_line l LEFT JOIN late_line t ON t.line_id = l.id
WHERE l.collection_account_id = :account AND l.withdrawn_at IS NULL
  AND ((l.booked_at >= :begin AND l.booked_at < :end AND t.line_id IS NULL)
    OR t.accounting_on = :on)
GROUP BY l.direction, t.line_id IS NOT NULL

-- name: stray_lines
-- The credit lines of a day that are not in exactly one place of its run, and those that the run
-- has and that stand no longer.
WITH place AS (
  SELECT m.line_id FROM match m WHERE m.reconciliation_id = :run
  UNION ALL SELECT d.object_id FROM discrepancy d
    WHERE d.reconciliation_id = :run AND d.side = 'line'
  UNION ALL SELECT o.line_id FROM placed_line o
    WHERE o.reconciliation_id = :run AND o.place <> 'unplaced'
)
SELECT l.id, count(p.line_id) || ' places' AS detail
FROM statement_line l LEFT JOIN late_line t ON t.line_id = l.id LEFT JOIN place p ON p.line_id = l.id
WHERE l.collection_account_id = :account AND l.withdrawn_at IS NULL AND l.direction = 'credit'
  AND ((l.booked_at >= :begin AND l.booked_at < :end AND t.line_id IS NULL)
    OR t.accounting_on = :on)
GROUP BY l.id HAVING count(p.line_id) <> 1
UNION ALL
SELECT l.id, 'withdrawn' FROM place p JOIN statement_line l ON l.id = p.line_id
WHERE l.withdrawn_at IS NOT NULL
ORDER BY id LIMIT 100

-- name: placed_payments
-- How many payments a run has a place for, in how many places, and their sum.
WITH place AS (
  SELECT m.payment_id, m.amount FROM match m WHERE m.reconciliation_id = :run
  UNION ALL SELECT d.object_id, d.amount FROM discrepancy d
    WHERE d.reconciliation_id = :run AND d.side = 'payment' AND d.kind <> 'late'
  UNION ALL SELECT s.payment_id, s.amount FROM settled_payment s WHERE s.reconciliation_id = :run
)
SELECT count(DISTINCT p.payment_id) AS count, count(*) AS places,
  CAST(coalesce(sum(p.amount), 0) AS bigint) AS sum FROM place p

-- name: payment_places
-- Each payment of a run with how many places it is in.
WITH place AS (
  SELECT m.payment_id FROM match m WHERE m.reconciliation_id = :run
  UNION ALL SELECT d.object_id FROM discrepancy d
    WHERE d.reconciliation_id = :run AND d.side = 'payment' AND d.kind <> 'late'
  UNION ALL SELECT s.payment_id FROM settled_payment s WHERE s.reconciliation_id = :run
)
SELECT p.payment_id AS id, count(*) AS count FROM place p GROUP BY p.payment_id

-- name: balances
-- Of each standing statement with lines of a day: the balances that it tells, brought to the
-- beginning and the end of the day, its first and last line of it, and what all lines of the day
-- come to before and through these.
WITH held AS (
  SELECT s.id, l.id AS line_id FROM statement s JOIN statement_line l ON l.statement_id = s.id
  WHERE s.collection_account_id = :account
  UNION SELECT s.id, r.line_id FROM statement s JOIN repeated_line r ON r.statement_id = s.id
  WHERE s.collection_account_id = :account
), near AS (
  SELECT h.id FROM held h JOIN statement_line l ON l.id = h.line_id
  WHERE l.booked_at >= :begin AND l.booked_at < :end AND l.withdrawn_at IS NULL GROUP BY h.id
)
, told AS (
SELECT s.id, coalesce(s.gap_count, 0) AS gap_count,
  CAST(s.opening_balance + coalesce(sum(CASE l.direction WHEN 'credit' THEN l.amount
    ELSE -l.amount END) FILTER (WHERE l.booked_at < :begin), 0) AS bigint) AS opening,
  CAST(s.closing_balance - coalesce(sum(CASE l.direction WHEN 'credit' THEN l.amount
    ELSE -l.amount END) FILTER (WHERE l.booked_at >= :end), 0) AS bigint) AS closing,
  min(l.booked_at) FILTER (WHERE l.booked_at >= :begin) AS first_at,
  max(l.booked_at) FILTER (WHERE l.booked_at < :end) AS last_at,
  count(*) FILTER (WHERE l.booked_at >= :begin AND l.booked_at < :end) AS lines,
  bool_or(l.booked_at < :begin) AS reaches_back, bool_or(l.booked_at >= :end) AS reaches_further
FROM statement s JOIN near n ON n.id = s.id JOIN held h ON h.id = s.id
JOIN statement_line l ON l.id = h.line_id
WHERE s.withdrawn_at IS NULL
GROUP BY s.id, s.gap_count, s.opening_balance, s.closing_balance
)
SELECT t.id, t.gap_count, t.opening, t.closing, t.first_at, t.last_at, t.lines, t.reaches_back,
  t.reaches_further, CAST(coalesce(sum(m.amount) FILTER (WHERE m.booked_at < t.first_at), 0) AS bigint)
    AS before,
  CAST(coalesce(sum(m.amount) FILTER (WHERE m.booked_at = t.first_at AND NOT m.own), 0) AS bigint)
    AS beside_first,
  CAST(coalesce(sum(m.amount) FILTER (WHERE m.booked_at <= t.last_at), 0) AS bigint) AS through,
  CAST(coalesce(sum(m.amount) FILTER (WHERE m.booked_at = t.last_at AND NOT m.own), 0) AS bigint)
    AS beside_last
FROM told t LEFT JOIN LATERAL (
  SELECT o.booked_at, CASE o.direction WHEN 'credit' THEN o.amount ELSE -o.amount END AS amount,
    EXISTS (SELECT 1 FROM held h WHERE h.id = t.id AND h.line_id = o.id) AS own
  FROM statement_line o WHERE o.collection_account_id = :account AND o.withdrawn_at IS NULL
    AND o.booked_at >= :begin AND o.booked_at < :end
    -- The only statement of a day has nothing beside it.
    AND (SELECT count(*) FROM told) > 1
) m ON true
GROUP BY t.id, t.gap_count, t.opening, t.closing, t.first_at, t.last_at, t.lines, t.reaches_back,
  t.reaches_further
