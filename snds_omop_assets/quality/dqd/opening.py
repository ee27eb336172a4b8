"""Opening a CDM, whoever made it: finds the tables that lie at a path and lets a session read them.

A path is one of

    cdm/                   a folder with a table per file: person.parquet, PERSON.csv, person.csv.gz, person.sqlite;
                           or per folder of Parquet files: person.parquet/2018/part-0.parquet, person/part-0.parquet
    warehouse/             one of ours: omop/ with the vocabulary that counts; its omop/ alone says the same
    cdm.sqlite             a SQLite database with a table of each name
    cdm.duckdb             a DuckDB database, in whatever schema its tables are

Names of tables and columns may be in any case. What is not of the CDM is left alone, and nothing is written there.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.opening import Opening
from snds_omop_assets.engines.sessions import SQL_TYPES, Session
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.quality.dqd.copies import (
    CdmError,
    copied_csv,
    copied_duckdb,
    copied_sqlite,
    duckdb_tables,
    sqlite_tables,
)
from snds_omop_assets.vocabulary.loaded import CURRENT, FOLDER, current_vocabulary

OMOP = "omop"
"""Folder of the CDM tables in a warehouse of ours."""

LOCAL_CONCEPTS = "local_concept.parquet"
"""The French codes that no vocabulary has: source concepts of a warehouse of ours, rows of CONCEPT like the others."""

SQLITE_BEGINS = b"SQLite format 3\x00"
DUCKDB_BEGINS, DUCKDB_AFTER = b"DUCK", 8  # after a checksum

Files = Callable[[Path], Sequence[Path]]
"""Gives the Parquet files of a table; what is no Parquet is first copied into the folder that it gets."""


@dataclass(frozen=True)
class CameTable:
    """A table in Parquet files that somebody else may have written; only columns of the CDM count."""

    path: Path
    files: tuple[Path, ...]
    schema: pa.Schema

    kept_as_text = frozenset[pa.DataType]()

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows as the files have them, a batch at a time."""
        for file in self.files:
            with pq.ParquetFile(file) as opened:
                yield from opened.iter_batches(columns=list(columns or self.schema.names))


@contextmanager
def open_cdm(
    opening: Opening,
    path: Path,
    spill: Path | None = None,
    only: Collection[str] | None = None,
    years: Collection[int] | None = None,
) -> Iterator[tuple[Session, Mapping[str, pa.Schema]]]:
    """A session that reads the tables of a CDM by their CDM names, and what their columns are.

    Columns have their CDM names and a type of `SQL_TYPES`; those of a CSV file are text. Parquet is read in place,
    anything else is copied into a temporary folder once.

    Args:
        opening: opens the engine.
        path: where the CDM lies; see the text of this module.
        spill: folder for the copies, if there are any; with a cluster, one that all its nodes see.
        only: the tables to open, of those that are there; None means all.
        years: of a table that is cut by year, the rows of these years and those that belong to no year; None means all.

    Raises:
        CdmError: nothing of a CDM is there, a table is there twice, or a table cannot be read.
    """
    found = {name: files for name, files in find_tables(path).items() if only is None or name in only}
    with TemporaryDirectory(prefix="snds-omop-cdm-", dir=spill) as copies:
        came = {name: _came(name, files(Path(copies)), path, years) for name, files in found.items()}
        with opening() as session:
            for name, table in came.items():
                _give(session, name, table)
            yield session, {name: _as_cdm(table.schema) for name, table in came.items()}


def find_tables(path: Path) -> Mapping[str, Files]:
    """The tables of a CDM at a path, by CDM name, in the CDM's order.

    Raises:
        CdmError: the path cannot be read, has no table of the CDM, or has one twice.
    """
    try:
        found = dict(_one_each(_tables_at(path), path))
    except OSError as error:
        raise CdmError(
            f"{path} cannot be read ({error.strerror or type(error).__name__}): give this account the right to."
        ) from None
    if not found:
        raise CdmError(
            f"{path} holds no table of the OMOP CDM: give a folder of files like person.parquet, person.csv or "
            f"person.sqlite, a warehouse, or a SQLite or DuckDB file."
        )
    return {name: found[name] for name in cdm_tables() if name in found}


def _tables_at(path: Path) -> Iterator[tuple[str, Files]]:
    """Names of tables in lower case, whether of the CDM or not."""
    if not path.exists():
        raise CdmError(f"{path} does not exist: give the folder or the file of a CDM.")
    if path.is_dir():
        warehouse = _warehouse_of(path)
        if warehouse is None:
            yield from _tables_in(path)
        else:
            yield from _tables_in(warehouse / OMOP)
            yield from _vocabulary_in(warehouse)
        return
    with path.open("rb") as file:
        begins = file.read(DUCKDB_AFTER + len(SQLITE_BEGINS))
    if begins.startswith(SQLITE_BEGINS):
        yield from ((table.lower(), partial(copied_sqlite, path, table)) for table in sqlite_tables(path))
    elif begins[DUCKDB_AFTER:].startswith(DUCKDB_BEGINS):
        for schema, table in duckdb_tables(path):
            yield table.lower(), partial(copied_duckdb, path, schema, table)
    else:
        raise CdmError(
            f"{path} is neither a SQLite nor a DuckDB file: give one, or the folder in which the files of the tables "
            f"are."
        )


