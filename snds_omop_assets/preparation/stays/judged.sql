-- stays/judged: the told rows of a field with their stay, their day, and the rules by which they end.
--   rule        the row ends here with its stay: there is no such stay (no_stay), or the rule of the stay
--   later_rule  the row makes nothing of its own even if its stay is loaded: its week or sub-sequence is set aside, or
--               is not there (no_stay); it has no code (no_code); it is a phase of an act other than 0 and 1, which are
--               counted (other_phase, HDH procedure_occurrence); it has no quantity above 0, or is a drug of an unknown one
--               (no_quantity, HDH medicaments_de_la_liste_en_sus); it is a week without presence (no_presence)
-- Days count from the entry in the unit, the first day of the sub-sequence or sequence, else of the stay (labels of the
-- CNAM's dictionary). Codes are spelled as vocabulary/code_map does: no blanks, in capitals, diagnoses without dots.

SELECT
    r.source_table,
    r.counted,
    r.kind,
    r.first_rule,
    r.then_rule,
    r.nomenclature,
    CASE
        WHEN r.nomenclature = 'CIM10' THEN replace(upper(trim(r.code)), '.', '')
        WHEN r.nomenclature IN ('CCAM', 'CSARR') THEN upper(trim(r.code))
        ELSE trim(r.code)
    END AS code,
    r.code AS source_value,
    coalesce(CASE WHEN r.of_passage THEN s.origin END, p.origin) + CAST(coalesce(r.delay, 0) AS INT) AS day,
    coalesce(r.quantity, 1) AS quantity,
    r.status,
    r.role,
    r.activity,
    coalesce(r.phase, 0) AS phase,
    CAST(coalesce(s.place, 0) * 100 + r.place_of_table AS BIGINT) AS place,
    p.part_id,
    p.care_year,
    p.hospital,
    p.number,
    CASE WHEN s.unit_type_list IS NOT NULL AND s.first_day IS NOT NULL THEN s.place END AS passage_place,
    CASE WHEN p.part_id IS NULL THEN 'no_stay' ELSE p.rule END AS rule,
    CASE
        WHEN s.rule IS NOT NULL THEN s.rule
        WHEN p.chained AND r.passage IS NOT NULL AND s.passage IS NULL THEN 'no_stay'
        WHEN r.kind <> 'line' AND coalesce(trim(r.code), '') = '' THEN 'no_code'
        WHEN r.kind = 'act' AND coalesce(r.phase, 0) NOT IN (0, 1) THEN 'other_phase'
        WHEN r.quantity <= 0 OR (r.quantity IS NULL AND r.nomenclature = 'UCD') THEN 'no_quantity'
        WHEN r.source_table = 'T_SSR_B' AND r.kind = 'line' AND s.first_day IS NULL THEN 'no_presence'
    END AS later_rule
FROM told_rows r
LEFT JOIN parts p ON p.hospital = r.hospital AND p.number = r.number
LEFT JOIN slices s ON s.hospital = r.hospital AND s.number = r.number AND s.passage = r.passage
