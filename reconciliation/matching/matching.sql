-- The rules by which a day's payments meet the lines of a ledger. Read it from top to bottom.
--
-- Given:
--   payments (payment_id, reference, amount, paid_at), a table; ids and references are unique
--   lines    (line_id, booked_at, amount, direction, reference, narrative, bank_ref), read once, and
--            again where a debit has the amount of a payment; ids unique
--   treasury_days (paid_on, before_cut_off, after_cut_off), from the calendar, by matching.py
-- Further columns are ignored. Amounts are whole đồng; times carry their zone.


-- step: reference
-- The day on which the treasury has to book a payment, of the two that the calendar gives.
CREATE OR REPLACE MACRO day_due(paid_at, before_cut_off, after_cut_off) AS
    CASE
        WHEN time_in_vietnam(paid_at) < getvariable('cut_off') THEN before_cut_off
        ELSE after_cut_off
    END;

CREATE OR REPLACE VIEW expected AS
SELECT
    payments.rowid AS payment,
    payments.reference,
    payments.amount,
    day_due(payments.paid_at, before_cut_off, after_cut_off) AS due_on
FROM payments
JOIN treasury_days ON treasury_days.paid_on = day_in_vietnam(payments.paid_at);

-- Every line of the ledger, and the payment it names: narrow, for it is the widest thing kept.
-- `words` is what a line that names none yet has to say; `in_narrative` tells where that stands.
-- Each payment that no line names so is there as well, in a row that has a payment and no line.
CREATE OR REPLACE TABLE ledger (
    line_id VARCHAR,
    booked_on DATE,
    amount BIGINT,
    is_credit BOOLEAN,
    payment BIGINT,
    is_exact BOOLEAN,
    is_late BOOLEAN,
    in_narrative BOOLEAN,
    words VARCHAR,
    -- of a line, nothing that was in its cells may be missing
    CHECK (
        in_narrative IS NULL
        OR (
            line_id IS NOT NULL AND booked_on IS NOT NULL
            AND amount IS NOT NULL AND is_credit IS NOT NULL
        )
    )
);

-- A credit whose reference field holds a payment's reference names that payment. A debit is a
-- sweep to the State Bank or a correction: it names none, is counted, and is otherwise ignored.
INSERT INTO ledger
SELECT
    lines.line_id,
    day_in_vietnam(lines.booked_at) AS booked_on,
    lines.amount,
    lines.direction = 'credit',
    expected.payment,
    lines.amount = expected.amount,
    booked_on > expected.due_on,
    CASE
        WHEN expected.payment IS NULL THEN is_blank(lines.reference)
        WHEN lines.is_line THEN false
    END,
    CASE
        WHEN expected.payment IS NOT NULL THEN NULL
        WHEN is_blank(lines.reference) THEN lines.narrative
        ELSE lines.reference
    END
FROM (
    SELECT *, true AS is_line, CASE direction WHEN 'credit' THEN reference END AS naming
    FROM lines
) AS lines
FULL JOIN expected ON expected.reference = lines.naming;


-- step: other words
-- Of the credits that name no payment yet, these are worth a search: the narrative where the
-- reference field is blank or holds what stands where there is none (NONREF, 0), else the field
-- itself, if it is more or less than a reference (lower case, spaces, text around it). A field that has the form of a reference has spoken: wrong check
-- characters or an unknown payment are not made good by the narrative.
CREATE OR REPLACE TABLE spoken AS
SELECT rowid AS line, words
FROM ledger
WHERE is_credit AND payment IS NULL AND (in_narrative OR NOT has_form(words));


-- step: narrative
-- Every place in those words that begins like a reference, upper-cased, without diacritics,
-- spaces and punctuation. What equals a payment's reference names that payment.
CREATE OR REPLACE TABLE plain AS
SELECT line, searchable(words) AS text FROM spoken;

CREATE OR REPLACE TABLE places AS
SELECT line, unnest(list_distinct(reference_places(text))) AS place FROM plain;

CREATE OR REPLACE TABLE named AS
WITH found AS MATERIALIZED (
    SELECT
        places.line,
        payments.rowid AS payment,
        payments.reference,
        payments.amount,
        payments.paid_at
    FROM places
    JOIN payments ON payments.reference = places.place
)
SELECT
    found.line,
    found.payment,
    found.reference,
    found.amount,
    day_due(found.paid_at, before_cut_off, after_cut_off) AS due_on
