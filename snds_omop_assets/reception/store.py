"""The store of received tables: one folder per table and year, replaced whole or not at all.

    snds/er_prs_f/2019/manifest.json             the receipt, which names the version that counts
    snds/er_prs_f/2019/9c1d4e.../2019-02/part-0.parquet    a folder per month of flow, for the tables of the DCIR
    snds/er_prs_f/2019/9c1d4e.../quarantine.csv
    snds/ir_ben_r/manifest.json                  tables that come whole have no year

A version is written beside the one before, under a hidden name. What makes it count is the manifest, one file that is
written aside and renamed: whenever a run is killed, the manifest names a whole version. What a killed run left is
removed by the next one.
"""

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import PARTIAL, written_aside
from snds_omop_assets.io_managers.stored import ParquetTable
from snds_omop_assets.locks import locked
from snds_omop_assets.reception.coding import DICTIONARY
from snds_omop_assets.reception.once import FileState, state_of
from snds_omop_assets.reception.quarantine import NAME as QUARANTINE
from snds_omop_assets.reception.receipt import Receipt

MANIFEST = "manifest.json"
PART = "part-0.parquet"
WITHOUT_MONTH = "unknown"
ROW_GROUP = 500_000
"""Rows of a row group at most; what waits to fill one is the memory that a month of a year takes: 400 bytes a row."""

_read: dict[Path, tuple[FileState, Receipt]] = {}
"""Manifests that were read, and the state of their files then: everybody asks for those of all years of a table."""


@dataclass(frozen=True)
class Place:
    """Where one table of one year lies.

    Attributes:
        folder: the folder of the manifest.
        year: None for a table that comes whole.
    """

    folder: Path
    year: int | None

    @property
    def receipt(self) -> Receipt | None:
        """What is stored; None where nothing is. It is the same object for all who ask: do not change it.

        Raises:
            StoreError: the manifest is not one of this version of the project.
        """
        manifest = self.folder / MANIFEST
        try:
            state = state_of(manifest)
            if (known := _read.get(manifest)) is None or known[0] != state:
                known = _read[manifest] = state, Receipt.from_json(manifest.read_text(encoding="utf-8"))
            return known[1]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(said_of(error, self.folder)) from None
        except (TypeError, KeyError, ValueError):
            raise StoreError(
                f"{manifest} was written by another version of snds_omop_assets or by hand: remove {self.folder} and "
                f"receive the table again."
            ) from None

    @property
    def data(self) -> Path | None:
        """The folder of the version that counts."""
        receipt = self.receipt
        return None if receipt is None else self.folder / receipt.version

    @property
    def parts(self) -> tuple[Path, ...]:
        """The Parquet files that count, in order."""
        return () if (data := self.data) is None else tuple(sorted(data.rglob("*.parquet")))

    @property
    def rows(self) -> int:
        """How many rows the files that count hold; -1 where one of them cannot be read."""
        try:
            return sum(int(pq.read_metadata(part).num_rows) for part in self.parts)
        except (pa.ArrowException, OSError):
            return -1

    @property
    def quarantine(self) -> Path:
        """The quarantine of the version that counts."""
        return (self.data or self.folder) / QUARANTINE

    @contextmanager
    def written(self, version: str) -> Iterator[Path]:
        """Give an empty hidden folder for a new version; `commit` makes it count, else it is removed at the end.

        What a killed run left is removed first.

        Raises:
            StoreError: the disk is full, the warehouse may not be written, or another run is writing.
        """
        aside = self.folder / f".{version}{PARTIAL}"
        with writing(self.folder):
            try:
                self._clean()
                aside.mkdir()
                yield aside
            except OSError as error:
                raise StoreError(said_of(error, self.folder)) from None
            finally:
                shutil.rmtree(aside, ignore_errors=True)

    def commit(self, aside: Path, receipt: Receipt) -> None:
        """Make a written version count, then remove the one before."""
        target = self.folder / receipt.version
        shutil.rmtree(target, ignore_errors=True)  # a version that is received again, of which nothing counts
        aside.rename(target)
        try:
            with written_aside(self.folder / MANIFEST) as partial:
                partial.write_text(receipt.to_json(), encoding="utf-8")
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        self._clean()

    def clean(self) -> None:
        """Remove what a killed run left, if there is any and nobody is writing."""
        if self._leftovers():
            with suppress(StoreError), writing(self.folder):
                self._clean()

    def _clean(self) -> None:
        for left in self._leftovers():
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)

    def _leftovers(self) -> list[Path]:
        """What a run wrote aside, and versions that do not count; years of a table that came by year are neither."""
        counts = self.data
        versions = [other for other in self.folder.glob("*") if other != counts and (other / QUARANTINE).exists()]
        return [*self.folder.glob(f".*{PARTIAL}"), *versions]


