"""The OMOP CDM tables: one file per table, named after it; what fills each field is in rules/<table>.csv."""
