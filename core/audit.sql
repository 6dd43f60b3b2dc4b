-- name: lock
-- Whether this transaction may chain: true for one at a time, until it ends.
SELECT pg_try_advisory_xact_lock(:key)

-- name: unlinked
-- The entries behind a number that no link names yet, in the order of their numbers.
SELECT e.id, e.at, e.actor, e.action, e.object_id, e.details FROM audit_entry e
WHERE e.id > :after
  -- Said of both, so that neither table is read from its beginning.
  AND NOT EXISTS (SELECT 1 FROM audit_link l WHERE l.entry_id = e.id AND l.entry_id > :after)
ORDER BY e.id LIMIT :limit
