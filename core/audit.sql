-- name: lock
-- Whether this transaction may chain: true for one at a time, until it ends.
SELECT pg_try_advisory_xact_lock(:key)

-- name: unlinked
-- The entries after a place in the chain's order, as far as no older transaction is still open.
SELECT id, at, actor, action, object_id, details FROM audit_entry
WHERE (transaction, id) > (:transaction, :id)
  AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
ORDER BY transaction, id LIMIT :limit
