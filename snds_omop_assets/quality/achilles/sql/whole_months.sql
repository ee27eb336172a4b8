-- Months, and the persons of each run of whole months that has them.
SELECT m.month, s.persons FROM {whole_spans} AS s JOIN {calendar} AS m ON m.place BETWEEN s.first AND s.last