FROM found
JOIN treasury_days ON treasury_days.paid_on = day_in_vietnam(found.paid_at);

-- Words that name two payments decide for neither: a person must look.
CREATE OR REPLACE TABLE several AS
SELECT line, list(reference ORDER BY reference) AS payments
FROM named
GROUP BY line
HAVING count(*) > 1;

-- The credits that name exactly one payment, by their field or by their words.
CREATE OR REPLACE TABLE found_by_words AS
SELECT
    ledger.rowid AS line,
    ledger.line_id,
    ledger.booked_on,
    ledger.amount,
    named.payment,
    ledger.amount = named.amount AS is_exact,
    ledger.booked_on > named.due_on AS is_late,
    ledger.in_narrative
FROM named
ANTI JOIN several ON several.line = named.line
JOIN ledger ON ledger.rowid = named.line;

CREATE OR REPLACE VIEW naming AS
SELECT payment, line_id, booked_on, amount, is_exact, is_late, in_narrative
FROM ledger
WHERE payment IS NOT NULL AND is_credit
UNION ALL
SELECT payment, line_id, booked_on, amount, is_exact, is_late, in_narrative
FROM found_by_words;


-- step: returned
-- The credits that a debit returns, with that debit: returned_lines.py finds them, for the rule has
-- to tell one of many and is the same for a day of the database. Mostly there are none.
CREATE OR REPLACE TABLE returned (
    payment BIGINT NOT NULL,
    line_id VARCHAR NOT NULL,
    amount BIGINT NOT NULL,
    debit_line_id VARCHAR NOT NULL
);


-- step: verdicts
-- Each payment beside the credits that name it, and once without any.
CREATE OR REPLACE VIEW beside AS
SELECT payment, line_id, in_narrative, is_exact, is_late FROM naming
UNION ALL
SELECT unnamed.payment, NULL, NULL, NULL, NULL
FROM (SELECT payment FROM ledger WHERE is_credit IS NULL) AS unnamed
ANTI JOIN found_by_words ON found_by_words.payment = unnamed.payment;

-- One credit of the right amount is a match, and nothing else is. A late one is matched all the
-- same: it is in both lists. There is one row for each payment, and it stands at the same place as
-- the payment, so that the two can be laid side by side; the last step looks whether it does.
CREATE OR REPLACE TABLE verdicts AS
WITH neighbours AS (
    SELECT
        *,
        coalesce(payment = lag(payment) OVER (), false) AS is_repeat,
        coalesce(payment = lead(payment) OVER (), false) AS is_repeated
    FROM (SELECT * FROM beside ORDER BY payment)
)
SELECT
    payment,
    CASE WHEN NOT is_repeated THEN line_id END AS line_id,
    in_narrative,
    CASE
        WHEN payment IN (SELECT returned.payment FROM returned)
            THEN CAST('reversed' AS class_of_payment)
        WHEN is_repeated THEN CAST('duplicate' AS class_of_payment)
        WHEN line_id IS NULL THEN CAST('missing_in_ledger' AS class_of_payment)
        WHEN NOT is_exact THEN CAST('amount_mismatch' AS class_of_payment)
        WHEN is_late THEN CAST('late' AS class_of_payment)
        ELSE CAST('matched' AS class_of_payment)
    END AS class
FROM neighbours
WHERE NOT is_repeat;

-- The matches among the payments whose rows are numbered `first` to `last`: in the order of the
-- payments, if they are read with insertion order preserved.
CREATE OR REPLACE MACRO matches_between(first, last) AS TABLE
SELECT
    payments.payment_id,
    verdicts.line_id,
    payments.reference,
    payments.amount,
    CASE WHEN verdicts.in_narrative THEN 'narrative' ELSE 'reference' END AS rule
FROM (SELECT * FROM payments WHERE rowid BETWEEN first AND last) AS payments
POSITIONAL JOIN (SELECT * FROM verdicts WHERE rowid BETWEEN first AND last) AS verdicts
WHERE verdicts.class IN ('matched', 'late');

