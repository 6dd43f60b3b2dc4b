-- What must hold between packages: their tables are read together here and nowhere else.

-- name: told_of_payment
-- a paid bill was told
SELECT b.id, 'no bill.paid event' AS detail FROM bill b
WHERE b.status = 'paid' AND NOT EXISTS (SELECT 1 FROM outbox_event e
  WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id)

-- name: audited_states
-- every state has its audit row
SELECT id, status AS detail FROM (
  SELECT id, status, CASE status WHEN 'open' THEN 'bill.opened'
    ELSE 'bill.' || status END AS action FROM bill
  UNION ALL SELECT id, status, 'payment.' || status FROM payment
) s WHERE NOT EXISTS (
  SELECT 1 FROM audit_entry e WHERE e.object_id = s.id AND e.action = s.action)

-- name: receipt_of_a_settled_bill
-- a settled bill has its receipt, or it is on its way
SELECT b.id, 'paid ' || b.paid_at AS detail FROM bill b
LEFT JOIN receipt r ON r.bill_id = b.id
WHERE b.status = 'paid' AND r.id IS NULL AND NOT EXISTS (
  SELECT 1 FROM outbox_event e JOIN outbox_delivery d ON d.event_id = e.id
  WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id
    AND d.handler = 'receipts.issue' AND d.state <> 'done')

-- name: receipt_of_the_amount
-- only a settled bill has a receipt, of its amount
SELECT r.id, b.status || ' ' || b.amount || ' against ' || r.amount AS detail
FROM receipt r JOIN bill b ON b.id = r.bill_id
WHERE b.status <> 'paid' OR b.amount <> r.amount

-- name: matched_money
-- a match joins equal money of one account
SELECT m.payment_id AS id, m.line_id || ': ' || p.credited || ' against ' || l.amount AS detail
FROM match m JOIN payment p ON p.id = m.payment_id
JOIN statement_line l ON l.id = m.line_id
WHERE p.credited <> l.amount OR l.direction <> 'credit'
  OR p.collection_account_id <> l.collection_account_id
