-- stays/stay visits (VISITS): one row per stay or day of external care. A running stay ends when its latest part
-- does; it is of the kind of its first one, and the patient goes where the last one that says it says.

SELECT
    visit_id AS visit_occurrence_id,
    person_id,
    visit_concept_id,
    entry AS visit_start_date,
    exit_day AS visit_end_date,
    type,
    provider,
    site,
    visit_source_value,
    CAST(0 AS BIGINT) AS visit_source_concept_id,
    admitted_from_list,
    admitted_from,
    discharged_to_list,
    discharged_to
FROM stay_known
WHERE rule IS NULL AND NOT chained
UNION ALL
SELECT
    visit_id,
    min(person_id),
    min_by(visit_concept_id, place),
    min(entry),
    max(exit_day),
    min(type),
    CAST(NULL AS STRING),
    min_by(site, place),
    min_by(visit_source_value, place),
    CAST(0 AS BIGINT),
    min_by(admitted_from_list, place) FILTER (WHERE admitted_from IS NOT NULL),
    min_by(admitted_from, place) FILTER (WHERE admitted_from IS NOT NULL),
    max_by(discharged_to_list, place) FILTER (WHERE discharged_to IS NOT NULL),
    max_by(discharged_to, place) FILTER (WHERE discharged_to IS NOT NULL)
FROM stay_known
WHERE rule IS NULL AND chained
GROUP BY visit_id