@dataclass(frozen=True)
class ReceivedTable:
    """A table of the store: all its years, or some. A `StoredTable` for the steps that read it."""

    name: str
    places: tuple[Place, ...]
    kept_as_text = frozenset[pa.DataType]()

    @property
    def path(self) -> Path:
        """The folder of the table."""
        return self.places[0].folder if self.places[0].year is None else self.places[0].folder.parent

    @property
    def files(self) -> tuple[Path, ...]:
        """The Parquet files."""
        return tuple(part for place in self.places for part in place.parts)

    @property
    def receipts(self) -> list[Receipt]:
        """What is stored, by year."""
        return [receipt for place in self.places if (receipt := place.receipt) is not None]

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""
        return pq.read_schema(self.files[0]).remove_metadata()

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows, a batch at a time."""
        for file in self.files:
            yield from ParquetTable(file).batches(columns)


class Store:
    """The received tables of a warehouse, or of a temporary folder that takes its place for a while."""

    def __init__(self, warehouse: Path, temporary: bool = False) -> None:
        self.warehouse = warehouse
        self.temporary = temporary

    @property
    def spill(self) -> Path:
        """Folder for what does not fit into memory."""
        return self.warehouse / ".spill"

    @property
    def keeps_answers(self) -> Path | None:
        """Where answers about the stored files are kept (once.asked_once); nowhere in a temporary folder."""
        return None if self.temporary else self.warehouse

    def place(self, table: SndsTable, year: int | None) -> Place:
        """Where a table of a year lies, or would lie."""
        folder = self.warehouse.joinpath(*table.asset_key)
        return Place(folder if year is None else folder / str(year), year)

    def table(self, table: SndsTable, years: Sequence[int] | None = None) -> ReceivedTable | None:
        """What is stored of a table, all years or these; None where nothing is."""
        folder = self.warehouse.joinpath(*table.asset_key)
        whole = self.place(table, None)
        if whole.receipt is not None:
            return ReceivedTable(table.name, (whole,))
        found = sorted(int(path.name) for path in folder.glob("[12]*") if path.is_dir() and path.name.isdecimal())
        places = tuple(
            place
            for year in found
            if (years is None or year in years) and (place := self.place(table, year)).receipt is not None
        )
        return ReceivedTable(table.name, places) if places else None


class PartWriter:
    """Writes the rows of one version: one Parquet file, or one per month of flow."""

    def __init__(self, folder: Path, table: SndsTable) -> None:
        self.folder, self.table = folder, table
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._waiting: dict[str, list[pa.Table]] = {}
        self._rows = 0
        # Texts stand in a Parquet file as codes: those that come as codes are not hashed again.
        plain = [c.name for c in table.columns.values() if c.type == "pseudonym"]
        self._schema = pa.schema(
            [f.with_type(DICTIONARY) if f.type == pa.string() and f.name not in plain else f for f in table.schema]
        )

    def write(self, rows: pa.Table, month: str | None = None) -> None:
        """Add rows, to a month of flow where there are months; columns that they lack are NULL."""
        self._waiting.setdefault(month or "", []).append(rows)
        self._rows += rows.num_rows
        if self._rows >= ROW_GROUP:
            for name in list(self._waiting):
                self._flush(name)
            self._rows = 0

    def close(self) -> None:
        """Write what waits; a table without rows has one empty file."""
        if not self._waiting and not self._writers:
            self._waiting[""] = [self._schema.empty_table()]
        for month in list(self._waiting):
            self._flush(month)
        for writer in self._writers.values():
            writer.close()

    def abandon(self) -> None:
        """Close the files of a reception that failed, which may fail as well: the disk may be full."""
        for writer in self._writers.values():
            with suppress(OSError, pa.ArrowException):
                writer.close()
            writer.is_open = False  # or it would close itself later, and complain

    def _flush(self, month: str) -> None:
        rows = self._waiting.pop(month, [])
        if not rows:
            return
        if month not in self._writers:
            path = self.folder / month / PART
            path.parent.mkdir(parents=True, exist_ok=True)
            # Without Arrow's own schema, texts are read back as plain strings, whatever width of offsets they had.
            self._writers[month] = pq.ParquetWriter(
                path,
                self._schema,
                compression="zstd",
                use_dictionary=[field.name for field in self._schema if field.type != pa.int64()],
                # No reader leaves rows out by the least and greatest of a column of codes; finding them takes 40 % of
                # the CPU of writing it (32 columns, 260 000 rows: 135 ms instead of 79).
                write_statistics=[field.name for field in self._schema if field.type != DICTIONARY],
                store_schema=False,
            )
        self._writers[month].write_table(_together(rows, self._schema), row_group_size=ROW_GROUP)


def _together(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Rows of several tables, with the columns that some lack, and one dictionary for each column of codes."""
    names = [set(table.column_names) for table in tables]
    rows = sum(table.num_rows for table in tables)
    nothing = {kind: pa.nulls(rows, kind) for kind in set(schema.types)}

    def column(field: pa.Field) -> pa.Array | pa.ChunkedArray:
        if not any(field.name in known for known in names):
            return nothing[field.type]
        chunks: list[pa.Array] = []
        for table, known in zip(tables, names, strict=True):
            delivered = field.name in known
            chunks += _as(table[field.name], field.type) if delivered else [pa.nulls(table.num_rows, field.type)]
        return pa.chunked_array(chunks, field.type).unify_dictionaries()

    return pa.table([column(field) for field in schema], schema=schema)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> list[pa.Array]:
    if kind == DICTIONARY and not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    return list((column if column.type == kind else column.cast(kind)).chunks)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Be the only run that writes a folder of the warehouse.

    Raises:
        StoreError: another run is writing, the disk is full, or the warehouse may not be written.
    """
    try:
        with locked(folder):
            yield
    except BlockingIOError:
        raise StoreError(
            f"Another run is writing {folder}: wait for its end and run again. Nothing was changed."
        ) from None
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None


def said_of(error: OSError, folder: Path) -> str:
    """The sentence for a folder that cannot be written."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return f"The disk of the warehouse is full: make room in {folder} and run again. The tables are as before."
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"The warehouse may not be read or written: give this account the right to, for {folder}."
        case _:
            return f"The warehouse cannot be written ({error.strerror or type(error).__name__}): look at {folder}."
