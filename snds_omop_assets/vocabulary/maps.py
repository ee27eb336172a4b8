"""Reading the project's maps and its list of known concepts."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures, stored_code
from snds_omop_assets.vocabulary.shapes import MAP_LINES, MAPS_TO, PROJECT, schema_of

MAPS = Path(__file__).parent / "maps"
CONCEPTS = Path(__file__).parent / "concepts.csv"

NO_CONCEPT = 0
"""OMOP's "No matching concept"."""

ALWAYS_FROM, ALWAYS_UNTIL = date(1970, 1, 1), date(2099, 12, 31)
"""The dates that OHDSI gives to what has always held and still holds."""


@dataclass(frozen=True)
class Mapped:
    """One line of a map.

    Attributes:
        nomenclature: the SNDS list of the code.
        code: normalised code (no padding zeros).
        label: official French label.
        concept_id: standard concept, 0 where there is none.
        relation: `Maps to` or `Maps to value`; empty where there is no target.
        status: verified, proposed or no target.
        evidence: what the target rests on.
        checked_on: day on which somebody looked at it.
        remark: what a reader of the map should know.
    """

    nomenclature: str
    code: str
    label: str
    concept_id: int
    relation: str
    status: str
    evidence: str
    checked_on: date
    remark: str


def read_map(name: str) -> Sequence[Mapped]:
    """The lines of `maps/<name>.csv`, in the file's order."""
    with (MAPS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [
            Mapped(
                nomenclature=row["nomenclature"],
                code=row["code"],
                label=row["label"],
                concept_id=int(row["concept_id"]),
                relation=row["relation"],
                status=row["status"],
                evidence=row["evidence"],
                checked_on=date.fromisoformat(row["checked_on"]),
                remark=row["remark"],
            )
            for row in csv.DictReader(lines)
        ]


@cache
def natures() -> Mapping[str, str]:
    """What each PRS_NAT_REF is, by code: `care` (a contact), `accessory` (joins one) or `none`."""
    with (MAPS / "services.csv").open(encoding="utf-8", newline="") as lines:
        return {row["code"]: row["nature"] for row in csv.DictReader(lines)}


def concepts_of(source_to_concept_map: StoredTable, nomenclature: str) -> Mapping[str, int]:
    """Concept by code of a list, of the lines that still hold; the least id where a code has several.

    Args:
        source_to_concept_map: SOURCE_TO_CONCEPT_MAP, whose targets are judged already.
        nomenclature: the list of codes.
    """
    found: dict[str, int] = {}
    columns = ["source_vocabulary_id", "source_code", "target_concept_id", "valid_end_date"]
    for batch in source_to_concept_map.batches(columns):
        for row in batch.to_pylist():
            if row["source_vocabulary_id"] == nomenclature and row["valid_end_date"] >= ALWAYS_UNTIL:
                code, concept_id = row["source_code"], row["target_concept_id"]
                found[code] = min(concept_id, found.get(code, concept_id))
    return found


def project_maps() -> pa.Table:
    """All lines of all maps of the project, as MAP_LINES; sorted by file, in the order of each file.

    A line without target is a decision too: it has concept 0, so that nothing else is searched for its code.
    """
    lines = [(path.name, line) for path in sorted(MAPS.glob("*.csv")) for line in read_map(path.stem)]
    lists = nomenclatures()
    rows = [
        {
            "nomenclature": line.nomenclature,
            "code": stored_code(lists[line.nomenclature], line.code),
            "label": line.label,
            "relation": line.relation or MAPS_TO,
            "concept_id": line.concept_id,
            "origin": PROJECT,
            "file": file,
            "valid_start_date": ALWAYS_FROM,
            "valid_end_date": ALWAYS_UNTIL,
        }
        for file, line in lines
    ]
    return pa.Table.from_pylist(rows, schema_of(MAP_LINES))