def _warehouse_of(folder: Path) -> Path | None:
    """The warehouse of ours that a folder is, perhaps without a CDM so far, or whose folder of CDM tables it is."""
    if (folder / OMOP).is_dir() or (folder / FOLDER / CURRENT).is_file():
        return folder
    there = folder.resolve()
    return there.parent if there.name == OMOP and (there.parent / FOLDER / CURRENT).is_file() else None


def _vocabulary_in(warehouse: Path) -> Iterator[tuple[str, Files]]:
    """The version of the vocabulary that counts, with the local concepts, and the maps of the warehouse."""
    loaded, local = current_vocabulary(warehouse), warehouse / FOLDER / LOCAL_CONCEPTS
    for name, table in ({} if loaded is None else loaded.tables).items():
        more = (local,) if name == "concept" and local.is_file() else ()
        yield name, partial(_themselves, (*table.files, *more))
    yield from _tables_in(warehouse / FOLDER, only=("source_to_concept_map",))


def _tables_in(folder: Path, only: Iterable[str] | None = None) -> Iterator[tuple[str, Files]]:
    """The tables of which a folder has a file, or a folder of Parquet files."""
    wanted = cdm_tables() if only is None else only
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        name, _, ending = entry.name.lower().partition(".")
        if name not in wanted:
            continue
        if entry.is_dir():
            if ending in ("", "parquet") and (files := PartsTable(entry).files):
                yield name, partial(_themselves, files)
        elif ending == "parquet":
            yield name, partial(_themselves, (entry,))
        elif ending in ("csv", "csv.gz"):
            yield name, partial(copied_csv, entry, name)
        elif ending == "sqlite":
            yield name, partial(copied_sqlite, entry, _same(sqlite_tables(entry), name, entry))


def _themselves(files: Sequence[Path], copies: Path) -> Sequence[Path]:
    """What is Parquet needs no copy."""
    return files


def _same(names: Iterable[str], name: str, path: Path) -> str:
    """The name of this table as a file has it."""
    found = next((one for one in names if one.lower() == name), None)
    if found is None:
        raise CdmError(f"{path} has no table {name}: name the table like the file.")
    return found


def _one_each(tables: Iterable[tuple[str, Files]], path: Path) -> Iterator[tuple[str, Files]]:
    """The tables of the CDM.

    Raises:
        CdmError: one is there twice: which is meant?
    """
    seen = set[str]()
    for name, files in tables:
        if name in seen:
            raise CdmError(f"{path} has the table {name} twice: leave the one that is to be checked.")
        if name in cdm_tables():
            seen.add(name)
            yield name, files


def _came(name: str, files: Sequence[Path], path: Path, years: Collection[int] | None) -> CameTable:
    """A table with those of its columns that the CDM knows, their names as the files have them.

    What its columns are is told by all files, also where only some years are read.
    """
    known = {field.name for field in cdm_tables()[name].fields}
    types: dict[str, pa.DataType] = {}
    for file in files:
        for field in _schema_of(file):
            if field.name.lower() in known:
                kind = plain(field.type)
                types[field.name] = kind if types.get(field.name, kind) == kind else pa.string()
    if not types:
        raise CdmError(
            f"The table {name} of {path} has no column of the CDM: give its columns the CDM's names (in a CSV file, in "
            f"the first line)."
        )
    read = (file for file in files if years is None or _year_of(file, name) in (None, *years))
    return CameTable(path, tuple(read), pa.schema(list(types.items())))


def _year_of(file: Path, table: str) -> int | None:
    """The year of a file of a table that is cut by year: <table>.parquet/2018/part-0.parquet."""
    part, folder = file.parent.name, file.parent.parent.name.lower()
    return int(part) if part.isdecimal() and folder.partition(".")[0] == table else None


def _schema_of(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise CdmError(
            f"{file} cannot be read as a Parquet file ({type(error).__name__}): write it again, or give this account "
            f"the right to read it."
        ) from None


def plain(kind: pa.DataType) -> pa.DataType:
    """The type of `SQL_TYPES` that holds the values of a type: 64 bits for whole numbers, text for what has no other.

    A decimal without digits after the point is a whole number: so do some databases export ids.
    """
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0):
        return pa.int64()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pa.float64()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us")
    if pa.types.is_date(kind):
        return pa.date32()
    return pa.bool_() if pa.types.is_boolean(kind) else pa.string()


def _give(session: Session, name: str, table: CameTable) -> None:
    """Let a session read a table by its CDM name, its columns in lower case and of the types that are told.

    The dot before each name is for note_nlp: without it, DuckDB takes its column `offset` for a keyword.
    """
    if table.files:
        session.give(f"came_{name}", table)
    else:
        session.give_files(f"came_{name}", (), table.schema)
    columns = (f"CAST(t.{field.name} AS {SQL_TYPES[field.type]}) AS {field.name.lower()}" for field in table.schema)
    session.view(name, f"SELECT {', '.join(columns)} FROM came_{name} AS t")


def _as_cdm(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name.lower(), field.type) for field in schema])
