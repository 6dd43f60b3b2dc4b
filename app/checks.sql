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
  UNION ALL SELECT id, status, 'refund.' || status FROM refund
  UNION ALL SELECT id, status, 'receipt.' || status FROM receipt
    WHERE status IN ('replaced', 'returned')
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
  AND r.status NOT IN ('replaced', 'returned')
LEFT JOIN payment_document d ON d.bill_id = b.id AND d.kind = n.proof
WHERE b.status = 'paid' AND r.id IS NULL AND d.id IS NULL AND NOT EXISTS (
  SELECT 1 FROM outbox_event e JOIN outbox_delivery o ON o.event_id = e.id
  WHERE e.name = 'bill.paid' AND e.payload ->> 'bill_id' = b.id
    AND o.handler = 'receipts.issue' AND o.state <> 'done')

-- name: credit_of_stalls
-- a stall's money waits only where its holder owes nothing there, or is on its way to what is owed
SELECT c.payment_id AS id, c.amount || ' wait, owed ' || b.id AS detail
FROM (SELECT s.payment_id, s.amount, t.id AS stall_id, (SELECT k.vendor_id FROM stall_contract k
    -- The holder of its day, else the last before, else the first.
    WHERE k.stall_id = t.id ORDER BY (k.first_on <= d.day) DESC, abs(k.first_on - d.day) LIMIT 1
  ) AS vendor_id
  FROM suspense_item s JOIN payment p ON p.id = s.payment_id JOIN stall t ON t.reference = p.reference
  CROSS JOIN LATERAL (SELECT CAST(p.paid_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) AS day) d
  WHERE s.closed_at IS NULL AND s.place = 'suspense' AND s.reason = 'stall_credit') c
JOIN LATERAL (SELECT DISTINCT h.bill_id AS id FROM charge h JOIN bill o ON o.id = h.bill_id
  WHERE h.stall_id = c.stall_id AND h.vendor_id = c.vendor_id AND h.voided_at IS NULL
    AND o.status IN ('open', 'expired')) b ON true
WHERE NOT EXISTS (SELECT 1 FROM outbox_event e JOIN outbox_delivery o ON o.event_id = e.id
  WHERE o.state <> 'done' AND (
    (o.handler = 'billing.pay_with_credit' AND e.payload ->> 'payment_id' = c.payment_id)
    OR (o.handler = 'billing.pay_again_with_credit' AND e.payload ->> 'bill_id' = b.id)))

-- name: cash_of_collectors
-- cash in the books is what collectors took, each once; what cleared it was handed over, and is no
-- more than they took
SELECT coalesce(p.id, a.id) AS id, 'credited ' || coalesce(p.credited, 0) || ', taken '
  || coalesce(a.amount, 0) AS detail
FROM (SELECT id, credited FROM payment WHERE gateway = 'cash') p
FULL JOIN (SELECT id, payment_id, amount FROM collected_action WHERE payment_id IS NOT NULL) a
  ON a.payment_id = p.id
WHERE p.credited IS DISTINCT FROM a.amount
UNION ALL
SELECT coalesce(s.payment_id, d.payment_id), 'in the books ' || coalesce(s.sum, 0)
  || ' cleared, of hand-overs ' || coalesce(d.sum, 0)
FROM (SELECT payment_id, sum(amount) FROM suspense_item WHERE closed_at IS NULL
  AND place = 'collector_cash' GROUP BY 1) s
FULL JOIN (SELECT payment_id, sum(amount) FROM cash_deposit GROUP BY 1) d USING (payment_id)
WHERE coalesce(s.sum, 0) <> coalesce(d.sum, 0)
UNION ALL
SELECT h.collector_id, 'paid in ' || h.sum || ', taken ' || coalesce(t.sum, 0) || ' for '
  || h.collection_account_id
FROM (SELECT o.collector_id, p.collection_account_id, sum(d.amount) FROM cash_deposit d
  JOIN cash_handover o ON o.id = d.handover_id JOIN payment p ON p.id = d.payment_id
  GROUP BY 1, 2) h
LEFT JOIN (SELECT a.collector_id, p.collection_account_id, sum(a.amount) FROM collected_action a
  JOIN payment p ON p.id = a.payment_id GROUP BY 1, 2) t
  ON t.collector_id = h.collector_id AND t.collection_account_id = h.collection_account_id
WHERE h.sum > coalesce(t.sum, 0)

