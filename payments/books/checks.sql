-- name: balanced_transactions
-- postings of a transaction sum to zero
-- narrows
SELECT transaction_id AS id, 'sum ' || sum(amount) AS detail FROM posting
GROUP BY 1 HAVING sum(amount) <> 0

-- name: places_of_money
-- money credited is in its places
-- narrows
SELECT p.id, 'credited ' || p.credited || ', placed ' || coalesce(a.sum, 0)
  - coalesce(r.sum, 0) + coalesce(s.sum, 0) AS detail
FROM payment p
LEFT JOIN (SELECT payment_id, sum(amount) FROM allocation GROUP BY 1) a
  ON a.payment_id = p.id
LEFT JOIN (SELECT payment_id, sum(from_revenue) FROM refund
  WHERE status IN ('approved', 'submitted', 'unknown', 'succeeded') GROUP BY 1) r
  ON r.payment_id = p.id
LEFT JOIN (SELECT payment_id, sum(amount) FROM suspense_item WHERE closed_at IS NULL
  GROUP BY 1) s ON s.payment_id = p.id
WHERE p.credited IS NOT NULL
  AND p.credited <> coalesce(a.sum, 0) - coalesce(r.sum, 0) + coalesce(s.sum, 0)

-- name: ledger_of_places
-- the ledger agrees with the places
-- narrows
WITH ledger AS (
  SELECT t.payment_id, o.ledger, sum(o.amount) AS sum
  FROM posting o JOIN ledger_transaction t ON t.id = o.transaction_id GROUP BY 1, 2
), places AS (SELECT payment_id, ledger, sum(sum) AS sum FROM (
  SELECT id AS payment_id, CASE gateway WHEN 'bank' THEN 'receivable'
      WHEN 'cash' THEN 'collector_cash' ELSE 'in_transit' END AS ledger, credited AS sum FROM payment WHERE credited IS NOT NULL
  UNION ALL SELECT payment_id, 'revenue', -sum(amount) FROM (
    SELECT payment_id, amount FROM allocation
    UNION ALL SELECT payment_id, -from_revenue FROM refund
      WHERE status IN ('approved', 'submitted', 'unknown', 'succeeded')
  ) given GROUP BY 1
  UNION ALL SELECT payment_id, place, -sum(amount) FROM (
    SELECT payment_id, place, amount FROM suspense_item WHERE closed_at IS NULL
    -- What a payout clears is more than what came: the gateway kept its fee.
    UNION ALL SELECT payment_id, 'in_transit', fee FROM payout WHERE undone_at IS NULL
    UNION ALL SELECT payment_id, 'gateway_fee', -fee FROM payout WHERE undone_at IS NULL
    -- What a gateway gave back it does not pay over.
    UNION ALL SELECT r.payment_id, v.ledger, v.sign * r.amount FROM refund r
      CROSS JOIN (VALUES ('in_transit', 1), ('gateway_back', -1)) AS v (ledger, sign)
      WHERE r.way <> 'bank' AND r.status = 'succeeded'
  ) held GROUP BY 1, 2
  ) each_place GROUP BY 1, 2
)
SELECT coalesce(l.payment_id, p.payment_id) AS id, coalesce(l.ledger, p.ledger)
  || ': ledger ' || coalesce(l.sum, 0) || ', places ' || coalesce(p.sum, 0) AS detail
FROM ledger l FULL JOIN places p USING (payment_id, ledger)
WHERE coalesce(l.sum, 0) <> coalesce(p.sum, 0)

-- name: allocations_of_bills
-- allocations reach the amount of a paid bill, and of no other
-- narrows
SELECT b.id, b.status || ', amount ' || b.amount || ', allocated ' || coalesce(a.sum, 0)
  AS detail
FROM bill b LEFT JOIN (SELECT bill_id, sum(amount) FROM allocation GROUP BY 1) a
  ON a.bill_id = b.id
WHERE coalesce(a.sum, 0) <> CASE WHEN b.status = 'paid' THEN b.amount ELSE 0 END

-- name: revenue_of_shares
-- the ledger gives each bill what its allocations say, less what refunds took
-- narrows
WITH ledger AS (
  SELECT t.payment_id, o.bill_id, -sum(o.amount) AS sum
  FROM posting o JOIN ledger_transaction t ON t.id = o.transaction_id
  WHERE o.ledger = 'revenue' GROUP BY 1, 2
), given AS (
  SELECT payment_id, bill_id, sum(amount) FROM (
    SELECT payment_id, bill_id, amount FROM allocation
    UNION ALL SELECT payment_id, bill_id, -from_revenue FROM refund
      WHERE from_revenue > 0 AND status IN ('approved', 'submitted', 'unknown', 'succeeded')
  ) g GROUP BY 1, 2
)
SELECT coalesce(l.payment_id, g.payment_id) AS id, coalesce(l.bill_id, g.bill_id, 'no bill')
  || ': ledger ' || coalesce(l.sum, 0) || ', given ' || coalesce(g.sum, 0) AS detail
