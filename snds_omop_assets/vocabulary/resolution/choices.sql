-- The way that counts for a code in a period: rows are candidates, numbered by way in the order of preference.
-- A way counts if it has a target that may be used, if somebody decided that there is no target (0), or if it is the
-- user's: what a person decided is not replaced by a machine's choice when it turns out to be wrong.
WITH ordered AS (
    SELECT *, dense_rank() OVER (
        PARTITION BY nomenclature, code, valid_start_date
        ORDER BY width, origin_place, list_place, late, distance,
            CASE WHEN spelled = code THEN 0 ELSE 1 END, spelled, coalesce(concept_id, 0), relation_place
    ) AS way
    FROM candidates
), judged AS (
    SELECT *, max(
        CASE WHEN origin = 'user map' OR (reason IS NULL AND relation = 'Maps to') THEN 1 ELSE 0 END
    ) OVER (PARTITION BY nomenclature, code, valid_start_date, way) AS counts
    FROM ordered
)
SELECT *, min(CASE WHEN counts = 1 THEN way END) OVER (PARTITION BY nomenclature, code, valid_start_date) AS chosen
FROM judged