-- name: debts_of_lists
-- a bill of a list of debts is a debt's, and a debt that has ended asks for nothing
SELECT b.id, b.status || CASE WHEN d.id IS NULL THEN ', no debt' ELSE ', debt ended' END AS detail
FROM bill b LEFT JOIN debt d ON d.bill_id = b.id
WHERE (b.channel = 'debt_list' AND d.id IS NULL)
  OR (d.ended_at IS NOT NULL AND b.status <> 'cancelled')

-- name: receipt_of_the_amount
-- only a settled bill has a receipt that stands, of its charges and fees
-- narrows
SELECT r.id, b.status || ' ' || coalesce(l.amount, 0) || ' against ' || r.amount AS detail
FROM receipt r JOIN bill b ON b.id = r.bill_id
LEFT JOIN LATERAL (SELECT sum(n.amount) AS amount FROM bill_line n WHERE n.bill_id = b.id
  AND (n.nature IS NULL OR n.nature IN ('charge', 'fee'))) l ON true
WHERE (b.status <> 'paid' AND r.status NOT IN ('replaced', 'returned'))
  OR l.amount IS DISTINCT FROM r.amount

-- name: documents_of_their_lines
-- a document is of a settled bill, and of its lines' amount
-- narrows
SELECT d.id, b.status || ' ' || coalesce(l.amount, 0) || ' against ' || d.amount AS detail
FROM payment_document d JOIN bill b ON b.id = d.bill_id
LEFT JOIN LATERAL (SELECT sum(n.amount) AS amount FROM bill_line n WHERE n.bill_id = d.bill_id
  AND n.nature = CASE d.kind WHEN 'confirmation' THEN 'price' ELSE 'state_revenue' END) l ON true
WHERE b.status <> 'paid' OR l.amount IS DISTINCT FROM d.amount

-- name: unknown_lines_of_runs
-- no run that stands calls unknown what was in the books as money when it was made
SELECT d.object_id AS id, d.amount || ', the money of ' || n.payment_id || ' since ' || n.told_at
  AS detail
FROM discrepancy d JOIN reconciliation r ON r.id = d.reconciliation_id
JOIN credit_notice n ON n.source = 'statement' AND n.notice_ref = d.object_id
  AND n.withdrawn_at IS NULL AND n.told_at < r.created_at
WHERE d.side = 'line' AND d.kind = 'unknown_in_ledger' AND r.superseded_by IS NULL
  -- What people took apart, or took for none, no run puts together again.
  AND NOT EXISTS (SELECT 1 FROM undone_match u WHERE u.line_id = d.object_id)
  AND NOT EXISTS (SELECT 1 FROM suspense_item s
    WHERE s.payment_id = n.payment_id AND s.place = 'reversed')

-- name: matched_money
-- a match joins equal money of one account
SELECT m.payment_id AS id, m.line_id || ': ' || p.credited || ' against ' || l.amount AS detail
FROM match m JOIN payment p ON p.id = m.payment_id
JOIN statement_line l ON l.id = m.line_id
WHERE p.credited <> l.amount OR l.direction <> 'credit'
  OR p.collection_account_id <> l.collection_account_id

-- name: batches_of_payouts
-- a payout is the batches that it brought, and stands as long as they do
SELECT y.id, y.gross || ' less ' || y.fee || ', batches ' || coalesce(b.gross, 0) || ' less '
  || coalesce(b.fee, 0) AS detail
FROM payout y LEFT JOIN (SELECT payout_id, sum(gross) AS gross, sum(fee) AS fee,
    bool_and(undone_at IS NULL) AS stand, bool_or(undone_at IS NULL) AS one_stands
  FROM paid_batch GROUP BY 1) b ON b.payout_id = y.id
WHERE (y.gross, y.fee, y.undone_at IS NULL, y.undone_at IS NULL)
  IS DISTINCT FROM (b.gross, b.fee, b.stand, b.one_stands)

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

-- name: closed_days_in_order
-- days are closed one after the other, each with its minutes
SELECT coalesce(c.reconciliation_id, m.reconciliation_id) AS id,
  coalesce(c.collection_account_id, m.collection_account_id) || ' '
    || coalesce(c.business_on, m.business_on) || ': ' || CASE
    WHEN m.reconciliation_id IS NULL THEN 'no minutes'
    WHEN c.reconciliation_id IS NULL THEN 'minutes of an open day'
    ELSE 'the day before is open' END AS detail
