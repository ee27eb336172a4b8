-- Lines that join a visit and make none: rows are surcharges (by netting key), and sums of supplements and
-- participations,
-- with the visit of the same person, day and executor that bears them; NULL where there is none.
-- Of several visits, the one in the same facility, then the smallest id. Two unknown executors in two known facilities are
-- not the same.
WITH wanting AS (
    SELECT event_key, person_id, start_date, executor, site, total, payer FROM claim_judged WHERE rule = 'accessory'
    UNION ALL
    SELECT
        CAST(NULL AS BIGINT), person_id, start_date, executor, site,
        sum(CAST(total AS DECIMAL(18, 2))), sum(CAST(payer AS DECIMAL(18, 2)))
    FROM claim_rows
    WHERE rule IN ('supplement_line', 'participation_line') AND person_id IS NOT NULL
    GROUP BY person_id, start_date, executor, site
),

days AS (
    SELECT DISTINCT person_id, start_date, executor, site FROM wanting
),

found AS (
    SELECT d.person_id, d.start_date, d.executor, d.site, v.visit_occurrence_id
    FROM days d
    JOIN claim_visits_made v
        ON v.person_id = d.person_id AND v.start_date = d.start_date AND v.executor IS NOT DISTINCT FROM d.executor
       AND coalesce(d.executor IS NOT NULL OR v.site = d.site, TRUE)
    QUALIFY row_number() OVER (
        PARTITION BY d.person_id, d.start_date, d.executor, d.site
        ORDER BY CASE WHEN v.site IS NOT DISTINCT FROM d.site THEN 0 ELSE 1 END, v.visit_occurrence_id
    ) = 1
)

SELECT w.event_key, w.person_id, w.total, w.payer, f.visit_occurrence_id
FROM wanting w
LEFT JOIN found f
    ON f.person_id = w.person_id AND f.start_date = w.start_date AND f.executor IS NOT DISTINCT FROM w.executor
   AND f.site IS NOT DISTINCT FROM w.site
