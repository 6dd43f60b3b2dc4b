-- What must hold between packages: their tables are read together here and nowhere else.

-- name: told_of_payment
-- a paid bill was told
-- narrows
SELECT b.id, 'no bill.paid event' AS detail FROM bill b
WHERE b.status = 'paid' AND NOT EXISTS (SELECT 1 FROM outbox_event e
  WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id)

-- name: audited_states
-- every state has its audit row
-- narrows
SELECT id, status AS detail FROM (
  SELECT id, status, CASE status WHEN 'open' THEN 'bill.opened'
    ELSE 'bill.' || status END AS action FROM bill
  UNION ALL SELECT id, status, 'payment.' || status FROM payment
) s WHERE NOT EXISTS (
  SELECT 1 FROM audit_entry e WHERE e.object_id = s.id AND e.action = s.action)

-- name: receipt_of_a_settled_bill
-- a settled bill has its receipt and documents, or they are on their way
-- narrows
SELECT b.id, n.proof || ' missing, paid ' || b.paid_at AS detail FROM bill b
CROSS JOIN LATERAL (SELECT DISTINCT CASE l.nature WHEN 'state_revenue' THEN 'treasury_slip'
    WHEN 'price' THEN 'confirmation' ELSE 'receipt' END AS proof
  FROM bill_line l WHERE l.bill_id = b.id AND l.amount > 0) n
LEFT JOIN receipt r ON r.bill_id = b.id AND n.proof = 'receipt'
LEFT JOIN payment_document d ON d.bill_id = b.id AND d.kind = n.proof
WHERE b.status = 'paid' AND r.id IS NULL AND d.id IS NULL AND NOT EXISTS (
  SELECT 1 FROM outbox_event e JOIN outbox_delivery o ON o.event_id = e.id
  WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id
    AND o.handler = 'receipts.issue' AND o.state <> 'done')

-- name: receipt_of_the_amount
-- only a settled bill has a receipt, of its charges and fees
-- narrows
SELECT r.id, b.status || ' ' || coalesce(l.amount, 0) || ' against ' || r.amount AS detail
FROM receipt r JOIN bill b ON b.id = r.bill_id
LEFT JOIN LATERAL (SELECT sum(n.amount) AS amount FROM bill_line n WHERE n.bill_id = b.id
  AND (n.nature IS NULL OR n.nature IN ('charge', 'fee'))) l ON true
WHERE b.status <> 'paid' OR l.amount IS DISTINCT FROM r.amount

-- name: documents_of_their_lines
-- a document is of a settled bill, and of its lines' amount
-- narrows
SELECT d.id, b.status || ' ' || coalesce(l.amount, 0) || ' against ' || d.amount AS detail
FROM payment_document d JOIN bill b ON b.id = d.bill_id
LEFT JOIN LATERAL (SELECT sum(n.amount) AS amount FROM bill_line n WHERE n.bill_id = d.bill_id
  AND n.nature = CASE d.kind WHEN 'confirmation' THEN 'price' ELSE 'state_revenue' END) l ON true
WHERE b.status <> 'paid' OR l.amount IS DISTINCT FROM d.amount

-- name: matched_money
-- a match joins equal money of one account
SELECT m.payment_id AS id, m.line_id || ': ' || p.credited || ' against ' || l.amount AS detail
FROM match m JOIN payment p ON p.id = m.payment_id
JOIN statement_line l ON l.id = m.line_id
WHERE p.credited <> l.amount OR l.direction <> 'credit'
  OR p.collection_account_id <> l.collection_account_id

-- name: amounts_as_opened
-- a bill is of the amount that it was opened with, and paid when the log tells
-- narrows
SELECT b.id, 'amount ' || b.amount || ', paid ' || coalesce(b.paid_at::text, 'never') || '; '
  || e.action || ' of ' || coalesce(e.details ->> 'amount', '?') || ' at ' || e.at AS detail
FROM bill b JOIN audit_entry e ON e.object_id = b.id
WHERE (e.action IN ('bill.opened', 'bill.exempt', 'bill.paid')
    AND CAST(e.details ->> 'amount' AS bigint) <> b.amount)
  OR (e.action = 'bill.paid' AND (b.paid_at IS NULL
      OR abs(extract(epoch FROM b.paid_at - e.at)) > 60)
    -- Its money was none, and it was to be paid again.
    AND NOT EXISTS (SELECT 1 FROM audit_entry r WHERE r.object_id = b.id
      AND r.action = 'bill.reopened' AND r.id > e.id))

-- name: money_as_recorded
-- money is of the amount and the day that it was recorded with
-- narrows
SELECT p.id, coalesce(p.credited, 0) || ' on ' || coalesce(p.accounting_on::text, 'no day')
  || ', recorded ' || coalesce(e.details ->> 'amount', '?') || ' on '
  || (e.details ->> 'accounting_on') AS detail
FROM payment p JOIN audit_entry e ON e.object_id = p.id
WHERE e.action IN ('payment.succeeded', 'payment.held') AND e.details ->> 'accounting_on' <> ''
  AND (CAST(e.details ->> 'amount' AS bigint) IS DISTINCT FROM p.credited
    OR CAST(e.details ->> 'accounting_on' AS date) IS DISTINCT FROM p.accounting_on)

-- name: issued_as_recorded
-- a receipt is the one that the log tells of
-- narrows
SELECT r.id, 'number ' || r.number || ' of ' || r.bill_id AS detail
FROM receipt r WHERE NOT EXISTS (SELECT 1 FROM audit_entry e
  WHERE e.object_id = r.id AND e.action = 'receipt.issued'
    AND e.details ->> 'bill' = r.bill_id AND e.details ->> 'number' = CAST(r.number AS text))

-- name: rows_of_deeds
-- what the log tells of is there
-- narrows
SELECT e.object_id AS id, e.action || ' at ' || e.at AS detail FROM audit_entry e
WHERE (e.action IN ('bill.opened', 'bill.exempt')
    AND NOT EXISTS (SELECT 1 FROM bill b WHERE b.id = e.object_id))
  OR (e.action IN ('payment.created', 'payment.succeeded')
    AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.id = e.object_id))
  OR (e.action = 'receipt.issued'
    AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.id = e.object_id))

-- name: guards_that_stand
-- the database's own guards stand
-- quick
SELECT c.relname || ' ' || t.tgname AS id, 'is switched off' AS detail
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgenabled <> 'O' AND c.relnamespace = CAST(current_schema() AS regnamespace)
UNION ALL SELECT w.name, 'is missing' FROM (
  SELECT unnest(ARRAY['audit_entry append_only', 'audit_link append_only', 'posting append_only',
    'posting zero_sum', 'ledger_transaction append_only', 'allocation append_only',
    'allocation no_overdraft', 'receipt frozen_receipt', 'receipt_file append_only',
    'payment_document append_only', 'audit_entry lasting', 'audit_link lasting', 'bill lasting',
    'payment lasting', 'posting lasting', 'receipt lasting', 'receipt_file lasting']) AS name) w
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
    AND c.relname || ' ' || t.tgname = w.name)
UNION ALL SELECT proname, 'refuses nothing' FROM pg_proc
WHERE pronamespace = CAST(current_schema() AS regnamespace)
  AND proname IN ('forbid_change', 'check_zero_sum', 'check_overdraft', 'check_frozen_receipt')
  AND prosrc NOT LIKE '%RAISE EXCEPTION%'
