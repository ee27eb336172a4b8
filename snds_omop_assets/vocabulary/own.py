"""The project's own rows of the vocabulary: those of its local vocabularies, and all that it needs without a download.

Without a download, CONCEPT holds the concepts that the project's maps name, so that foreign keys can be judged. Their
names are those of concepts.csv, where it may have them (the names of SNOMED CT, CPT4 and others are licensed).
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from snds_omop_assets.contracts.cdm_schemas import polars_cdm_schema
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.reception.store import writing
from snds_omop_assets.vocabulary.describing import described
from snds_omop_assets.vocabulary.loaded import FOLDER, TABLES, LoadedVocabulary
from snds_omop_assets.vocabulary.maps import ALWAYS_FROM, ALWAYS_UNTIL, CONCEPTS, NO_CONCEPT
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.shapes import MAPS_TO, MAPS_TO_VALUE
from snds_omop_assets.vocabulary.versions import Versions, folder_name, table_writer

LOCAL_METADATA = Path(__file__).with_name("local_metadata.csv")
"""Ids of the concepts that stand for the local vocabularies and classes. Lines are only added, at the end."""

WITHOUT_DOWNLOAD = "without a download"
REFERENCE = "snds_omop_assets"
METADATA, UNDEFINED, WHOLE = "Metadata", "Undefined", "None"
OF_VOCABULARIES, OF_CLASSES = "Vocabulary", "Concept Class"
"""Vocabulary and class of the concepts that stand for vocabularies, and for classes (OMOP's)."""

REVERSES: Mapping[str, str] = {
    MAPS_TO: "Mapped from",
    MAPS_TO_VALUE: "Value mapped from",
    "Concept replaced by": "Concept replaces",
}

Rows = list[dict[str, Any]]


def local_rows() -> Mapping[str, Rows]:
    """Rows for the local vocabularies (nomenclatures.csv): CONCEPT, VOCABULARY, CONCEPT_CLASS; each table has its key.

    Every vocabulary and class has a concept that stands for it, with the id of local_metadata.csv.
    """
    with LOCAL_METADATA.open(encoding="utf-8", newline="") as lines:
        ids = {(row["kind"], row["name"]): int(row["id"]) for row in csv.DictReader(lines)}
    lists = [of for of in nomenclatures().values() if of.vocabulary_id is not None]
    # Of two lists with one vocabulary the last names it: local concepts of the CIP have its seven figures.
    titles = {str(of.vocabulary_id): of.title for of in lists}
    classes = _once(str(of.concept_class_id) for of in lists)
    return {
        "concept": [
            *(
                _concept(ids["vocabulary", name], title, METADATA, OF_VOCABULARIES, OF_VOCABULARIES, None, name)
                for name, title in titles.items()
            ),
            *(_concept(ids["class", name], name, METADATA, OF_CLASSES, OF_CLASSES, None, name) for name in classes),
        ],
        "vocabulary": [
            _vocabulary(name, title, REFERENCE, None, ids["vocabulary", name]) for name, title in titles.items()
        ],
        "concept_class": [_class(name, ids["class", name]) for name in classes],
    }


def own_rows() -> Mapping[str, Rows]:
    """All rows of the vocabulary without a download, by table; the tables that are not named have none."""
    local = local_rows()
    with CONCEPTS.open(encoding="utf-8", newline="") as lines:
        known = [_known(row) for row in csv.DictReader(lines)]
    concepts = [*known, *local["concept"]]
    listed = {row["vocabulary_id"] for row in local["vocabulary"]} | {WHOLE}
    named = [name for name in _once(row["vocabulary_id"] for row in concepts) if name not in listed]
    classes = {row["concept_class_id"] for row in local["concept_class"]}
    domains = _once([*(row["domain_id"] for row in concepts), *(of.domain for of in nomenclatures().values())])
    relations = [pair for there, back in REVERSES.items() for pair in ((there, back), (back, there))]
    return {
        "concept": concepts,
        "vocabulary": [
            _vocabulary(WHOLE, "Concepts of the project's own maps", REFERENCE, WITHOUT_DOWNLOAD, NO_CONCEPT),
            *(_vocabulary(name, name, None, None, NO_CONCEPT) for name in named),
            *local["vocabulary"],
        ],
        "domain": [{"domain_id": name, "domain_name": name, "domain_concept_id": NO_CONCEPT} for name in domains],
        "concept_class": [
            *(
                _class(name, NO_CONCEPT)
                for name in _once(row["concept_class_id"] for row in concepts)
                if name not in classes
            ),
            *local["concept_class"],
        ],
        "relationship": [
            {
                "relationship_id": there,
                "relationship_name": there,
                "is_hierarchical": "0",
                "defines_ancestry": "0",
                "reverse_relationship_id": back,
                "relationship_concept_id": NO_CONCEPT,
            }
            for there, back in relations
        ],
    }


def own_vocabulary(warehouse: Path) -> LoadedVocabulary:
    """Make the vocabulary without a download the one that counts; nothing is done where it does already.

    Raises:
        StoreError: the warehouse cannot be written.
        EngineError: there is no room for what DuckDB writes aside.
    """
    versions = Versions(warehouse)
    rows = own_rows()
    content = digest_of(rows)
    name = folder_name(content)
    current = versions.current()
    if current is not None and current.folder == name and (loaded := versions.whole(name)) is not None:
        versions.clean()
        return loaded
    with writing(versions.folder), versions.aside() as aside:
        for table in TABLES:
            with table_writer(aside, table) as writer:
                writer.write(conforming_rows(table, rows.get(table, [])))
        loaded = LoadedVocabulary(
            folder=warehouse / FOLDER / name,
            version=WITHOUT_DOWNLOAD,
            from_download=False,
            content_hash=content,
            vocabularies=(),
            rows={table: len(rows.get(table, [])) for table in TABLES},
        )
        versions.put(aside, described(loaded, aside, warehouse / ".spill"))
        return versions.count(name, "project", content)


def conforming_rows(table: str, rows: Rows) -> pa.Table:
    """Rows of the project's own as a table of the CDM, judged by its contract."""
    typed = pa.Table.from_pylist(rows, cdm_tables()[table].schema)
    polars_cdm_schema(cdm_tables()[table]).validate(pl.DataFrame(pl.from_arrow(typed)))
    return typed


def digest_of(rows: Mapping[str, Rows]) -> str:
    """A hash of rows."""
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


def _known(row: Mapping[str, str]) -> dict[str, Any]:
    """A line of concepts.csv as a row of CONCEPT. Its code is licensed as its name is, so the id takes its place."""
    concept_id = row["concept_id"]
    name = row["concept_name"] or f"Concept {concept_id}"
    return _concept(
        int(concept_id), name, row["domain_id"], row["vocabulary_id"], UNDEFINED, row["standard"] or None, concept_id
    )


def _concept(
    concept_id: int, name: str, domain: str, vocabulary: str, concept_class: str, standard: str | None, code: str
) -> dict[str, Any]:
    return {
        "concept_id": concept_id,
        "concept_name": name,
        "domain_id": domain,
        "vocabulary_id": vocabulary,
        "concept_class_id": concept_class,
        "standard_concept": standard,
        "concept_code": code,
        "valid_start_date": ALWAYS_FROM,
        "valid_end_date": ALWAYS_UNTIL,
        "invalid_reason": None,
    }


def _vocabulary(
    vocabulary_id: str, name: str, reference: str | None, version: str | None, concept_id: int
) -> dict[str, Any]:
    return {
        "vocabulary_id": vocabulary_id,
        "vocabulary_name": name,
        "vocabulary_reference": reference,
        "vocabulary_version": version,
        "vocabulary_concept_id": concept_id,
    }


def _class(name: str, concept_id: int) -> dict[str, Any]:
    return {"concept_class_id": name, "concept_class_name": name, "concept_class_concept_id": concept_id}


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
