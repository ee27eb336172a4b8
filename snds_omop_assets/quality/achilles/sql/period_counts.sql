-- A row per person who has a period: how many.
SELECT person_id, COUNT(*) AS periods FROM {rows} GROUP BY person_id
