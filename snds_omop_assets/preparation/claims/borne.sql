-- Details of a month, with what they bear of their line: rows are those of claim_details.
--
-- line_id  what joins the details of a line that has several (claim_several); NULL for all others
-- beside   TRUE where another detail stands for the line: the amounts of a line, its row of ER_PRS_F and those of ER_ETE_F
--          are told by one of its details and nowhere else; NULL for that one
SELECT
    d.*,
    s.line_id,
    CASE WHEN s.first_detail <> concat(d.nomenclature, ' ', d.detail_file, ' ', CAST(d.detail_line AS STRING)) THEN TRUE END
        AS beside
FROM claim_details d
LEFT JOIN claim_several s ON {same_key s d}
