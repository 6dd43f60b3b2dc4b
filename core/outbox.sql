-- The set work of the outbox: one round trip for an event and all its deliveries, the lease that
-- keeps workers apart, and the mark that stands or falls with a handler's work.

-- name: emit
-- Writes an event and a waiting delivery for each of its handlers.
WITH e AS (
  INSERT INTO outbox_event (name, version, payload, created_at)
  VALUES (:name, :version, CAST(:payload AS jsonb), :now) RETURNING id
)
INSERT INTO outbox_delivery (event_id, handler, state, attempts, due_at)
SELECT e.id, h, 'waiting', 0, :now FROM e, unnest(CAST(:handlers AS text[])) AS h

-- name: claim
-- Leases the oldest due deliveries of a handler that nobody else holds, and gives them with their
-- events. What is due or leased later than any clock that is right could have said, a clock that was
-- wrong for a while has written: it waits for nobody.
WITH due AS (
  SELECT event_id FROM outbox_delivery
  WHERE handler = :handler AND state = 'waiting' AND (due_at <= :now OR due_at > :latest_due)
    AND (leased_until IS NULL OR leased_until <= :now OR leased_until > :latest_lease)
  ORDER BY event_id LIMIT :limit FOR UPDATE SKIP LOCKED
), leased AS (
  UPDATE outbox_delivery d SET leased_until = :until, attempts = attempts + 1
  FROM due WHERE d.event_id = due.event_id AND d.handler = :handler
  RETURNING d.event_id, d.handler, d.attempts
)
SELECT l.event_id, l.handler, l.attempts, e.name, e.version, e.payload
FROM leased l JOIN outbox_event e ON e.id = l.event_id ORDER BY l.event_id

-- name: complete
-- Marks a handler's deliveries done, those only that are still leased as they were claimed.
UPDATE outbox_delivery d SET state = 'done', done_at = :now, leased_until = NULL
FROM unnest(CAST(:ids AS bigint[]), CAST(:attempts AS int[])) AS k(id, attempts)
WHERE d.event_id = k.id AND d.handler = :handler AND d.state = 'waiting'
  AND d.attempts = k.attempts
