-- What the codes of a part become, and the packs of its drugs, as one number: one row.
WITH answers AS (
    SELECT omop_id(
        'answer', m.nomenclature, m.code, CAST(m.valid_start_date AS STRING), CAST(m.valid_end_date AS STRING),
        CAST(m.place AS STRING), CAST(m.target_concept_id AS STRING), m.target_domain_id,
        CAST(m.value_as_concept_id AS STRING), CAST(m.source_concept_id AS STRING)
    ) AS digest
    FROM code_map m JOIN codes_of_part c ON c.nomenclature = m.nomenclature AND c.code = m.code
    UNION ALL
    SELECT omop_id('pack', p.code13, p.code7, CAST(p.content AS STRING), p.unit)
    FROM packs_of_drugs p JOIN codes_of_part c ON c.nomenclature = 'CIP13' AND c.code = p.code13
    UNION ALL
    SELECT omop_id('pack', p.code13, p.code7, CAST(p.content AS STRING), p.unit)
    FROM packs_of_drugs p JOIN codes_of_part c ON c.nomenclature = 'CIP7' AND c.code = p.code7
)
SELECT count(*) AS n, CAST(sum(CAST(digest AS DECIMAL(38, 0))) AS STRING) AS digest FROM answers