CREATE OR REPLACE VIEW matches AS
FROM matches_between(0, (SELECT count(*) FROM payments));


-- step: reasons
-- Why a line is unknown, told by what its words hold.
CREATE OR REPLACE TABLE unknown AS
WITH lost AS (
    SELECT
        ledger.rowid AS line,
        ledger.line_id,
        ledger.amount,
        CASE WHEN NOT ledger.in_narrative THEN ledger.words END AS field
    FROM ledger
    ANTI JOIN found_by_words ON found_by_words.line = ledger.rowid
    WHERE ledger.is_credit AND ledger.payment IS NULL
),
seen AS (
    SELECT line, field AS place FROM lost WHERE has_form(field)
    UNION
    SELECT places.line, places.place FROM places JOIN lost ON lost.line = places.line
),
halved AS (
    SELECT line, place, first_half(number) AS half_1, second_half(number) AS half_2
    FROM (SELECT line, place, as_number(place) AS number FROM seen)
),
judged AS (
    SELECT line, place, coalesce(check_holds(half_1, half_2), false) AS holds
    FROM halved
),
found AS (
    SELECT
        line,
        list(place ORDER BY place) FILTER (holds) AS sound,
        list(place ORDER BY place) FILTER (NOT holds) AS broken
    FROM judged
    GROUP BY line
)
SELECT
    lost.line_id,
    lost.amount,
    coalesce(lost.field, CASE WHEN len(found.sound) = 1 THEN found.sound[1] END) AS reference,
    CASE
        WHEN several.payments IS NOT NULL
            THEN 'Có mã của ' || len(several.payments) || ' khoản thanh toán khác nhau: '
                || few(several.payments)
        WHEN len(found.sound) > 0
            THEN 'Không có khoản thanh toán nào trong ngày mang mã ' || few(found.sound)
        WHEN lost.field IS NOT NULL
            THEN 'Mã tham chiếu sai dạng hoặc sai ký tự kiểm tra'
        WHEN len(found.broken) > 0
            THEN 'Diễn giải có mã sai ký tự kiểm tra: ' || few(found.broken)
        ELSE 'Không có mã tham chiếu trên dòng này'
    END AS reason
FROM lost
LEFT JOIN found ON found.line = lost.line
LEFT JOIN several ON several.line = lost.line;

-- Payments that a person has to look at, one row each, with what they were credited.
CREATE OR REPLACE TABLE doubtful AS
WITH known AS MATERIALIZED (
    SELECT
        verdicts.payment,
        verdicts.class,
        payments.payment_id,
        payments.reference,
        payments.amount,
        payments.paid_at
    FROM verdicts
    JOIN payments ON payments.rowid = verdicts.payment
    WHERE verdicts.class <> 'matched'
),
credited AS MATERIALIZED (
    SELECT
        naming.payment,
        max(naming.booked_on) AS booked_on,
        sum(naming.amount) AS credited,
        list(naming.line_id ORDER BY naming.booked_on, naming.line_id) AS line_ids
    FROM naming
    SEMI JOIN known ON known.payment = naming.payment
    GROUP BY naming.payment
)
SELECT
    known.*,
    credited.booked_on,
    credited.credited,
    credited.line_ids,
    taken.amount AS taken_back,
    taken.debits,
    day_due(known.paid_at, before_cut_off, after_cut_off) AS due_on
FROM known
JOIN treasury_days ON treasury_days.paid_on = day_in_vietnam(known.paid_at)
LEFT JOIN credited ON credited.payment = known.payment
LEFT JOIN (
    SELECT payment, sum(amount) AS amount, list(debit_line_id ORDER BY debit_line_id) AS debits
    FROM returned
    GROUP BY payment
) AS taken ON taken.payment = known.payment;

