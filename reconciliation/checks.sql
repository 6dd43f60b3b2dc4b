-- name: lines_of_statements
-- a statement's new lines are all there
SELECT s.id, 'told ' || s.new_count || ', there ' || count(l.id) AS detail
FROM statement s LEFT JOIN statement_line l ON l.statement_id = s.id
GROUP BY s.id, s.new_count HAVING count(l.id) <> s.new_count

-- name: lines_of_paid_batches
-- a batch that was paid over is what its lines come to
SELECT b.id, b.batch_ref || ': ' || b.gross || ' less ' || b.fee || ', its '
  || coalesce(l.count, 0) || ' lines ' || coalesce(l.gross, 0) || ' less ' || coalesce(l.fee, 0)
  AS detail
FROM paid_batch b LEFT JOIN (SELECT gateway_account_id, batch_ref, count(*) AS count,
    sum(CASE kind WHEN 'adjustment' THEN 0 WHEN 'payment' THEN amount ELSE -amount END) AS gross,
    sum(CASE kind WHEN 'adjustment' THEN fee - amount WHEN 'payment' THEN fee ELSE -fee END) AS fee
  FROM settlement_line WHERE withdrawn_at IS NULL GROUP BY 1, 2) l
  ON l.gateway_account_id = b.gateway_account_id AND l.batch_ref = b.batch_ref
WHERE b.undone_at IS NULL AND (b.line_count, b.gross, b.fee)
  IS DISTINCT FROM (coalesce(l.count, 0), l.gross, l.fee)

-- name: batches_paid_once
-- a batch is paid over once
SELECT min(id) AS id, batch_ref || ' by ' || count(*) || ' payouts' AS detail FROM paid_batch
WHERE undone_at IS NULL GROUP BY gateway_account_id, batch_ref HAVING count(*) > 1
