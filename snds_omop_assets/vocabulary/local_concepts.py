"""Local concepts: the codes of a base that no loaded vocabulary has, as CONCEPT rows of the project's own vocabularies.

So a source concept is never lost, and ATLAS finds French codes. The ids come from the codes (nomenclatures.py).
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.vocabulary.maps import ALWAYS_FROM, ALWAYS_UNTIL, NO_CONCEPT
from snds_omop_assets.vocabulary.nomenclatures import FIRST_LOCAL_ID, lists_by_vocabulary, nomenclatures
from snds_omop_assets.vocabulary.own import REVERSES
from snds_omop_assets.vocabulary.shapes import MAPS_TO, MAPS_TO_VALUE

LONGEST_NAME = 255


def local_concepts(code_map: pa.Table, source_codes: pa.Table) -> pa.Table:
    """CONCEPT rows of the codes whose source concept is a local one.

    Args:
        code_map: rows are targets of codes (shapes.CODE_MAP).
        source_codes: rows are codes with their label (shapes.SOURCE_CODES).

    Returns:
        One row per local concept, sorted by id; the columns of CONCEPT. The name is the French label, else the code.
        A concept has the domain of its list, the first of those that share its vocabulary: not that of its target, so
        that it does not change with the maps.
    """
    lists = nomenclatures()
    first_list = lists_by_vocabulary()
    labels = {
        (row["nomenclature"], row["code"]): row["label"]
        for row in source_codes.select(["nomenclature", "code", "label"]).to_pylist()
        if row["label"]
    }
    found: dict[int, dict[str, Any]] = {}
    for row in code_map.select(["nomenclature", "code", "source_concept_id"]).to_pylist():
        name, code, concept_id = row["nomenclature"], row["code"], row["source_concept_id"]
        label = labels.get((name, code))
        if concept_id < FIRST_LOCAL_ID or (concept_id in found and not label):
            continue
        of = lists[name]
        local = of.local_code(code)
        assert of.vocabulary_id is not None  # or its codes had no local id
        found[concept_id] = {
            "concept_id": concept_id,
            "concept_name": (label or found.get(concept_id, {}).get("concept_name") or str(local))[:LONGEST_NAME],
            "domain_id": first_list[of.vocabulary_id].domain,
            "vocabulary_id": of.vocabulary_id,
            "concept_class_id": of.concept_class_id,
            "standard_concept": None,
            "concept_code": local,
            "valid_start_date": ALWAYS_FROM,
            "valid_end_date": ALWAYS_UNTIL,
            "invalid_reason": None,
        }
    return pa.Table.from_pylist([found[key] for key in sorted(found)], cdm_tables()["concept"].schema)


def export_local(
    local: pa.Table, code_map: pa.Table, vocabulary: Mapping[str, ParquetTable], folder: Path
) -> Mapping[str, int]:
    """Write the local concepts in Athena's layout, to be added to a vocabulary that ATLAS searches.

    Args:
        local: rows are local concepts (CONCEPT).
        code_map: rows are targets of codes (shapes.CODE_MAP); those that hold today become relationships.
        vocabulary: the loaded vocabulary, whose rows on the local vocabularies and classes are written too.
        folder: gets CONCEPT.csv, CONCEPT_RELATIONSHIP.csv, VOCABULARY.csv and CONCEPT_CLASS.csv, separated by tabs.

    Returns:
        Rows by file name.

    Raises:
        StoreError: the folder cannot be written.
    """
    files = {
        "CONCEPT": pa.concat_tables([_own_rows(vocabulary["concept"], "concept_id"), local]).sort_by("concept_id"),
        "CONCEPT_RELATIONSHIP": _relationships(code_map),
        "VOCABULARY": _own_rows(vocabulary["vocabulary"], "vocabulary_concept_id"),
        "CONCEPT_CLASS": _own_rows(vocabulary["concept_class"], "concept_class_concept_id"),
    }
    try:
        for name, table in files.items():
            _write(table, folder / f"{name}.csv")
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
    return {f"{name}.csv": table.num_rows for name, table in files.items()}


def _write(table: pa.Table, path: Path) -> None:
    """Write a table in Athena's layout."""
    with written_aside(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write("\t".join(table.schema.names) + "\n")
        for row in table.to_pylist():
            file.write("\t".join(map(_as_athena, row.values())) + "\n")


def _own_rows(table: ParquetTable, column: str) -> pa.Table:
    """The rows that the project added to a table of the vocabulary: their concept is a local one."""
    return pq.read_table(table.path, filters=[(column, ">=", FIRST_LOCAL_ID)])


def _relationships(code_map: pa.Table) -> pa.Table:
    """CONCEPT_RELATIONSHIP rows, both ways, of what a local concept means today.

    Where two lists share a vocabulary and mean different things (PRS_NAT_REF, an act, and PRS_NAT_VISIT, a contact),
    the first one speaks.
    """
    pairs = set()
    first_list, lists = lists_by_vocabulary(), nomenclatures()
    for row in code_map.to_pylist():
        of = lists[row["nomenclature"]]
        if of.vocabulary_id is None or of.domain != first_list[of.vocabulary_id].domain:
            continue
        concept_id, target = row["source_concept_id"], row["target_concept_id"]
        if concept_id >= FIRST_LOCAL_ID and row["valid_end_date"] == ALWAYS_UNTIL and target != NO_CONCEPT:
            pairs.add((concept_id, target, MAPS_TO))
            if row["value_as_concept_id"] is not None:
                pairs.add((concept_id, row["value_as_concept_id"], MAPS_TO_VALUE))
    both = sorted(pairs | {(two, one, REVERSES[relation]) for one, two, relation in pairs})
    rows = [(one, two, relation, ALWAYS_FROM, ALWAYS_UNTIL, None) for one, two, relation in both]
    schema = cdm_tables()["concept_relationship"].schema
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def _as_athena(value: object) -> str:
    """A value as Athena writes it: dates as YYYYMMDD, nothing for NULL, no tab and no line break in a name."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    return " ".join(value.split()) if isinstance(value, str) else str(value)
