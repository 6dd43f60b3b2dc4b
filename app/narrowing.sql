-- What a rule that narrows sees instead of the whole tables, where only what is new is checked.

-- name: touched
-- Shadows the tables with the rows of some objects and of what hangs together with them: their
-- bills, all money given to these, and all rows of that money.
WITH touched AS MATERIALIZED (
  SELECT DISTINCT unnest(CAST(:ids AS text[])) AS id
), touched_bill AS MATERIALIZED (
  SELECT b.id FROM bill b JOIN touched t ON t.id = b.id
  UNION SELECT p.bill_id FROM payment p JOIN touched t ON t.id = p.id WHERE p.bill_id IS NOT NULL
  UNION SELECT a.bill_id FROM allocation a JOIN touched t ON t.id = a.payment_id
  UNION SELECT s.bill_id FROM suspense_item s JOIN touched t ON t.id = s.payment_id
    WHERE s.bill_id IS NOT NULL AND s.closed_at IS NULL
  UNION SELECT r.bill_id FROM receipt r JOIN touched t ON t.id = r.id
), touched_payment AS MATERIALIZED (
  SELECT p.id FROM payment p JOIN touched t ON t.id = p.id
  UNION SELECT p.id FROM payment p JOIN touched_bill t ON t.id = p.bill_id
  UNION SELECT a.payment_id FROM allocation a JOIN touched_bill t ON t.id = a.bill_id
  UNION SELECT s.payment_id FROM suspense_item s JOIN touched_bill t ON t.id = s.bill_id
    WHERE s.closed_at IS NULL
  UNION SELECT r.payment_id FROM refund r JOIN touched t ON t.id = r.id
), touched_refund AS MATERIALIZED (
  SELECT r.id, r.payment_id, r.bill_id, r.amount, r.from_revenue, r.status, r.way
  FROM refund r JOIN touched_payment p ON p.id = r.payment_id
), touched_transaction AS MATERIALIZED (
  SELECT t.id, t.kind, t.payment_id, t.accounting_on
  FROM ledger_transaction t JOIN touched_payment p ON p.id = t.payment_id
), touched_receipt AS MATERIALIZED (
  SELECT r.id, r.bill_id, r.number, r.status, r.amount
  FROM receipt r JOIN touched_bill b ON b.id = r.bill_id
), told AS MATERIALIZED (
  SELECT id FROM touched UNION SELECT id FROM touched_bill UNION SELECT id FROM touched_payment
  UNION SELECT id FROM touched_receipt UNION SELECT id FROM touched_refund
), touched_entry AS MATERIALIZED (
  SELECT e.id, e.at, e.action, e.object_id, e.details
  FROM audit_entry e JOIN told t ON t.id = e.object_id
), touched_posting AS MATERIALIZED (
  SELECT o.transaction_id, o.ledger, o.collection_account_id, o.amount, o.bill_id
  FROM posting o JOIN touched_transaction t ON t.id = o.transaction_id
), touched_allocation AS MATERIALIZED (
  -- Whatever the bills were given came from these payments.
  SELECT a.payment_id, a.bill_id, a.amount
  FROM allocation a JOIN touched_payment p ON p.id = a.payment_id
), touched_item AS MATERIALIZED (
  SELECT s.payment_id, s.place, s.reason, s.amount, s.closed_at, s.refund_id, s.bill_id
  FROM suspense_item s JOIN touched_payment p ON p.id = s.payment_id
), touched_payout AS MATERIALIZED (
  SELECT y.id, y.payment_id, y.amount, y.gross, y.fee, y.clearing, y.undone_at
  FROM payout y JOIN touched_payment p ON p.id = y.payment_id
), bill AS MATERIALIZED (
  SELECT b.id, b.status, b.amount, b.reference, b.paid_at
  FROM bill b JOIN touched_bill t ON t.id = b.id
), payment AS MATERIALIZED (
  SELECT p.id, p.status, p.kind, p.credited, p.gateway, p.gateway_ref, p.bill_id,
    p.collection_account_id, p.accounting_on
  FROM payment p JOIN touched_payment t ON t.id = p.id
), bill_line AS MATERIALIZED (
  SELECT l.bill_id, l.amount, l.nature FROM bill_line l JOIN touched_bill t ON t.id = l.bill_id
), payment_document AS MATERIALIZED (
  SELECT d.id, d.bill_id, d.kind, d.amount
  FROM payment_document d JOIN touched_bill t ON t.id = d.bill_id
), ledger_transaction AS (SELECT id, kind, payment_id, accounting_on FROM touched_transaction
), posting AS (SELECT transaction_id, ledger, collection_account_id, amount, bill_id
  FROM touched_posting
), allocation AS (SELECT payment_id, bill_id, amount FROM touched_allocation
), suspense_item AS (
  SELECT payment_id, place, reason, amount, closed_at, refund_id, bill_id FROM touched_item
), refund AS (
  SELECT id, payment_id, bill_id, amount, from_revenue, status, way FROM touched_refund
), payout AS (
  SELECT id, payment_id, amount, gross, fee, clearing, undone_at FROM touched_payout
), receipt AS (SELECT id, bill_id, number, status, amount FROM touched_receipt
), audit_entry AS (SELECT id, at, action, object_id, details FROM touched_entry
)
