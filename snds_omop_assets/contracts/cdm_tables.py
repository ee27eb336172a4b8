"""The tables and fields of the OMOP CDM v5.4, from cdm/fields.csv: the one source of column order, types and keys.

Column order, Pandera schemas, DDL, the UI's columns and the conformance checks all come from here. Ids are `integer`
in the CDM and 64 bits here. Two departures from OHDSI's file: provider.specialty_concept_id must be of the domain
Provider, which OHDSI leaves open; person.person_source_value has no longest length, since the pseudonyms of a project
have the length that the project gives them (a SHA-256 has 64 characters).
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pyarrow as pa

CDM_FIELDS = Path(__file__).parent / "cdm" / "fields.csv"

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "integer": pa.int64(),
    "float": pa.float64(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "varchar": pa.string(),
}


@dataclass(frozen=True)
class Reference:
    """A foreign key: the field of another CDM table."""

    table: str
    field: str


@dataclass(frozen=True)
class CdmField:
    """One field of a CDM table.

    Attributes:
        type: as the CDM says it: integer, float, date, datetime, varchar(n).
        required: may not be NULL.
        primary_key: identifies the row.
        reference: what the field points to.
        domain: domain that its concept must have.
    """

    name: str
    type: str
    required: bool
    primary_key: bool
    reference: Reference | None
    domain: str | None
    description: str

    @property
    def arrow(self) -> pa.DataType:
        """The type of the stored column."""
        return ARROW_TYPES[self.type.split("(")[0]]

    @property
    def max_length(self) -> int | None:
        """Longest text that the CDM allows; None where it sets no bound."""
        found = re.fullmatch(r"varchar\((\d+)\)", self.type)
        return int(found.group(1)) if found else None

    @property
    def is_concept(self) -> bool:
        """Whether the field holds a concept id."""
        return self.reference is not None and self.reference.table == "concept"


@dataclass(frozen=True)
class CdmTable:
    """One table of the CDM; its fields are in the CDM's order."""

    name: str
    fields: tuple[CdmField, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns, in the CDM's order."""
        return pa.schema([pa.field(f.name, f.arrow) for f in self.fields])

    @cached_property
    def primary_key(self) -> str | None:
        """The field that identifies a row; some tables have none."""
        return next((f.name for f in self.fields if f.primary_key), None)

    @cached_property
    def references(self) -> tuple[CdmField, ...]:
        """The fields that point to other tables of the data (not to concepts)."""
        return tuple(f for f in self.fields if f.reference is not None and not f.is_concept)

    @cached_property
    def concepts(self) -> tuple[CdmField, ...]:
        """The fields that hold concept ids."""
        return tuple(f for f in self.fields if f.is_concept)


@cache
def cdm_tables() -> Mapping[str, CdmTable]:
    """The 39 tables of the CDM v5.4, by name."""
    fields: dict[str, list[CdmField]] = {}
    with CDM_FIELDS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            key = row["key"]
            fields.setdefault(row["table"], []).append(
                CdmField(
                    name=row["field"],
                    type=row["type"],
                    required=row["required"] == "yes",
                    primary_key=key == "primary",
                    reference=Reference(*key.split(".")) if "." in key else None,
                    domain=row["domain"] or None,
                    description=row["description"],
                )
            )
    return {name: CdmTable(name, tuple(columns)) for name, columns in fields.items()}
