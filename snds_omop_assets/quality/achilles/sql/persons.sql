-- A row per person: sex and year of birth.
SELECT person_id, gender_concept_id AS gender, year_of_birth AS born FROM {rows}
