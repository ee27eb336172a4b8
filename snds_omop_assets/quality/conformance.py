"""Conformance of a stored CDM table, judged with set-based SQL on DuckDB. Check names are those of OHDSI's DQD.

Every function gives findings; a finding counts violated rows and rows looked at, never values. A field whose column is
not there is the business of `structure` alone; the other functions pass over it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from snds_omop_assets.contracts.cdm_tables import CdmField, CdmTable
from snds_omop_assets.engines.duckdb_engine import one_row

SQL_TYPES: Mapping[pa.DataType, str] = {
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.timestamp("us"): "TIMESTAMP",
    pa.string(): "VARCHAR",
}


@dataclass(frozen=True)
class Finding:
    """The result of one DQD check on one field.

    Attributes:
        check: DQD's name: cdmField, cdmDatatype, isRequired, isPrimaryKey, isForeignKey, fkDomain.
        violated: rows that break the rule (for cdmField: 1 if the column is wrong).
        looked_at: rows that the rule applies to.
    """

    check: str
    field: str
    violated: int
    looked_at: int


@dataclass(frozen=True)
class Judged:
    """A stored table under judgement.

    Attributes:
        connection: sees the table, and the tables it points to, under their CDM names, and the known concepts
            (concept_id and domain_id) as `known_concept`.
        table: what the CDM says of it.
        schema: names and types of the stored columns.
        kept_as_text: the types that the file cannot hold and has as text.
    """

    connection: duckdb.DuckDBPyConnection
    table: CdmTable
    schema: pa.Schema
    kept_as_text: frozenset[pa.DataType]

    def there(self, fields: Sequence[CdmField]) -> list[CdmField]:
        """Those fields that are stored."""
        return [field for field in fields if field.name in self.schema.names]


def structure(judged: Judged) -> list[Finding]:
    """The CDM's columns, in its order (cdmField), with values of its types and lengths (cdmDatatype).

    A CSV file has only text: there, the type is that every value can be read as one.
    """
    names = judged.schema.names
    wanted = judged.table.schema.names
    findings = [
        Finding("cdmField", name, int(place >= len(names) or names[place] != name), 1)
        for place, name in enumerate(wanted)
    ]
    findings += [Finding("cdmField", name, 1, 1) for name in names if name not in wanted]
    return findings + _types_of_values(judged)


def required_fields(judged: Judged) -> list[Finding]:
    """No NULL in a required field (isRequired)."""
    fields = judged.there([field for field in judged.table.fields if field.required])
    counts = "".join(f', count(*) - count("{field.name}")' for field in fields)
    rows, *missing = one_row(judged.connection, f"SELECT count(*){counts} FROM {judged.table.name}")
    return [Finding("isRequired", field.name, count, rows) for field, count in zip(fields, missing, strict=True)]


def primary_key(judged: Judged) -> list[Finding]:
    """No two rows with the same primary key (isPrimaryKey)."""
    findings = []
    for field in judged.there([field for field in judged.table.fields if field.primary_key]):
        key = f'"{field.name}"'
        rows, distinct = one_row(
            judged.connection, f"SELECT count({key}), count(DISTINCT {key}) FROM {judged.table.name}"
        )
        findings.append(Finding("isPrimaryKey", field.name, rows - distinct, rows))
    return findings


def foreign_keys(judged: Judged, present: Sequence[str]) -> list[Finding]:
    """Every reference points to a row of the other table (isForeignKey).

    A reference to a table that is not `present` in this warehouse may hold only NULL.
    """
    findings = []
    for field in judged.there(judged.table.references):
        assert field.reference is not None
        # Ids are numbers, whatever the file holds them as; some keys of the vocabulary are texts.
        kind = "BIGINT" if field.arrow == pa.int64() else "VARCHAR"
        parent = (
            f'SELECT TRY_CAST("{field.reference.field}" AS {kind}) AS id FROM {field.reference.table}'
            if field.reference.table in present
            else f"SELECT CAST(NULL AS {kind}) AS id"
        )
        rows, orphans = one_row(
            judged.connection,
            f'SELECT count("{field.name}"), count(*) FILTER ("{field.name}" IS NOT NULL AND NOT found) FROM ('
            f'SELECT "{field.name}", coalesce({_key_of(judged, field, kind)} IN ({parent}), FALSE) AS found '
            f"FROM {judged.table.name})",
        )
        findings.append(Finding("isForeignKey", field.name, orphans, rows))
    return findings


def _key_of(judged: Judged, field: CdmField, kind: str) -> str:
    """SQL of a reference in the type of what it refers to: a number that went through a float finds nothing."""
    through_float = kind == "BIGINT" and judged.schema.field(field.name).type not in (pa.int64(), pa.string())
    return f"CAST(NULL AS {kind})" if through_float else f'TRY_CAST("{field.name}" AS {kind})'


def concepts(judged: Judged) -> list[Finding]:
    """Every concept id is known (isForeignKey) and of the field's domain (fkDomain). 0 fits every domain."""
    findings = []
    for field in judged.there(judged.table.concepts):
        misplaced = f"k.domain_id <> '{field.domain}' AND k.concept_id <> 0" if field.domain else "FALSE"
        # A table has many rows and few concepts.
        rows, unknown, wrong_domain = one_row(
            judged.connection,
            "SELECT coalesce(sum(c.n) FILTER (c.id IS NOT NULL), 0), "
            "coalesce(sum(c.n) FILTER (c.id IS NOT NULL AND k.concept_id IS NULL), 0), "
            f"coalesce(sum(c.n) FILTER ({misplaced}), 0) "
            f'FROM (SELECT "{field.name}" AS id, count(*) AS n FROM {judged.table.name} GROUP BY ALL) c '
            "LEFT JOIN (SELECT CAST(concept_id AS BIGINT) AS concept_id, domain_id FROM known_concept) k "
            "ON TRY_CAST(c.id AS BIGINT) = k.concept_id",
        )
        findings.append(Finding("isForeignKey", field.name, unknown, rows))
        if field.domain:
            findings.append(Finding("fkDomain", field.name, wrong_domain, rows))
    return findings


def _types_of_values(judged: Judged) -> list[Finding]:
    """Values that are not of their field's type or too long; all of them, where the column's own type is wrong."""
    fields = judged.there(judged.table.fields)
    wrong = {field.name: _wrong(judged, field) for field in fields}
    counts = ", ".join(
        f'count("{name}"), count(*) FILTER ("{name}" IS NOT NULL AND ({condition}))'
        for name, condition in wrong.items()
    )
    found = one_row(judged.connection, f"SELECT {counts} FROM {judged.table.name}") if counts else ()
    return [
        Finding("cdmDatatype", field.name, violated, rows)
        for field, rows, violated in zip(fields, found[::2], found[1::2], strict=True)
    ]


def _wrong(judged: Judged, field: CdmField) -> str:
    """SQL that is true for a value that is not of the field's type."""
    column = f'CAST("{field.name}" AS VARCHAR)'
    stored_as = judged.schema.field(field.name).type
    if stored_as != field.arrow and not (stored_as == pa.string() and field.arrow in judged.kept_as_text):
        return "TRUE"
    if field.max_length is not None:
        return f"length({column}) > {field.max_length}"
    if stored_as == field.arrow:
        return "FALSE"
    if field.arrow == pa.int64():
        # A cast would round 1963.4, and an id that went through a float.
        return f"NOT regexp_full_match({column}, '-?[0-9]+') OR TRY_CAST({column} AS BIGINT) IS NULL"
    return f"TRY_CAST({column} AS {SQL_TYPES[field.arrow]}) IS NULL"
