-- name: series_without_holes
-- numbers of a series are 1..N
SELECT s.id, s.symbol || ': counted ' || s.last_number || ', receipts ' || count(r.id)
  || ', from ' || coalesce(min(r.number), 0) || ' to ' || coalesce(max(r.number), 0) AS detail
FROM receipt_series s LEFT JOIN receipt r ON r.series_id = s.id
GROUP BY s.id, s.symbol, s.last_number
HAVING count(r.id) <> s.last_number OR coalesce(max(r.number), 0) <> s.last_number
  OR count(DISTINCT r.number) <> s.last_number OR coalesce(min(r.number), 1) <> 1

-- name: order_of_issue
-- numbers follow the order of issue
SELECT id, 'number ' || number AS detail FROM (
  SELECT id, number, issued_at, lag(issued_at) OVER (PARTITION BY series_id
    ORDER BY number) AS earlier FROM receipt) o
WHERE issued_at < earlier

-- name: signed_document
-- an issued receipt has its signed XML
-- narrows
SELECT r.id, r.status AS detail FROM receipt r
LEFT JOIN receipt_file f ON f.receipt_id = r.id AND f.kind = 'xml'
WHERE r.status <> 'numbered' AND f.receipt_id IS NULL

-- name: dates_rise
-- a receipt bears the day of its issue, and days rise with the numbers
SELECT id, 'number ' || number || ' of ' || issued_on AS detail FROM (
  SELECT id, number, issued_on, issued_at, paid_at, lag(issued_on) OVER (PARTITION BY series_id
    ORDER BY number) AS earlier, lag(paid_at) OVER (PARTITION BY series_id ORDER BY number)
    AS earlier_paid_at FROM receipt) o
WHERE paid_at IS NOT NULL AND (
  issued_on <> CAST(issued_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)
  OR (earlier_paid_at IS NOT NULL AND issued_on < earlier))
