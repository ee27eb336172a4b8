-- A row is a person: the key, and the id where the person can be one of the CDM (PERSON must have a year of birth).

SELECT
    l.person,
    coalesce(s.least_idt_ano, s.least_nir_ano, l.BEN_IDT_ANO, l.own_key) AS person_key,
    coalesce(s.least_idt_ano, s.least_nir_ano, l.BEN_IDT_ANO, l.own_key_delivered) AS person_source_value,
    CASE
        WHEN l.BEN_NAI_ANN IS NOT NULL
            THEN omop_id('person', coalesce(s.least_idt_ano, s.least_nir_ano, l.BEN_IDT_ANO, l.own_key))
    END AS person_id,
    CASE WHEN l.BEN_NAI_ANN IS NULL THEN 'no_birth_year' END AS rule,
    nullif(s.conflict, '') AS conflict,
    nullif(s.explanation, '') AS explanation,
    greatest(s.death_date, d.death_date) AS death_date,
    greatest(s.death_month, d.death_month) AS death_month
FROM latest_states l
JOIN summaries s ON s.person = l.person
LEFT JOIN deaths_met d ON d.person = l.person
