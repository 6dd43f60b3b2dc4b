-- name: lines_of_statements
-- a statement's new lines are all there
SELECT s.id, 'told ' || s.new_count || ', there ' || count(l.id) AS detail
FROM statement s LEFT JOIN statement_line l ON l.statement_id = s.id
GROUP BY s.id, s.new_count HAVING count(l.id) <> s.new_count