FROM (SELECT d.reconciliation_id, d.collection_account_id, d.business_on,
    lag(d.business_on) OVER (PARTITION BY d.collection_account_id ORDER BY d.business_on) AS before
  FROM closed_day d) c
FULL JOIN day_minutes m ON m.reconciliation_id = c.reconciliation_id
  AND m.collection_account_id = c.collection_account_id AND m.business_on = c.business_on
WHERE c.reconciliation_id IS NULL OR m.reconciliation_id IS NULL OR c.before < c.business_on - 1

-- name: chain_of_minutes
-- minutes are what their hash says, follow those of the day before, and are the log's
SELECT m.reconciliation_id AS id, CASE WHEN m.hash <> encode(sha256(m.content), 'hex')
    THEN 'the content is another'
    WHEN CAST(convert_from(m.content, 'UTF8') AS jsonb) -> 'previous' ->> 'hash' <> m.before
    THEN 'the minutes before are others' ELSE 'the log tells of others' END AS detail
FROM (SELECT d.reconciliation_id, d.content, d.hash,
    coalesce(lag(d.hash) OVER (PARTITION BY d.collection_account_id ORDER BY d.business_on),
      repeat('0', 64)) AS before
  FROM day_minutes d) m
WHERE m.hash <> encode(sha256(m.content), 'hex')
  OR CAST(convert_from(m.content, 'UTF8') AS jsonb) -> 'previous' ->> 'hash' <> m.before
  OR NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.object_id = m.reconciliation_id
    AND e.action = 'day.closed' AND e.details ->> 'hash' = m.hash)

-- name: payments_of_closed_days
-- in a closed day each payment is in exactly one place
WITH place AS (
  SELECT m.reconciliation_id, m.payment_id FROM match m
  JOIN closed_day c ON c.reconciliation_id = m.reconciliation_id
  UNION ALL SELECT d.reconciliation_id, d.object_id FROM discrepancy d
  JOIN closed_day c ON c.reconciliation_id = d.reconciliation_id
  WHERE d.side = 'payment' AND d.kind <> 'late'
  UNION ALL SELECT s.reconciliation_id, s.payment_id FROM settled_payment s
  JOIN closed_day c ON c.reconciliation_id = s.reconciliation_id
)
SELECT p.id, c.business_on || ': ' || count(o.payment_id) || ' places' AS detail
FROM closed_day c JOIN payment p ON p.collection_account_id = c.collection_account_id
  -- What a collector took in cash is on no statement; its deposit is.
  AND p.accounting_on = c.business_on AND p.gateway <> 'cash'
LEFT JOIN place o ON o.payment_id = p.id AND o.reconciliation_id = c.reconciliation_id
GROUP BY p.id, p.credited, c.business_on
HAVING count(o.payment_id) > 1 OR (count(o.payment_id) = 0
  -- What was no money at all, or was taken back, is looked for on no statement.
  AND p.credited > (SELECT coalesce(sum(s.amount), 0) FROM suspense_item s
    WHERE s.payment_id = p.id AND s.place = 'reversed'))
UNION ALL
SELECT o.payment_id, c.business_on || ': of another day' FROM place o
JOIN closed_day c ON c.reconciliation_id = o.reconciliation_id
LEFT JOIN payment p ON p.id = o.payment_id
WHERE p.accounting_on IS DISTINCT FROM c.business_on
  -- Unless an earlier day left it waiting, or as settled by a batch that was undone.
  AND NOT EXISTS (SELECT 1 FROM closed_day b
    JOIN discrepancy w ON w.reconciliation_id = b.reconciliation_id
    WHERE b.collection_account_id = c.collection_account_id
      AND b.business_on = c.business_on - 1 AND w.object_id = o.payment_id
      AND w.side = 'payment' AND w.kind IN ('expected', 'with_gateway', 'on_the_way'))
  AND NOT EXISTS (SELECT 1 FROM settled_payment s
    JOIN closed_day b ON b.reconciliation_id = s.reconciliation_id
    JOIN paid_batch y ON y.id = s.paid_batch_id
    WHERE s.payment_id = o.payment_id AND b.business_on < c.business_on
      AND y.undone_at IS NOT NULL)

-- name: carried_to_the_next_day
-- what a closed day left waiting is in a place of the next closed day
SELECT w.object_id AS id, c.business_on || ' ' || w.kind || ', not on ' || n.business_on AS detail
FROM closed_day c JOIN closed_day n ON n.collection_account_id = c.collection_account_id
  AND n.business_on = c.business_on + 1