FROM ledger l FULL JOIN given g ON g.payment_id = l.payment_id AND g.bill_id = l.bill_id
WHERE coalesce(l.sum, 0) <> coalesce(g.sum, 0)

-- name: waiting_for_the_rest
-- money that waits for the rest of a bill waits for one that is not paid
-- narrows
SELECT s.payment_id AS id, s.amount || ' wait for ' || b.id AS detail
FROM suspense_item s JOIN bill b ON b.id = s.bill_id
WHERE s.closed_at IS NULL AND s.place = 'suspense' AND s.reason = 'short' AND b.status = 'paid'

-- name: lines_of_bills
-- a bill is the sum of its lines
-- narrows
SELECT b.id, 'amount ' || b.amount || ', lines ' || coalesce(l.sum, 0) AS detail
FROM bill b LEFT JOIN (SELECT bill_id, sum(amount) FROM bill_line GROUP BY 1) l
  ON l.bill_id = b.id
WHERE b.amount <> coalesce(l.sum, -1)

-- name: open_attempts_of_bills
-- a bill has one open attempt at most
-- narrows
SELECT bill_id AS id, count(*) || ' are open' AS detail FROM payment
WHERE status IN ('created', 'submitted', 'unknown') GROUP BY 1 HAVING count(*) > 1

-- name: references_of_bills
-- a bill has its reference
-- narrows
SELECT b.id, b.reference AS detail FROM bill b
LEFT JOIN reference r ON r.reference = b.reference AND r.kind = 'bill'
WHERE r.reference IS NULL

-- name: money_counted_once
-- the same money is one payment
SELECT min(p.id) AS id, count(*) || ' payments for ' || p.gateway || ' ' || p.gateway_ref
  AS detail
FROM payment p
-- Of two amounts told of under one name, all but the first wait whole in suspense.
LEFT JOIN suspense_item s ON s.payment_id = p.id AND s.reason = 'conflicting_notice'
  AND s.amount = p.credited
-- What a bank tells of money is its own story: see the checks of notices.
WHERE p.credited IS NOT NULL AND p.gateway <> 'bank'
-- Money beside an attempt names no gateway account, so the account it came to decides.
GROUP BY p.collection_account_id, p.gateway, p.gateway_ref
HAVING count(*) FILTER (WHERE s.id IS NULL) <> 1
  OR count(*) <> count(DISTINCT p.credited)

-- name: traces_of_callbacks
-- an applied callback has left its trace
SELECT c.id, c.result || ', ' || c.told[3] || ' of ' || c.told[1] AS detail
-- Reference, outcome, amount, the source's own number: as `notices.event_key` writes them.
FROM (SELECT id, result, gateway_account_id,
    regexp_match(event_key, '^(.*):(succeeded|held):([0-9]+):([^:]*)$') AS told
  FROM callback WHERE state = 'applied') c
WHERE c.told IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM credit_notice n
    JOIN payment p ON p.id = n.payment_id AND p.credited = n.amount
    WHERE n.source IN (c.gateway_account_id, 'before:' || c.gateway_account_id)
      AND n.notice_ref = c.told[4] AND n.amount = CAST(c.told[3] AS bigint))
  AND NOT EXISTS (SELECT 1 FROM payment p WHERE p.gateway <> 'bank'
    AND p.gateway_ref = c.told[1] AND p.credited = CAST(c.told[3] AS bigint))

-- name: notices_of_credits
-- a bank's credit is the money of a notice, of its amount and on its account
SELECT p.id, 'credited ' || p.credited || ', told of in ' || count(n.payment_id) || ' notices'
  AS detail
FROM payment p LEFT JOIN credit_notice n ON n.payment_id = p.id AND n.amount = p.credited
  AND n.collection_account_id = p.collection_account_id
WHERE p.kind = 'credit' AND p.gateway = 'bank'
GROUP BY p.id
HAVING count(n.payment_id) = 0
  OR count(n.payment_id) <> (SELECT count(*) FROM credit_notice a WHERE a.payment_id = p.id)

