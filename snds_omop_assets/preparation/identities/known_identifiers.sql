-- A row is an identifier of IR_BEN_R or IR_BEN_R_ARC: whose it is (`person`: the least identifier of the person).
-- It makes no person where all its rows say so: a fictitious row does not hide a true one.

WITH identifiers AS (
    SELECT
        identifier,
        min(BEN_NIR_PSA) AS BEN_NIR_PSA,
        min(BEN_RNG_GEM) AS BEN_RNG_GEM,
        min(source) AS source,
        CASE WHEN count(*) = count(rule) THEN min(rule) END AS rule
    FROM referential_rows
    GROUP BY identifier
),

-- BEN_NIR_ANO is the better reason where both columns link.
linked AS (
    SELECT identifier, max(told_by) AS linked_by
    FROM links
    GROUP BY identifier
),

unlinked AS (
    SELECT identifier, max(told_by) AS dummy_number
    FROM own_numbers
    JOIN shared_numbers USING (number_for_life)
    WHERE too_many
    GROUP BY identifier
)

SELECT
    i.identifier,
    i.BEN_NIR_PSA,
    i.BEN_RNG_GEM,
    i.source,
    i.rule,
    CASE WHEN i.rule IS NULL THEN coalesce(labels.label, i.identifier) END AS person,
    concat_ws(
        '; ',
        CASE
            WHEN i.rule = 'fictitious_identifier' THEN 'BEN_CDI_NIR says that the NIR is fictitious'
            WHEN i.rule = 'dummy_identifier' THEN 'the pseudonym is a row of x'
            WHEN linked.linked_by IS NOT NULL THEN linked.linked_by || ' is that of other identifiers of the person'
            ELSE 'nothing links it to another identifier'
        END,
        unlinked.dummy_number || ' stands for too many identifiers and links nothing'
    ) AS reason
FROM identifiers i
LEFT JOIN labels ON labels.identifier = i.identifier
LEFT JOIN linked ON linked.identifier = i.identifier
LEFT JOIN unlinked ON unlinked.identifier = i.identifier
