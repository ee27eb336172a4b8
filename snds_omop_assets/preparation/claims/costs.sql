-- claim_costs: amounts of an event, or of what else is paid of a visit (COSTS), after netting, each once.
-- Another executor's part of an act is paid for that act.
WITH parts AS (
    SELECT act_key AS event_key, sum(total) AS total, sum(payer) AS payer
    FROM claim_judged
    WHERE rule = 'same_act'
    GROUP BY act_key
),

of_events AS (
    SELECT
        j.event_key, j.visit_occurrence_id, j.person_id,
        CASE WHEN p.total IS NULL THEN j.total ELSE coalesce(j.total, 0) + p.total END AS total,
        CASE WHEN p.payer IS NULL THEN j.payer ELSE coalesce(j.payer, 0) + p.payer END AS payer
    FROM claim_judged j
    LEFT JOIN parts p USING (event_key)
    WHERE j.rule = 'visit' AND j.is_event
),

joined AS (
    SELECT visit_occurrence_id, sum(total) AS total, sum(payer) AS payer
    FROM claim_joined
    WHERE visit_occurrence_id IS NOT NULL
    GROUP BY visit_occurrence_id
),

of_visits AS (
    SELECT
        v.visit_occurrence_id, v.person_id,
        CASE WHEN j.total IS NULL THEN v.total ELSE coalesce(v.total, 0) + j.total END AS total,
        CASE WHEN j.payer IS NULL THEN v.payer ELSE coalesce(v.payer, 0) + j.payer END AS payer
    FROM claim_visits_made v
    LEFT JOIN joined j USING (visit_occurrence_id)
)

SELECT
    event_key AS event_id, visit_occurrence_id, person_id, CAST(total AS DOUBLE) AS total, CAST(payer AS DOUBLE) AS payer
FROM of_events
WHERE total IS NOT NULL OR payer IS NOT NULL
UNION ALL
SELECT CAST(NULL AS BIGINT), visit_occurrence_id, person_id, CAST(total AS DOUBLE), CAST(payer AS DOUBLE)
FROM of_visits
WHERE total IS NOT NULL OR payer IS NOT NULL
