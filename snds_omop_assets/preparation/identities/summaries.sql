-- A row is a person: what all the states say together, and what they do not agree on.
-- Rules: person_key  BEN_IDT_ANO that is a number for life, else BEN_NIR_ANO; the least of several
--        conflict    told and not acted on: months of birth get corrected, a legal change of sex exists

-- What the PMSI says is left out of comparisons: its year of birth is an estimate from the age.
WITH compared AS (
    SELECT
        person, for_life, BEN_IDT_ANO, BEN_NIR_ANO, BEN_DCD_DTE, BEN_DCD_AME,
        CASE WHEN source <> 'PMSI' AND BEN_SEX_COD IN ('1', '2') THEN BEN_SEX_COD END AS sex,
        CASE WHEN source <> 'PMSI' THEN BEN_NAI_ANN END AS birth_year,
        CASE WHEN source <> 'PMSI' THEN BEN_NAI_MOI END AS birth_month
    FROM states
)

SELECT
    person,
    min(CASE WHEN for_life THEN BEN_IDT_ANO END) AS least_idt_ano,
    min(BEN_NIR_ANO) AS least_nir_ano,
    max(BEN_DCD_DTE) AS death_date,
    max(BEN_DCD_AME) AS death_month,
    concat_ws(
        ' and ',
        CASE WHEN min(sex) < max(sex) THEN 'sex' END,
        CASE WHEN min(birth_year) < max(birth_year) OR min(birth_month) < max(birth_month) THEN 'birth' END
    ) AS conflict,
    concat_ws(
        '; ',
        CASE WHEN min(sex) < max(sex) THEN 'the rows of the person differ in sex' END,
        CASE WHEN min(birth_year) < max(birth_year) THEN 'the rows of the person differ in year of birth' END,
        CASE WHEN min(birth_month) < max(birth_month) THEN 'the rows of the person differ in month of birth' END
    ) AS explanation
FROM compared
GROUP BY person
