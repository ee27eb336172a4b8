-- claim_costs: what was paid of a visit and of none of its events (COSTS), with the surcharges, supplements and
-- participations that join it.
SELECT visit_occurrence_id, CAST(total AS DOUBLE) AS total, CAST(payer AS DOUBLE) AS payer
FROM (
    SELECT
        v.visit_occurrence_id,
        CASE WHEN j.total IS NULL THEN v.total ELSE coalesce(v.total, 0) + j.total END AS total,
        CASE WHEN j.payer IS NULL THEN v.payer ELSE coalesce(v.payer, 0) + j.payer END AS payer
    FROM claim_visits_made v
    LEFT JOIN (
        SELECT visit_occurrence_id, sum(total) AS total, sum(payer) AS payer FROM claim_joined GROUP BY visit_occurrence_id
    ) AS j ON j.visit_occurrence_id = v.visit_occurrence_id
) AS paid
WHERE total IS NOT NULL OR payer IS NOT NULL
