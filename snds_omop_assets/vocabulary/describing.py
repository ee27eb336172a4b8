"""What a written version of the vocabulary holds, and what in it points to nothing: asked of its files by DuckDB."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from snds_omop_assets.contracts.cdm_tables import CdmTable, cdm_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_with, one_row
from snds_omop_assets.errors import VocabularyError
from snds_omop_assets.vocabulary.download import AGAIN
from snds_omop_assets.vocabulary.loaded import TABLES, LoadedVocabulary, VocabularyPresent

MEMORY_LIMIT, MOST_THREADS = "700MB", 4
"""DuckDB spills what is more; each of its threads needs a part of it."""

DANGLING = "concept_relationship of concepts that concept lacks"
"""Some are usual: the concepts of CPT4 come by a program of Athena's that users may not have run."""

MOST_DANGLING = 0.2

PRESENT = """
    SELECT c.vocabulary_id, coalesce(any_value(v.vocabulary_name), c.vocabulary_id), any_value(v.vocabulary_version),
        sum(c.concepts)::BIGINT, sum(c.standard)::BIGINT
    FROM (
        SELECT vocabulary_id, count(*) AS concepts, count(*) FILTER (standard_concept = 'S') AS standard
        FROM concept GROUP BY vocabulary_id
    ) AS c
    LEFT JOIN vocabulary AS v ON c.vocabulary_id = v.vocabulary_id
    GROUP BY c.vocabulary_id ORDER BY c.vocabulary_id"""


def described(loaded: LoadedVocabulary, folder: Path, spill: Path) -> LoadedVocabulary:
    """The version with its vocabularies and its warnings.

    Warnings count the rows that point to what is not there (the CDM's foreign keys); those of 0 rows are left out.

    Args:
        loaded: what is known of it so far: its rows by table.
        folder: where its files lie for now.
        spill: folder for what does not fit into memory.

    Raises:
        VocabularyError: an id comes twice, or too many relationships are of concepts that are missing.
    """
    tables = replace(loaded, folder=folder).tables
    with duckdb_with(tables, spill=spill) as connection:
        connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        connection.execute(f"SET threads = {min(MOST_THREADS, os.cpu_count() or 1)}")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        for name in TABLES:
            _refuse_twice(connection, cdm_tables()[name])
        missing = dict(_missing(connection, loaded.rows))
        present = tuple(VocabularyPresent(*row) for row in connection.execute(PRESENT).fetchall())
    relationships = loaded.rows["concept_relationship"]
    if missing[DANGLING] > MOST_DANGLING * relationships:
        raise VocabularyError(
            f"{missing[DANGLING]:,} of the {relationships:,} rows of CONCEPT_RELATIONSHIP.csv are of concepts that "
            f"CONCEPT.csv lacks: CONCEPT.csv may be cut, or the files come from two downloads; {AGAIN}."
        )
    told = {what: rows for what, rows in missing.items() if rows}
    return replace(loaded, vocabularies=present, warnings={**loaded.warnings, **told})


def _refuse_twice(connection: duckdb.DuckDBPyConnection, table: CdmTable) -> None:
    if (key := table.primary_key) is None:
        return
    twice = f'SELECT {key} FROM "{table.name}" GROUP BY {key} HAVING count(*) > 1'
    count, first = one_row(connection, f"SELECT count(*), min({key}) FROM ({twice})")
    if count:
        raise VocabularyError(
            f"{table.name.upper()}.csv has some {key} more than once ({count:,} in all), such as {first}: {AGAIN}."
        )


def _missing(connection: duckdb.DuckDBPyConnection, rows: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """How many rows of each foreign key point to nothing. Keys are unique by now, so a semi join keeps rows."""
    ends = "concept_relationship AS r SEMI JOIN concept AS a ON r.concept_id_1 = a.concept_id"
    both = one_row(connection, f"SELECT count(*) FROM {ends} SEMI JOIN concept AS b ON r.concept_id_2 = b.concept_id")
    yield DANGLING, rows["concept_relationship"] - both[0]
    for table in (cdm_tables()[name] for name in TABLES):
        for field in table.fields:
            told_above = table.name == "concept_relationship" and field.is_concept
            if (to := field.reference) is None or told_above or not rows[table.name]:
                continue
            there = f'"{table.name}" AS r SEMI JOIN "{to.table}" AS k ON r.{field.name} = k.{to.field}'
            filled, found = one_row(
                connection, f'SELECT (SELECT count({field.name}) FROM "{table.name}"), (SELECT count(*) FROM {there})'
            )
            yield f"{table.name}.{field.name} that {to.table} lacks", filled - found
