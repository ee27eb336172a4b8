-- Years, and the persons of each run of whole months that has their twelve.
SELECT m.year, s.persons
FROM {whole_spans} AS s
JOIN {calendar} AS m ON m.place >= s.first AND m.place + 11 <= s.last
WHERE m.month % 100 = 1
