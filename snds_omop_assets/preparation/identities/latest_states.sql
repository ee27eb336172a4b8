-- A row is a person: the latest state. A state with a year of birth comes first, because PERSON must have one; then last
-- treatment, then last update; the rest makes ties fall the same way every time (HDH fiche_beneficiaire).

SELECT person, own_key, own_key_delivered, BEN_IDT_ANO, BEN_NIR_PSA, BEN_SEX_COD, BEN_SEX_COD_DELIVERED, BEN_NAI_ANN,
       BEN_NAI_MOI, BEN_RES_DPT, BEN_RES_COM, ORG_AFF_BEN
FROM states
QUALIFY row_number() OVER (
    PARTITION BY person
    ORDER BY
        CASE WHEN BEN_NAI_ANN IS NULL THEN 1 ELSE 0 END,
        -- What the PMSI says of somebody is only used where no claim does.
        CASE WHEN source = 'PMSI' THEN 1 ELSE 0 END,
        MAX_TRT_DTD DESC NULLS LAST,
        BEN_DTE_MAJ DESC NULLS LAST,
        source,
        source_file NULLS LAST,
        source_line NULLS LAST,
        own_key,
        BEN_SEX_COD NULLS LAST,
        BEN_NAI_ANN NULLS LAST,
        BEN_RES_DPT NULLS LAST,
        BEN_RES_COM NULLS LAST,
        ORG_AFF_BEN NULLS LAST
) = 1
