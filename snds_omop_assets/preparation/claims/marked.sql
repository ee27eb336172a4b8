-- The month with each line marked once: rows are those of claim_month.
--
-- bears_line  this row stands for its line: amounts, the row of ER_PRS_F and those of ER_ETE_F are told here and
--             nowhere else
-- line_id     what joins the rows of a line of several details; NULL for all others
SELECT
    m.*,
    s.line_id,
    s.line_id IS NULL OR s.first_detail = m.nomenclature || CAST(m.detail_line AS STRING) AS bears_line
FROM claim_month m
LEFT JOIN claim_several s ON s.source_line = m.source_line AND s.source_file = m.source_file