-- name: credits_of_notices
-- one source tells of each credit once
SELECT n.payment_id AS id, n.source || ' told of it under ' || count(*) || ' numbers' AS detail
FROM credit_notice n WHERE n.source NOT LIKE 'before:%' AND n.withdrawn_at IS NULL
GROUP BY n.payment_id, n.source HAVING count(*) > 1

-- name: credits_told_under_one_reference
-- notices of several sources under one reference of the bank are one credit, one to one
SELECT min(t.payment_id) AS id, t.payments || ' credits for ' || t.plain_ref || ', told of '
  || max(t.told) || ' times' AS detail
FROM (
  SELECT n.collection_account_id, n.booked_on, n.amount, n.plain_ref, n.reference,
    min(n.payment_id) AS payment_id, count(*) AS told,
    (SELECT count(DISTINCT a.payment_id) FROM credit_notice a
      WHERE a.collection_account_id = n.collection_account_id AND a.booked_on = n.booked_on
        AND a.amount = n.amount AND a.plain_ref = n.plain_ref AND a.reference = n.reference
        AND a.withdrawn_at IS NULL
        -- What people took for none, or the bank took back, is no credit that others tell of.
        AND NOT EXISTS (SELECT 1 FROM suspense_item s
          WHERE s.payment_id = a.payment_id AND s.place = 'reversed')) AS payments
  FROM credit_notice n WHERE n.plain_ref <> '' AND n.withdrawn_at IS NULL
  GROUP BY n.collection_account_id, n.booked_on, n.amount, n.plain_ref, n.reference, n.source
) t
GROUP BY t.collection_account_id, t.booked_on, t.amount, t.plain_ref, t.reference, t.payments
HAVING t.payments > max(t.told)

-- name: doubtful_credits
-- of amounts told of under one name, and of one amount told twice, all but the first wait whole
SELECT min(t.payment_id) AS id, count(*) || ' credits go where they were sent, told of as '
  || t.name AS detail
FROM (
  -- Payers that differ are credits that differ, as in a batch: amounts of one payer are compared.
  SELECT DISTINCT n.collection_account_id || ' ' || n.booked_on || ' ' || n.plain_ref || ' '
    || payer.reference AS name, n.payment_id, n.amount AS of_amount, 'conflicting_notice' AS reason
  FROM credit_notice n
  CROSS JOIN LATERAL unnest(string_to_array(n.reference, ' ')) AS payer (reference)
  WHERE n.plain_ref <> '' AND n.withdrawn_at IS NULL
  -- What names nobody may be anybody's.
  UNION SELECT n.collection_account_id || ' ' || n.booked_on || ' ' || n.plain_ref,
    n.payment_id, n.amount, 'conflicting_notice'
  FROM credit_notice n JOIN (
    SELECT u.collection_account_id, u.booked_on, u.plain_ref FROM credit_notice u
    WHERE u.plain_ref <> '' AND u.withdrawn_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM suspense_item s JOIN payment p ON p.id = s.payment_id
        WHERE s.payment_id = u.payment_id
          AND s.reason IN ('conflicting_notice', 'possible_duplicate') AND s.amount = p.credited)
    GROUP BY 1, 2, 3, u.payment_id HAVING max(u.reference) = ''
  ) nobody USING (collection_account_id, booked_on, plain_ref)
  WHERE n.withdrawn_at IS NULL
  UNION SELECT n.source || ' ' || n.notice_ref, n.payment_id, n.amount, 'conflicting_notice'
  FROM credit_notice n WHERE n.withdrawn_at IS NULL
  UNION SELECT n.source || ' ' || n.booked_on || ' ' || n.plain_ref || ' ' || n.reference || ' '
    || n.amount, n.payment_id, 0, 'possible_duplicate'
  FROM credit_notice n WHERE n.plain_ref <> '' AND n.withdrawn_at IS NULL
) t
WHERE NOT EXISTS (SELECT 1 FROM suspense_item s JOIN payment p ON p.id = s.payment_id
  WHERE s.payment_id = t.payment_id AND s.reason IN ('conflicting_notice', 'possible_duplicate')
    AND s.amount = p.credited)
GROUP BY t.name, t.reason
HAVING count(DISTINCT t.of_amount) > 1
  OR (t.reason = 'possible_duplicate' AND count(DISTINCT t.payment_id) > 1)

-- name: accounts_of_postings
-- money is posted on the account that it came to
-- narrows
SELECT p.id, 'came to ' || p.collection_account_id || ', posted on ' || o.collection_account_id
  AS detail
