-- Visits, each by its main line: rows are visits. The main line has the largest net amount, then the smallest code.
-- Nothing but the code and the kind of the executor is chosen: all else is in the id.
--
-- total, payer  what was paid of the visit itself and of none of its events; NULL where nothing was
SELECT
    visit_occurrence_id, person_id, visit_concept_id, visit_source_concept_id, start_date, end_date, executor, site,
    executor_kind, PRS_NAT_REF,
    CASE WHEN NOT is_event THEN total END AS total,
    CASE WHEN NOT is_event THEN payer END AS payer
FROM claim_judged j
WHERE rule = 'visit'
  AND NOT EXISTS (SELECT 1 FROM claim_crowded c WHERE c.visit_occurrence_id = j.visit_occurrence_id)
UNION ALL
SELECT
    visit_occurrence_id, person_id, visit_concept_id, visit_source_concept_id, start_date, end_date, executor, site,
    executor_kind, PRS_NAT_REF, CAST(paid AS DECIMAL(18, 2)), CAST(reimbursed AS DECIMAL(18, 2))
FROM (
    SELECT
        visit_occurrence_id, person_id, visit_concept_id, visit_source_concept_id, start_date, end_date, executor, site,
        executor_kind, PRS_NAT_REF,
        sum(CASE WHEN NOT is_event THEN total END) OVER (PARTITION BY visit_occurrence_id) AS paid,
        sum(CASE WHEN NOT is_event THEN payer END) OVER (PARTITION BY visit_occurrence_id) AS reimbursed,
        row_number() OVER (
            PARTITION BY visit_occurrence_id
            ORDER BY total DESC NULLS LAST, TRY_CAST(PRS_NAT_REF AS INT) NULLS LAST, executor_kind NULLS LAST
        ) AS place
    FROM claim_judged
    JOIN claim_crowded USING (visit_occurrence_id)
    WHERE rule = 'visit'
) AS lines
WHERE place = 1
