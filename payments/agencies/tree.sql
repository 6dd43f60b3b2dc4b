-- The tree of agencies: a unit names the body above it.

-- name: lineage
-- The ids of an agency and of the bodies above it, the nearest first.
WITH RECURSIVE up AS (
  SELECT id, parent_id, 0 AS distance FROM agency WHERE id = :id
  UNION ALL
  SELECT a.id, a.parent_id, up.distance + 1 FROM agency a JOIN up ON a.id = up.parent_id
)
SELECT id FROM up ORDER BY distance

-- name: reach
-- The ids of an agency, of its units, and of theirs.
WITH RECURSIVE down AS (
  SELECT id FROM agency WHERE id = :id
  UNION
  SELECT a.id FROM agency a JOIN down ON a.parent_id = down.id
)
SELECT id FROM down
