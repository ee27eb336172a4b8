-- COST: one row per event that was paid, and per visit of which something was paid that is no event (a consultation).
-- Source: ER_PRS_F only; the PMSI tells no amounts of a person. Amounts in euros, of the first row of the event.
WITH paid AS (
    SELECT event_id, cdm_table, CAST(total AS DECIMAL(18, 2)) AS total, CAST(payer AS DECIMAL(18, 2)) AS payer
    FROM events_answered
    WHERE place = 1 AND (total IS NOT NULL OR payer IS NOT NULL)
    UNION ALL
    SELECT visit_occurrence_id, 'visit_occurrence', CAST(total AS DECIMAL(18, 2)), CAST(payer AS DECIMAL(18, 2))
    FROM costs
)

SELECT
    -- What was paid has one cost: its id serves.
    p.event_id AS cost_id,
    p.event_id AS cost_event_id,
    CASE p.cdm_table
        WHEN 'condition_occurrence' THEN 'Condition'
        WHEN 'procedure_occurrence' THEN 'Procedure'
        WHEN 'drug_exposure' THEN 'Drug'
        WHEN 'device_exposure' THEN 'Device'
        WHEN 'measurement' THEN 'Measurement'
        WHEN 'observation' THEN 'Observation'
        WHEN 'specimen' THEN 'Specimen'
        ELSE 'Visit'
    END AS cost_domain_id,
    coalesce(k.concept_id, 0) AS cost_type_concept_id,
    coalesce(u.concept_id, 0) AS currency_concept_id,
    CAST(p.total AS DOUBLE) AS total_charge,
    CAST(NULL AS DOUBLE) AS total_cost,
    CAST(p.total AS DOUBLE) AS total_paid,
    CAST(p.payer AS DOUBLE) AS paid_by_payer, -- the statutory health insurance
    CAST(p.total - p.payer AS DOUBLE) AS paid_by_patient, -- or by a complementary insurance, which the SNDS cannot tell
    CAST(NULL AS DOUBLE) AS paid_patient_copay,
    CAST(NULL AS DOUBLE) AS paid_patient_coinsurance,
    CAST(NULL AS DOUBLE) AS paid_patient_deductible,
    CAST(NULL AS DOUBLE) AS paid_by_primary,
    CAST(NULL AS DOUBLE) AS paid_ingredient_cost,
    CAST(NULL AS DOUBLE) AS paid_dispensing_fee,
    CAST(NULL AS BIGINT) AS payer_plan_period_id,
    CAST(NULL AS DOUBLE) AS amount_allowed,
    CAST(NULL AS BIGINT) AS revenue_code_concept_id,
    CAST(NULL AS STRING) AS revenue_code_source_value,
    CAST(NULL AS BIGINT) AS drg_concept_id,
    CAST(NULL AS STRING) AS drg_source_value
FROM paid p
LEFT JOIN code_lists k ON k.code_list = 'SNDS_TYPE' AND k.code = 'claim'
LEFT JOIN code_lists u ON u.code_list = 'SNDS_CURRENCY' AND u.code = 'EUR'
