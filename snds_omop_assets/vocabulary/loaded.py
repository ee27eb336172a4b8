"""The vocabulary of a warehouse: which version counts, and its tables.

vocabulary/current.json                names the version that counts, and the download before it
vocabulary/3f2a.../manifest.json       what a version holds
vocabulary/3f2a.../concept.parquet     one file per table of TABLES
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.stored import ParquetTable

FORMAT = 1
"""Of the stored tables and their manifests; another one is loaded anew."""

FOLDER = "vocabulary"
CURRENT = "current.json"
MANIFEST = "manifest.json"

REQUIRED = ("concept", "concept_relationship", "vocabulary", "domain", "concept_class", "relationship")
OPTIONAL = ("concept_ancestor", "concept_synonym", "drug_strength")
TABLES = (*REQUIRED, *OPTIONAL)
"""The CDM tables of a vocabulary. The optional ones have no rows where a download lacks them."""


@dataclass(frozen=True)
class VocabularyPresent:
    """One vocabulary that a version has concepts of.

    Attributes:
        vocabulary_id: as OMOP calls it.
        name: its full name; the id where the table VOCABULARY lacks it.
        version: as VOCABULARY says it, None where it says none.
        concepts: their number.
        standard: how many of them are standard.
    """

    vocabulary_id: str
    name: str
    version: str | None
    concepts: int
    standard: int


@dataclass(frozen=True)
class LoadedVocabulary:
    """A version of the vocabulary at rest.

    Attributes:
        folder: where its tables are.
        version: of the download, like `v5.0 30-AUG-24`; `without a download` for the project's own concepts.
        from_download: whether it is a download of Athena.
        content_hash: sha256 of what it was made of.
        vocabularies: those that it has concepts of, by id.
        rows: of each table.
        warnings: counts of what is unusual and was kept, by what it is.
        absent: optional tables that the download lacks.
        sizes: bytes of each file of the download.
    """

    folder: Path
    version: str
    from_download: bool
    content_hash: str
    vocabularies: tuple[VocabularyPresent, ...]
    rows: Mapping[str, int]
    warnings: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def tables(self) -> Mapping[str, ParquetTable]:
        """The tables of TABLES, by name; their columns are those of the CDM."""
        return {name: ParquetTable(self.folder / f"{name}.parquet") for name in TABLES}

    def to_json(self) -> str:
        """The manifest, without the folder."""
        facts = {name: value for name, value in asdict(self).items() if name != "folder"}
        return json.dumps({"format": FORMAT, **facts}, ensure_ascii=False, indent=1)


@dataclass(frozen=True)
class Current:
    """What `current.json` says.

    Attributes:
        folder: name of the folder of the version that counts.
        previous: that of the download that counted before; None where there was none.
        source: `folder`, `zip` or `project`.
        signatures: of the downloads that these folders were loaded from, by folder.
    """

    folder: str
    previous: str | None
    source: str
    signatures: Mapping[str, str]

    def to_json(self) -> str:
        """The text of the file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


def current_vocabulary(warehouse: Path) -> LoadedVocabulary | None:
    """The version that counts; None where nothing was loaded.

    Raises:
        StoreError: it cannot be read, or was written by another version of the project.
    """
    current = read_current(warehouse)
    return None if current is None else vocabulary_of(warehouse / FOLDER / current.folder)


def vocabulary_of(folder: Path) -> LoadedVocabulary:
    """The version that lies in a folder.

    Raises:
        StoreError: there is none, a table of it is missing, or another version of the project wrote it.
    """
    facts = _read_json(folder / MANIFEST)
    if facts is None:
        raise StoreError(f"{folder} holds no vocabulary: load the vocabulary again.")
    try:
        present = tuple(VocabularyPresent(**vocabulary) for vocabulary in facts.pop("vocabularies"))
        absent = tuple(facts.pop("absent"))
        loaded = LoadedVocabulary(folder=folder, vocabularies=present, absent=absent, **facts)
    except (KeyError, TypeError):
        raise _unknown(folder / MANIFEST) from None
    for name, table in loaded.tables.items():
        if _rows_of(table) != loaded.rows.get(name):
            raise StoreError(f"{table.path} is missing or damaged: remove {folder} and load the vocabulary again.")
    return loaded


def _rows_of(table: ParquetTable) -> int | None:
    """How many rows a file says that it holds; None where it cannot be read."""
    try:
        return table.rows
    except (OSError, pa.ArrowException):
        return None


def read_current(warehouse: Path) -> Current | None:
    """What counts in a warehouse; None where nothing was loaded.

    Raises:
        StoreError: `current.json` cannot be read, or was written by another version of the project.
    """
    path = warehouse / FOLDER / CURRENT
    facts = _read_json(path)
    try:
        current = None if facts is None else Current(**facts)
    except TypeError:
        raise _unknown(path) from None
    if current is not None and not (isinstance(current.folder, str) and isinstance(current.signatures, dict)):
        raise _unknown(path)
    return current


def _read_json(path: Path) -> dict[str, Any] | None:
    """The facts of a file, its format checked; None where there is no such file."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror}): look at {path.parent}.") from None
    except ValueError:
        raise _unknown(path) from None
    if not isinstance(facts, dict) or facts.pop("format", None) != FORMAT:
        raise _unknown(path)
    return facts


def _unknown(path: Path) -> StoreError:
    return StoreError(
        f"{path} was written by another version of snds_omop_assets or by hand: remove {path.parent} and load the "
        f"vocabulary again."
    )
