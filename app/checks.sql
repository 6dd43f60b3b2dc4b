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
-- a settled bill has its receipt and documents, or they are on their way
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
SELECT r.id, b.status || ' ' || coalesce(l.amount, 0) || ' against ' || r.amount AS detail
FROM receipt r JOIN bill b ON b.id = r.bill_id
LEFT JOIN LATERAL (SELECT sum(n.amount) AS amount FROM bill_line n WHERE n.bill_id = b.id
  AND (n.nature IS NULL OR n.nature IN ('charge', 'fee'))) l ON true
WHERE b.status <> 'paid' OR l.amount IS DISTINCT FROM r.amount

-- name: documents_of_their_lines
-- a document is of a settled bill, and of its lines' amount
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
