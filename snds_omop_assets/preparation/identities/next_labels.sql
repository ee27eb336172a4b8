-- A row is an identifier that is linked to others; its label is the least of those that share a number with it.
-- Repeated until no label changes, all identifiers of a person have the same label, and nobody else's has.

WITH least_of_number AS (
    SELECT number_for_life, min(label) AS label
    FROM links
    JOIN labels USING (identifier)
    GROUP BY number_for_life
),

least_of_identifier AS (
    SELECT identifier, min(label) AS label
    FROM links
    JOIN least_of_number USING (number_for_life)
    GROUP BY identifier
)

SELECT n.identifier, n.label, n.label <> b.label AS changed
FROM least_of_identifier n
JOIN labels b USING (identifier)
