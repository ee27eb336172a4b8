-- prepared/beneficiaries: a row is a person who has a year of birth; the commune of residence is rebuilt.
-- Rules: commune HDH fiche localisation_geographique_beneficiaires, with the corrections of docs/architecture.md

-- 000 and 999 are no communes (099 is one: 33099); 0xx are departments of the mainland, but 000, 098 and
-- 099; 201, 202, 209 and 020 are Corsica, 097 and 97x overseas; what else there is (888, 98x, 99x) is no department.
WITH residence AS (
    SELECT
        *,
        CASE WHEN BEN_RES_COM NOT IN ('000', '999') THEN BEN_RES_COM END AS com,
        BEN_RES_COM IN ('000', '999') AS com_is_unknown,
        CASE
            WHEN BEN_RES_DPT IN ('000', '098', '099') THEN NULL
            WHEN substr(BEN_RES_DPT, 1, 1) = '0' OR substr(BEN_RES_DPT, 1, 2) = '97' THEN BEN_RES_DPT
            WHEN BEN_RES_DPT IN ('201', '202', '209') THEN BEN_RES_DPT
        END AS dpt,
        CASE
            WHEN substr(ORG_AFF_BEN, 4, 2) IN ('97', '20') THEN substr(ORG_AFF_BEN, 4, 3)
            ELSE substr(ORG_AFF_BEN, 4, 2)
        END AS organism_department
    FROM latest_states
    WHERE BEN_NAI_ANN IS NOT NULL
),

-- The SNDS writes Corsica as 20xxx, whatever the department code: 020, 201, 202 or 209.
written AS (
    SELECT
        *,
        CASE
            WHEN dpt IN ('020', '201', '202', '209') THEN '20' || com
            WHEN substr(dpt, 1, 2) = '97' AND substr(ORG_AFF_BEN, 1, 3) = '03A' THEN dpt || substr(com, 2, 2)
            WHEN substr(dpt, 1, 2) = '97' THEN '97' || com
            ELSE substr(dpt, 2, 2) || com
        END AS snds_commune,
        CASE
            WHEN dpt IN ('020', '097', '209', '979') THEN NULL  -- Corsica or overseas, not said which
            WHEN dpt = '201' THEN '2A'
            WHEN dpt = '202' THEN '2B'
            WHEN substr(dpt, 1, 2) = '97' THEN dpt
            ELSE substr(dpt, 2, 2)
        END AS residence_department,
        CASE organism_department WHEN '201' THEN '2A' WHEN '202' THEN '2B' ELSE organism_department END
            AS affiliation_department
    FROM residence
),

restored AS (
    SELECT
        w.*,
        CASE WHEN substr(w.snds_commune, 1, 2) = '20' THEN c.department || substr(w.snds_commune, 3, 3)
             ELSE w.snds_commune END AS insee_commune
    FROM written w
    LEFT JOIN corsica c ON substr(w.snds_commune, 1, 2) = '20' AND c.commune = substr(w.snds_commune, 3, 3)
),

located AS (
    SELECT
        r.*,
        of_commune.department AS commune_department,
        -- Where the commune is said to be unknown, the organism of affiliation is asked first (HDH correction);
        -- where it was only not delivered, the department of residence stands.
        CASE WHEN r.com_is_unknown THEN COALESCE(of_affiliation.department, of_residence.department)
             ELSE COALESCE(of_residence.department, of_affiliation.department) END AS known_department
    FROM restored r
    LEFT JOIN departments of_commune
        ON of_commune.department = CASE WHEN substr(r.insee_commune, 1, 2) = '97' THEN substr(r.insee_commune, 1, 3)
                                        ELSE substr(r.insee_commune, 1, 2) END
    LEFT JOIN departments of_residence ON of_residence.department = r.residence_department
    LEFT JOIN departments of_affiliation ON of_affiliation.department = r.affiliation_department
)

SELECT
    k.person_key,
    k.person_source_value,
    l.BEN_NIR_PSA,
    l.BEN_SEX_COD,
    l.BEN_SEX_COD_DELIVERED,
    l.BEN_NAI_ANN,
    l.BEN_NAI_MOI,
    CASE WHEN l.commune_department IS NOT NULL THEN l.insee_commune END AS commune,
    COALESCE(l.commune_department, l.known_department) AS department,
    k.person_id,
    k.death_date,
    k.death_month,
    f.first_care
FROM located l
JOIN keys k ON k.person = l.person
LEFT JOIN first_care f ON f.person = l.person