FROM payment p JOIN ledger_transaction t ON t.payment_id = p.id
JOIN posting o ON o.transaction_id = t.id
WHERE o.collection_account_id <> p.collection_account_id
GROUP BY 1, 2

-- name: settled_by_gateways
-- gateways have paid over no more than they took
SELECT collection_account_id AS id, 'in transit ' || sum(amount) AS detail FROM posting
-- What they gave back they take from what they pay over next.
WHERE ledger IN ('in_transit', 'gateway_back') GROUP BY 1 HAVING sum(amount) < 0

-- name: sums_of_payouts
-- a payout is its whole credit: what it clears less the fee, each its own posting
-- narrows
SELECT y.id, y.gross || ' less ' || y.fee || ' is ' || y.amount || ' of ' || coalesce(p.credited, 0)
  || '; posted ' || coalesce(o.transit, 0) || ' in transit, fee ' || coalesce(o.kept, 0) AS detail
FROM payout y LEFT JOIN payment p ON p.id = y.payment_id
LEFT JOIN (SELECT transaction_id, sum(amount) FILTER (WHERE ledger = 'in_transit') AS transit,
    sum(amount) FILTER (WHERE ledger = 'gateway_fee') AS kept
  FROM posting GROUP BY 1) o ON o.transaction_id = y.clearing
WHERE y.amount <> y.gross - y.fee OR y.amount IS DISTINCT FROM p.credited
  OR coalesce(o.transit, 0) <> -y.gross OR coalesce(o.kept, 0) <> y.fee

-- name: payouts_of_credits
-- a credit is the payout of one set of batches
-- narrows
SELECT payment_id AS id, count(*) || ' payouts stand' AS detail FROM payout
WHERE undone_at IS NULL GROUP BY 1 HAVING count(*) > 1

-- name: days_of_money
-- money is posted on the day that it counts for
-- narrows
SELECT p.id, 'counts for ' || p.accounting_on || ', posted on ' || t.accounting_on AS detail
FROM payment p JOIN ledger_transaction t ON t.payment_id = p.id AND t.kind = 'credit'
WHERE t.accounting_on <> p.accounting_on

-- name: refunds_of_payments
-- refunds of a payment that were approved never exceed what came of it and is money still
-- narrows
SELECT p.id, 'came ' || coalesce(p.credited, 0) || ', none of it ' || coalesce(s.sum, 0)
  || ', refunds ' || r.sum AS detail
FROM (SELECT payment_id, sum(amount) FROM refund
  WHERE status NOT IN ('requested', 'rejected', 'failed') GROUP BY 1) r
JOIN payment p ON p.id = r.payment_id
LEFT JOIN (SELECT payment_id, sum(amount) FROM suspense_item
  WHERE closed_at IS NULL AND place IN ('reversed', 'in_transit', 'collector_cash') GROUP BY 1) s
  ON s.payment_id = p.id
WHERE r.sum > coalesce(p.credited, 0) - coalesce(s.sum, 0)

-- name: money_of_refunds
-- a refund that is approved has its money set aside, one that succeeded has paid it back
-- narrows
SELECT r.id, r.status || ' ' || r.amount || ', paying back ' || coalesce(s.paying, 0)
  || ', paid back ' || coalesce(s.paid, 0) AS detail
FROM refund r LEFT JOIN (SELECT refund_id,
    sum(amount) FILTER (WHERE place = 'paying_back') AS paying,
    sum(amount) FILTER (WHERE place = 'paid_back') AS paid
  FROM suspense_item WHERE closed_at IS NULL AND refund_id IS NOT NULL GROUP BY 1) s
  ON s.refund_id = r.id
WHERE coalesce(s.paying, 0) <> CASE WHEN r.status IN ('approved', 'submitted', 'unknown')
    THEN r.amount ELSE 0 END
  OR coalesce(s.paid, 0) <> CASE r.status WHEN 'succeeded' THEN r.amount ELSE 0 END

-- name: revenue_of_refunds
-- what refunds take of a bill is no more than the payment gave it
-- narrows
SELECT r.payment_id AS id, 'refunds took ' || r.sum || ' of ' || coalesce(a.sum, 0)
  || ' given to ' || r.bill_id AS detail
FROM (SELECT payment_id, bill_id, sum(from_revenue) FROM refund
  WHERE from_revenue > 0 AND status IN ('approved', 'submitted', 'unknown', 'succeeded')
  GROUP BY 1, 2) r
LEFT JOIN (SELECT payment_id, bill_id, sum(amount) FROM allocation GROUP BY 1, 2) a
  USING (payment_id, bill_id)
WHERE r.sum > coalesce(a.sum, 0)
