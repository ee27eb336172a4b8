"""Made-up downloads of vocabularies in Athena's layout: invented ids (9 000 000 and more) and invented names."""

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.vocabulary.loaded import OPTIONAL, TABLES
from snds_omop_assets.vocabulary.nomenclatures import code_of_seven

FIRST_ID = 9_000_000
FIRST_DAY, LAST_DAY = "19700101", "20991231"
VERSION = "v5.0 30-AUG-24"

METADATA = ("Vocabulary", "Concept Class")
"""Vocabularies and classes that every download has, of the concepts that stand for vocabularies and classes."""

REVERSES = {
    "Maps to": "Mapped from",
    "Maps to value": "Value mapped from",
    "Concept replaced by": "Concept replaces",
    "Subsumes": "Is a",
}


class MadeVocabulary:
    """A small download that a test fills. Vocabularies, domains, classes and relationships follow what is added."""

    def __init__(self, version: str | None = VERSION) -> None:
        self.version = version
        self.concepts: list[Sequence[object]] = []
        self.relationships: list[Sequence[object]] = []
        self.ancestors: list[Sequence[object]] = []
        self.synonyms: list[Sequence[object]] = []
        self.strengths: list[Sequence[object]] = []
        self.concept(0, "No matching concept", "Metadata", "None", "Undefined", None, "No matching concept")

    def concept(
        self,
        concept_id: int,
        name: str = "",
        domain: str = "Condition",
        vocabulary: str = "Made",
        concept_class: str = "Undefined",
        standard: str | None = "S",
        code: str = "",
        start: str = FIRST_DAY,
        end: str = LAST_DAY,
        invalid: str | None = None,
    ) -> int:
        """Add a concept; returns its id."""
        row = (concept_id, name or f"Invented {concept_id}", domain, vocabulary, concept_class, standard)
        self.concepts.append((*row, code or f"X{concept_id}", start, end, invalid))
        return concept_id

    def relationship(
        self,
        concept_id: int,
        relation: str,
        target_id: int,
        *,
        start: str = FIRST_DAY,
        end: str = LAST_DAY,
        invalid: str | None = None,
        both: bool = False,
    ) -> None:
        """Add a relationship, with its reverse (as Athena has it) if asked."""
        self.relationships.append((concept_id, target_id, relation, start, end, invalid))
        if both:
            self.relationships.append((target_id, concept_id, REVERSES[relation], start, end, invalid))

    def maps_to(self, concept_id: int, target_id: int, **dates: str) -> None:
        """Add a `Maps to`."""
        self.relationship(concept_id, "Maps to", target_id, **dates)  # type: ignore[arg-type]

    def ancestor(self, ancestor_id: int, descendant_id: int, least: int = 1, most: int = 1) -> None:
        """Add a row of CONCEPT_ANCESTOR."""
        self.ancestors.append((ancestor_id, descendant_id, least, most))

    def rows(self) -> dict[str, list[Sequence[object]]]:
        """The rows of each table, in the CDM's order of columns."""
        named = [str(row[2]) for row in self.relationships]
        relations = _once([*REVERSES, *REVERSES.values(), *named])
        reverse = {**REVERSES, **{back: there for there, back in REVERSES.items()}}
        vocabularies = [v for v in _once([*(str(row[3]) for row in self.concepts), *METADATA]) if v != "None"]
        return {
            "concept": self.concepts,
            "concept_relationship": self.relationships,
            "vocabulary": [
                *([] if self.version is None else [("None", "All vocabularies", "OMOP generated", self.version, 0)]),
                *((name, f"{name}, invented", "invented", f"{name} 2024", 0) for name in vocabularies),
            ],
            "domain": [(name, name, 0) for name in _once(str(row[2]) for row in self.concepts)],
            "concept_class": [(name, name, 0) for name in _once([*(str(row[4]) for row in self.concepts), *METADATA])],
            "relationship": [(name, name, "0", "0", reverse.get(name, name), 0) for name in relations],
            "concept_ancestor": self.ancestors,
            "concept_synonym": self.synonyms,
            "drug_strength": self.strengths,
        }

    def write(self, folder: Path, *, as_zip: bool = False, without: Iterable[str] = (), end: str = "\n") -> Path:
        """Write the download into an own folder; returns its path, that of the zip if one is asked for.

        Args:
            folder: made if it is missing; a zip lies beside it and has its name.
            as_zip: a zip in place of the folder.
            without: tables to leave out.
            end: what ends a line.
        """
        tables = self.rows()
        lefts = {*without, *(name for name in OPTIONAL if not tables[name])}
        texts = {f"{name.upper()}.csv": _text(name, tables[name], end) for name in TABLES if name not in lefts}
        if as_zip:
            path = folder.with_name(f"{folder.name}.zip")
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, text in texts.items():
                    archive.writestr(name, text)
            return path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return folder


