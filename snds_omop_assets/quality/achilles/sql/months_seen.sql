-- Months, and the persons of each run of months that has them.
SELECT m.month, s.persons FROM {month_spans} AS s JOIN {calendar} AS m ON m.place BETWEEN s.first AND s.last
