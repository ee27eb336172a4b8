"""The project's own tables of the vocabulary: what a row is, and what each column means.

The CDM's tables (CONCEPT, CONCEPT_RELATIONSHIP, ...) are in contracts/cdm_tables.py.
"""

from collections.abc import Mapping
from typing import Final

import pyarrow as pa

Columns = Mapping[str, tuple[pa.DataType, str]]

MAPS_TO: Final = "Maps to"
MAPS_TO_VALUE: Final = "Maps to value"
RELATIONS = (MAPS_TO, MAPS_TO_VALUE)

USER: Final = "user map"
PROJECT: Final = "project map"
VOCABULARY: Final = "vocabulary"

MAP_LINES: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "code": (pa.string(), "Code as the store spells it: no dot, no padding zeros."),
    "label": (pa.string(), "French label."),
    "relation": (pa.string(), "`Maps to`, or `Maps to value` for the value of an observation or measurement."),
    "concept_id": (pa.int64(), "Standard concept; 0: somebody decided that there is none."),
    "origin": (pa.string(), "`user map` or `project map`."),
    "file": (pa.string(), "Name of the file that says so."),
    "valid_start_date": (pa.date32(), "First day on which the line holds."),
    "valid_end_date": (pa.date32(), "Last day on which the line holds."),
}
"""Rows are lines of maps: one per code and target."""

PACKS: Columns = {
    "cip7": (pa.string(), "CIP of 7 figures of a pack."),
    "ucd7": (pa.string(), "UCD of 7 figures of the unit that the pack holds; NULL where unknown."),
    "atc": (pa.string(), "ATC code of the pack; NULL where unknown."),
}
"""Rows are packs of drugs: what joins the codes of one drug."""

SOURCE_CODES: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "code": (pa.string(), "Code as the store spells it."),
    "label": (pa.string(), "French label; NULL where neither the delivery nor a map knows one."),
    "rows": (pa.int64(), "Rows of the received tables that hold it."),
    "places": (pa.string(), "The columns where it stands, as TABLE.COLUMN, in order."),
}
"""Rows are the different codes of a base."""

CODE_MAP: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "code": (pa.string(), "Code as the store spells it."),
    "valid_start_date": (pa.date32(), "First day of events for which the row holds."),
    "valid_end_date": (pa.date32(), "Last day of events for which the row holds."),
    "place": (pa.int64(), "1 for the first target of the code, 2 for the next: one event becomes as many."),
    "target_concept_id": (pa.int64(), "Standard concept; 0 where there is none."),
    "target_domain_id": (pa.string(), "Domain of the target, which says the CDM table; else that of the list."),
    "value_as_concept_id": (pa.int64(), "Value of an observation or measurement (`Maps to value`)."),
    "source_concept_id": (pa.int64(), "Concept of the code itself: the vocabulary's, else a local one; 0: none."),
    "status": (pa.string(), "`mapped`, `remapped` (through a replacement), `unmapped` or `rejected`."),
    "origin": (pa.string(), "`user map`, `vocabulary` or `project map`; NULL where there is no target."),
    "precision": (pa.string(), "`code`, `trimmed` (a wider code of the CIM10), `pack` (another code of the same drug), "
                  "`ingredient` (by ATC); NULL where there is no target."),
}  # fmt: skip
"""Rows are targets of a code during a period; a code has one row at least for every day."""

REJECTED: Columns = {
    "nomenclature": (pa.string(), "French list of codes."),
    "code": (pa.string(), "Code as the store spells it."),
    "origin": (pa.string(), "`user map`, `vocabulary` or `project map`."),
    "target_concept_id": (pa.int64(), "Concept that may not be used."),
    "reason": (pa.string(), "`unknown`, `invalid`, `not standard`, `wrong domain` or `value without place`."),
    "replacement_concept_id": (pa.int64(), "Standard concept that replaces it, where the vocabulary says one."),
}
"""Rows are targets that were refused."""

MAPPED: Final = "mapped"
REMAPPED: Final = "remapped"
UNMAPPED: Final = "unmapped"
REFUSED: Final = "rejected"
STATUSES = (MAPPED, REMAPPED, UNMAPPED, REFUSED)


def schema_of(columns: Columns) -> pa.Schema:
    """Names and types of the columns, in order."""
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()])