def a_few_concepts() -> MadeVocabulary:
    """A download of eight concepts, with a row in every table."""
    made = MadeVocabulary()
    made.concept(9_000_001, 'Invented pain, "quoted" in its name', code="A1")
    made.concept(9_000_002, "Invented pain of the knee", vocabulary="CIM10", standard=None, code="Z99.1")
    made.concept(9_000_003, "Invented drug", "Drug", "RxNorm", "Ingredient", code="77")
    made.concept(9_000_004, "Boîte inventée", "Drug", "BDPM", "Drug Product", None, "9999999")
    made.concept(9_000_005, "Old pain", standard=None, invalid="U", end="20200131", code="A0")
    made.concept(9_000_006, "Invented act", "Procedure", "CCAM", "Procedure", None, "ZZZZ999")
    made.concept(9_000_007, "NULL", "Drug", "ATC", "ATC 5th", "C", "Z99ZZ99")
    made.relationship(9_000_002, "Maps to", 9_000_001, both=True)
    made.relationship(9_000_004, "Maps to", 9_000_003, start="20150101", both=True)
    made.relationship(9_000_005, "Concept replaced by", 9_000_001, both=True)
    made.ancestor(9_000_007, 9_000_003)
    made.synonyms.append((9_000_001, "Douleur inventée", 0))
    made.strengths.append((9_000_004, 9_000_003, 0.5, 0, None, None, None, None, 30, FIRST_DAY, LAST_DAY, None))
    return made


MADE_TARGETS = {"CIM10": ("CIM10", "Condition"), "CCAM": ("CCAM", "Procedure"), "CIP7": ("BDPM", "Drug")}
"""Lists that `vocabulary_of_codes` knows: the vocabulary of their codes, and the domain of the targets."""


def vocabulary_of_codes(
    codes: Iterable[tuple[str, str]], version: str | None = VERSION, gap: int = 10
) -> MadeVocabulary:
    """A download that maps most codes of a base to invented standard concepts.

    Every tenth code (`gap`) of a list is unknown to it, every eleventh has no target, every twelfth was replaced.

    Args:
        codes: list of codes and code, as the store spells it.
        version: of the download.
        gap: how many codes there are for one that is unknown.
    """
    made = MadeVocabulary(version)
    known = sorted({("CIP7", code_of_seven(code) or code) if name == "CIP13" else (name, code) for name, code in codes})
    for place, (name, code) in enumerate(known):
        if name not in MADE_TARGETS or place % gap == 0:
            continue
        vocabulary, domain = MADE_TARGETS[name]
        dotted = f"{code[:3]}.{code[3:]}" if name == "CIM10" and len(code) > 3 else code
        source, target = FIRST_ID + 3 * place, FIRST_ID + 3 * place + 1
        replaced = place % 12 == 1
        gone = {"invalid": "U", "end": "20181231"} if replaced else {}
        made.concept(source, f"Invented {code}", domain, vocabulary, standard=None, code=dotted, **gone)
        made.concept(target, f"Invented target of {code}", domain, "Made", code=f"T{place}")
        if replaced:
            after = made.concept(target + 1, f"Invented successor of {code}", domain, vocabulary, standard=None)
            made.relationship(source, "Concept replaced by", after)
            made.maps_to(after, target)
        elif place % 11:
            made.maps_to(source, target)
    return made