CREATE OR REPLACE VIEW discrepancies AS
SELECT
    'payment' AS side,
    payment_id AS id,
    CAST(class AS VARCHAR) AS class,
    reference,
    amount,
    CASE class WHEN 'reversed' THEN credited - taken_back ELSE credited END AS other_amount,
    CASE class
        WHEN 'reversed'
            THEN 'Ngân hàng đã ghi có ' || in_dong(credited) || ' (dòng ' || few(line_ids)
                || ') rồi ghi nợ trả lại ' || in_dong(taken_back) || ': dòng ' || few(debits)
        WHEN 'missing_in_ledger'
            THEN 'Chưa được ghi có; ngày kho bạc dự kiến ' || in_figures(due_on)
        WHEN 'duplicate'
            THEN 'Được ghi có ' || len(line_ids) || ' lần, tổng ' || in_dong(credited)
                || ': dòng ' || few(line_ids)
        WHEN 'amount_mismatch'
            THEN 'Được ghi có ' || in_dong(credited) || ' thay vì ' || in_dong(amount)
                || ': dòng ' || few(line_ids)
        ELSE 'Ghi sổ ngày ' || in_figures(booked_on) || ', sau ngày kho bạc '
            || in_figures(due_on) || ': dòng ' || few(line_ids)
    END AS reason
FROM doubtful
UNION ALL
SELECT 'line', line_id, 'unknown_in_ledger', reference, amount, NULL, reason
FROM unknown;

-- Where every credit line went: for the tie between a line and its payment.
CREATE OR REPLACE VIEW placed_lines AS
SELECT
    naming.line_id,
    payments.payment_id,
    CAST(verdicts.class AS VARCHAR) AS class,
    CASE WHEN naming.in_narrative THEN 'narrative' ELSE 'reference' END AS rule
FROM naming
JOIN verdicts ON verdicts.payment = naming.payment
JOIN payments ON payments.rowid = naming.payment
UNION ALL
SELECT line_id, NULL, 'unknown_in_ledger', NULL FROM unknown;


-- step: control
-- How many are in each place, and their sum. The sum of a class of payments is what was due.
CREATE OR REPLACE TABLE tallies AS
WITH by_class AS (
    SELECT CAST(verdicts.class AS VARCHAR) AS class, count(*) AS count, sum(payments.amount) AS sum
    FROM payments
    POSITIONAL JOIN verdicts
    GROUP BY verdicts.class
)
SELECT 'matched' AS class, coalesce(sum(count), 0) AS count, sum(sum) AS sum
FROM by_class WHERE class IN ('matched', 'late')
UNION ALL
SELECT class, count, sum FROM by_class WHERE class <> 'matched'
UNION ALL
SELECT 'unknown_in_ledger', count(*), sum(amount) FROM unknown
UNION ALL
SELECT 'debits', count(*), sum(amount) FROM ledger WHERE NOT is_credit;

-- Conservation: each side of the day, counted as it came in and counted again from the places it
-- went to. Both counts and both sums must be the same.
CREATE OR REPLACE VIEW control AS
WITH matched AS (
    SELECT count, sum FROM tallies WHERE class = 'matched'
),
unmatched AS (
    SELECT
        count(*) AS payments,
        sum(amount) AS amount,
        sum(len(line_ids)) AS lines,
        sum(credited) AS credited
    FROM doubtful
    WHERE class <> 'late'
),
unknowns AS (
    SELECT count(*) AS count, sum(amount) AS sum FROM unknown
)
SELECT
    'payments' AS side,
    (SELECT count(*) FROM payments) AS came,
    (SELECT matched.count + unmatched.payments FROM matched, unmatched) AS went,
    (SELECT coalesce(sum(amount), 0) FROM payments) AS came_sum,
    (SELECT coalesce(matched.sum, 0) + coalesce(unmatched.amount, 0) FROM matched, unmatched)
        AS went_sum
UNION ALL
SELECT
    'credits',
    (SELECT count(*) FROM ledger WHERE is_credit),
    (
        SELECT matched.count + coalesce(unmatched.lines, 0) + unknowns.count
        FROM matched, unmatched, unknowns
    ),
    (SELECT coalesce(sum(amount), 0) FROM ledger WHERE is_credit),
    (
        SELECT
            coalesce(matched.sum, 0) + coalesce(unmatched.credited, 0) + coalesce(unknowns.sum, 0)
        FROM matched, unmatched, unknowns
    )
UNION ALL
-- Each verdict stands at the place of its payment.
SELECT
    'places',
    (SELECT count(*) FROM payments),
    (SELECT count(*) FROM verdicts WHERE payment = rowid),
    0,
    0;