JOIN discrepancy w ON w.reconciliation_id = c.reconciliation_id AND w.side = 'payment'
  AND w.kind IN ('expected', 'with_gateway', 'on_the_way')
JOIN payment p ON p.id = w.object_id
LEFT JOIN discrepancy_case k ON k.collection_account_id = c.collection_account_id
  AND k.business_on = c.business_on AND k.side = w.side AND k.object_id = w.object_id
  AND k.kind = w.kind
WHERE k.status IS DISTINCT FROM 'resolved'
  AND NOT EXISTS (SELECT 1 FROM match m WHERE m.reconciliation_id = n.reconciliation_id
    AND m.payment_id = w.object_id)
  AND NOT EXISTS (SELECT 1 FROM discrepancy d WHERE d.reconciliation_id = n.reconciliation_id
    AND d.side = 'payment' AND d.object_id = w.object_id)
  AND NOT EXISTS (SELECT 1 FROM settled_payment s WHERE s.reconciliation_id = n.reconciliation_id
    AND s.payment_id = w.object_id)
  AND p.credited > (SELECT coalesce(sum(s.amount), 0) FROM suspense_item s
    WHERE s.payment_id = p.id AND s.place = 'reversed')

-- name: settled_is_not_missing
-- what a batch has brought is not awaited any more
SELECT d.object_id AS id, d.kind || ' in ' || r.id || ', paid over with ' || b.batch_ref AS detail
FROM discrepancy d JOIN reconciliation r ON r.id = d.reconciliation_id AND r.superseded_by IS NULL
JOIN payment p ON p.id = d.object_id
JOIN gateway_account g ON g.collection_account_id = p.collection_account_id
  AND g.gateway = p.gateway
JOIN settlement_line l ON l.gateway_account_id = g.id AND l.gateway_ref = p.gateway_ref
  AND l.kind = 'payment' AND l.withdrawn_at IS NULL AND l.amount = p.credited
JOIN paid_batch b ON b.gateway_account_id = g.id AND b.batch_ref = l.batch_ref
  AND b.undone_at IS NULL
  -- A run reads what was there when its transaction began.
  AND b.created_at < r.created_at - interval '1 minute'
WHERE d.side = 'payment'
  AND d.kind IN ('with_gateway', 'on_the_way', 'missing_in_settlement', 'not_paid_over')
  AND NOT EXISTS (SELECT 1 FROM settlement_line o WHERE o.gateway_account_id = g.id
    AND o.gateway_ref = l.gateway_ref AND o.kind = 'payment' AND o.withdrawn_at IS NULL
    AND o.id <> l.id)

-- name: settled_money
-- a payment that a run has as settled is a gateway's, of the amount of its line in its batch
SELECT s.payment_id AS id, s.amount || ', its line ' || l.amount || ' of ' || l.batch_ref AS detail
FROM settled_payment s JOIN payment p ON p.id = s.payment_id
JOIN settlement_line l ON l.id = s.line_id JOIN paid_batch b ON b.id = s.paid_batch_id
WHERE (s.amount, s.amount, l.kind, l.batch_ref, l.gateway_account_id)
    IS DISTINCT FROM (p.credited, l.amount, 'payment', b.batch_ref, b.gateway_account_id)
  OR p.gateway = 'bank'

-- name: lines_of_closed_days
-- in a closed day each credit line is in exactly one place
WITH place AS (
  SELECT m.reconciliation_id, m.line_id FROM match m
  UNION ALL SELECT d.reconciliation_id, d.object_id FROM discrepancy d WHERE d.side = 'line'
  UNION ALL SELECT t.reconciliation_id, t.line_id FROM placed_line t WHERE t.place <> 'unplaced'
)
SELECT l.id, c.business_on || ': ' || count(o.line_id) || ' places' AS detail
FROM closed_day c JOIN statement_line l ON l.collection_account_id = c.collection_account_id
  AND l.direction = 'credit' AND l.withdrawn_at IS NULL
LEFT JOIN late_line a ON a.line_id = l.id
LEFT JOIN place o ON o.line_id = l.id AND o.reconciliation_id = c.reconciliation_id
WHERE coalesce(a.accounting_on,
  CAST(l.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)) = c.business_on
GROUP BY l.id, c.business_on HAVING count(o.line_id) <> 1

-- name: totals_of_closed_days
-- the sums in the minutes of a day are those of its rows
SELECT c.reconciliation_id AS id, 'minutes ' || (t.told -> 'payments' ->> 'sum') || ' paid, '
  || (t.told -> 'lines' ->> 'credits') || ' credited; rows ' || r.paid || ', ' || l.credited
  AS detail
