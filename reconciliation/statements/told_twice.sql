-- name: alike
-- lines that may be one: of several statements, one day, side, amount and reference of the bank that
-- has a figure beside zeros; what has none tells nothing, and its words are compared as they are stored
SELECT l.id, l.statement_id, l.collection_account_id, l.line_number, l.booked_at, l.amount,
  l.direction, l.reference, l.bank_ref, l.narrative, l.sealed_narrative,
  ARRAY(SELECT r.statement_id FROM repeated_line r WHERE r.line_id = l.id) AS repeated_in
FROM statement_line l JOIN (
  SELECT collection_account_id, CAST(booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) AS day,
    direction, amount, upper(regexp_replace(bank_ref, '[\\;].*$|[^0-9A-Za-z]', '', 'g')) AS ref
  FROM statement_line WHERE withdrawn_at IS NULL AND bank_ref ~ '[1-9]'
  GROUP BY 1, 2, 3, 4, 5 HAVING count(DISTINCT statement_id) > 1
) a ON a.collection_account_id = l.collection_account_id AND a.direction = l.direction
  AND a.amount = l.amount
  AND a.day = CAST(l.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)
  AND a.ref = upper(regexp_replace(l.bank_ref, '[\\;].*$|[^0-9A-Za-z]', '', 'g'))
WHERE l.withdrawn_at IS NULL
ORDER BY l.collection_account_id, l.booked_at, l.id