def write_large(folder: Path, concepts: int = 6_000_000, relationships: int = 30_000_000) -> Path:
    """Write a large download into a folder, with DuckDB; returns the folder.

    A fifth of the concepts is standard; each concept maps to one of them. The tables are the required ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    small = MadeVocabulary()
    names = ["Made", "RxNorm", "CIM10", "BDPM", "CCAM", "ATC", "ICD10", "Other"]
    for place, name in enumerate(names):
        small.concept(FIRST_ID + place, vocabulary=name, domain="Drug" if name in ("BDPM", "RxNorm") else "Condition")
    small.relationship(FIRST_ID, "Subsumes", FIRST_ID)
    tables = small.rows()
    for table in ("vocabulary", "domain", "concept_class", "relationship"):
        (folder / f"{table.upper()}.csv").write_text(_text(table, tables[table], "\n"), encoding="utf-8")
    listed = ", ".join(f"'{name}'" for name in names)
    rows_of_concepts = f"""
        SELECT {FIRST_ID} + i AS concept_id, 'Invented concept of some length, number ' || i AS concept_name,
            CASE WHEN v IN ('BDPM', 'RxNorm') THEN 'Drug' ELSE 'Condition' END AS domain_id, v AS vocabulary_id,
            'Undefined' AS concept_class_id, CASE WHEN i % 5 = 0 THEN 'S' END AS standard_concept,
            'X' || i AS concept_code, '{FIRST_DAY}' AS valid_start_date,
            CASE WHEN i % 50 = 1 THEN '20200131' ELSE '{LAST_DAY}' END AS valid_end_date,
            CASE WHEN i % 50 = 1 THEN 'U' END AS invalid_reason
        FROM (
            SELECT i, CASE WHEN i % 5 = 0 THEN 'Made' ELSE [{listed}][1 + (i * 7919) % {len(names)}] END AS v
            FROM range({concepts}) AS r(i)
        )
        UNION ALL
        SELECT 0, 'No matching concept', 'Metadata', 'None', 'Undefined', NULL, 'X', '{FIRST_DAY}', '{LAST_DAY}',
            NULL"""
    # The first pass over the concepts maps each to a standard one, the second is its reverse.
    rows_of_relationships = f"""
        SELECT {FIRST_ID} + CASE WHEN k = 1 THEN target ELSE other END AS concept_id_1,
            {FIRST_ID} + CASE WHEN k = 1 THEN other ELSE target END AS concept_id_2,
            CASE k WHEN 0 THEN 'Maps to' WHEN 1 THEN 'Mapped from' ELSE 'Subsumes' END AS relationship_id,
            '{FIRST_DAY}' AS valid_start_date, '{LAST_DAY}' AS valid_end_date, NULL AS invalid_reason
        FROM (
            SELECT other, k, CASE WHEN other % 5 = 0 AND k < 2 THEN other ELSE standard END AS target
            FROM (
                SELECT (i * 7919) % {concepts} AS other, i // {concepts} AS k,
                    ((i * 104729 + i // {2 * concepts}) % {max(concepts // 5, 1)}) * 5 AS standard
                FROM range({relationships}) AS r(i)
            )
        )"""
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        connection.execute("SET enable_progress_bar = false")
        for table, rows in (("CONCEPT", rows_of_concepts), ("CONCEPT_RELATIONSHIP", rows_of_relationships)):
            path = folder / f"{table}.csv"
            connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT csv, DELIMITER '\t', HEADER, QUOTE '', ESCAPE '')")
    return folder


def _text(table: str, rows: Sequence[Sequence[object]], end: str) -> str:
    """The text of a file: tabs, a header, nothing quoted, an empty text for no value."""
    header = [field.name for field in cdm_tables()[table].fields]
    lines = ["\t".join(header), *("\t".join("" if v is None else str(v) for v in row) for row in rows)]
    return "".join(line + end for line in lines)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
