-- Rows are rows of IR_IMB_R with the person, the code as vocabulary/code_map spells it, and the day that it starts.
-- Person: by pseudo-NIR and rank; where one side has no rank, or another one, by a pseudo-NIR that is nobody else's
-- (identities): outside the general scheme ranks are not stable (HDH, identifiant du bénéficiaire).
-- Start:  IMB_ALD_DTD, else the day the row was inserted (Health Data Hub: fiche condition_occurrence, IR_IMB_R).

WITH alone AS (
    SELECT BEN_NIR_PSA, min(person_id) AS person_id, min(rule) AS rule, max(persons_of_psa) AS persons_of_psa
    FROM identities
    GROUP BY BEN_NIR_PSA
),

one AS (
    SELECT BEN_NIR_PSA, BEN_RNG_GEM, min(person_id) AS person_id, min(rule) AS rule
    FROM identities
    WHERE BEN_RNG_GEM IS NOT NULL
    GROUP BY BEN_NIR_PSA, BEN_RNG_GEM
),

met AS (
    SELECT
        d.*,
        CASE
            WHEN o.BEN_NIR_PSA IS NOT NULL THEN o.person_id
            WHEN a.persons_of_psa = 1 THEN a.person_id
        END AS person_id,
        CASE
            WHEN o.BEN_NIR_PSA IS NOT NULL THEN o.rule
            WHEN a.persons_of_psa > 1 THEN 'ambiguous_twin'
            ELSE a.rule
        END AS rule
    FROM IR_IMB_R d
    LEFT JOIN one o ON o.BEN_NIR_PSA = d.BEN_NIR_PSA AND o.BEN_RNG_GEM = d.BEN_RNG_GEM
    LEFT JOIN alone a ON a.BEN_NIR_PSA = d.BEN_NIR_PSA
)

SELECT
    person_id,
    CASE WHEN person_id IS NULL THEN coalesce(rule, 'no_person') END AS rule,
    IMB_ETM_NAT AS nature,
    CASE WHEN coalesce(MED_NCL_IDT, 'CIM10') = 'CIM10' THEN replace(upper(trim(MED_MTF_COD)), '.', '') END AS code,
    MED_MTF_COD AS source_value,
    coalesce(IMB_ALD_DTD, INS_DTE) AS start_date,
    IMB_ALD_DTF AS end_date,
    greatest(INS_DTE, UPD_DTE) AS state_date,
    source_file,
    source_line
FROM met
