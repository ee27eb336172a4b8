-- Visits that may have several lines: rows are their ids. Only they have a main line to be chosen.
SELECT visit_occurrence_id
FROM (SELECT visit_occurrence_id FROM claim_rows UNION ALL SELECT visit_occurrence_id FROM claim_settled) AS made
WHERE visit_occurrence_id IS NOT NULL
GROUP BY visit_occurrence_id
HAVING count(*) > 1