FROM closed_day c JOIN day_minutes m ON m.reconciliation_id = c.reconciliation_id
CROSS JOIN LATERAL (SELECT CAST(convert_from(m.content, 'UTF8') AS jsonb) AS told) t
CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount), 0) AS paid FROM (
  SELECT o.amount FROM match o WHERE o.reconciliation_id = c.reconciliation_id
  UNION ALL SELECT d.amount FROM discrepancy d WHERE d.reconciliation_id = c.reconciliation_id
    AND d.side = 'payment' AND d.kind <> 'late'
  UNION ALL SELECT s.amount FROM settled_payment s
  WHERE s.reconciliation_id = c.reconciliation_id) x) r
CROSS JOIN LATERAL (SELECT coalesce(sum(n.amount), 0) AS credited FROM statement_line n
  LEFT JOIN late_line a ON a.line_id = n.id
  WHERE n.collection_account_id = c.collection_account_id AND n.direction = 'credit'
    AND n.withdrawn_at IS NULL AND a.line_id IS NULL
    AND CAST(n.booked_at AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date) = c.business_on) l
WHERE CAST(t.told -> 'payments' ->> 'sum' AS bigint)
    + coalesce(CAST(t.told -> 'carried_in' ->> 'sum' AS bigint), 0) <> r.paid
  OR CAST(t.told -> 'lines' ->> 'credits' AS bigint) <> l.credited

-- name: nothing_after_closing
-- nothing is posted on a day after it was closed
SELECT t.payment_id AS id, t.id || ' on ' || t.accounting_on AS detail
FROM ledger_transaction t JOIN payment p ON p.id = t.payment_id
JOIN closed_day c ON c.collection_account_id = p.collection_account_id
  AND c.business_on = t.accounting_on
WHERE t.created_at > c.closed_at

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
    'payment lasting', 'posting lasting', 'receipt lasting', 'receipt_file lasting',
    'payment open_day', 'ledger_transaction open_day', 'closed_day append_only',
    'day_minutes append_only', 'reconciliation closed_day', 'discrepancy_case closed_day',
    'statement_line closed_day', 'match closed_update', 'match closed_delete',
    'match closed_insert', 'discrepancy closed_update', 'discrepancy closed_delete',
    'discrepancy closed_insert', 'settled_payment closed_update', 'settled_payment closed_delete',
    'settled_payment closed_insert', 'closed_day lasting', 'day_minutes lasting', 'refund refund_limit',
    'refund refund_way', 'refund lasting', 'payout postings_of_payout', 'payout kept_payout', 'payout lasting',
    'paid_batch sums_of_batch', 'paid_batch kept_batch', 'paid_batch lasting',
    'collected_action append_only', 'collected_action lasting', 'slip_block append_only',
    'cash_handover kept_handover', 'cash_handover lasting', 'cash_deposit append_only',
    'cash_deposit deposit_limit', 'cash_deposit lasting']) AS name) w
WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
  WHERE c.relnamespace = CAST(current_schema() AS regnamespace)
    AND c.relname || ' ' || t.tgname = w.name)
UNION ALL SELECT proname, 'refuses nothing' FROM pg_proc
WHERE pronamespace = CAST(current_schema() AS regnamespace)
  AND proname IN ('forbid_change', 'check_zero_sum', 'check_overdraft', 'check_frozen_receipt',
    'check_open_day', 'check_day_of_payment', 'check_closed_run', 'check_standing_run',
    'check_closed_case', 'check_closed_line', 'check_refund', 'check_refund_way', 'check_payout', 'check_payout_kept',
    'check_paid_batch', 'check_kept_batch', 'check_kept_handover', 'check_deposit')
  AND prosrc NOT LIKE '%RAISE EXCEPTION%'

-- name: charges_of_a_bill
-- a market's bill is the charges on it, and they stand as long as it does
-- narrows
SELECT b.id, b.status || ' ' || b.amount || ', charges ' || c.sum || ', ' || c.voided
  || ' void' AS detail
FROM bill b CROSS JOIN LATERAL (
  SELECT sum(amount) AS sum, count(voided_at) AS voided, count(*) AS count
  FROM charge WHERE bill_id = b.id) c
WHERE c.count > 0 AND (c.sum <> b.amount OR c.voided > 0 AND b.status <> 'cancelled')
