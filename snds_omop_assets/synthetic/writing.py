"""Writing a delivery as the CNAM writes it, and the truth beside it, while it is made."""

import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.synthetic.rows import NO_NUMBER, SourceRows, rules

CSV, PARQUET = "csv", "parquet"
Format = Literal["csv", "parquet"]

ENOUGH_ROWS = 50_000
"""Rows that are written together: row groups of less cost more than they hold."""

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

DAY_SLASHED, DAY_SAS, TIME_SAS, DAY_PLAIN = "dd/mm/yyyy", "date9", "datetime20", "ddmmyyyy"

PLAIN_DAYS = frozenset({"ENT_DAT", "SOR_DAT"})
"""Text dates of the PMSI, without separators."""

MONTHS_FIRST = frozenset({"MOI_ANN", "MOI_ANN_SOR_SEJ"})
"""Months of the SSR, written mmyyyy; the others are yyyymm."""

WITH_DECIMALS = ("PSE_SPE_COD", "PSE_ACT_NAT", "PSP_SPE_COD", "PSP_ACT_NAT", "DPN_QLF", "PRS_DPN_QLP", "CPL_MAJ_TOP",
                 "ETE_CAT_COD", "ETE_IND_TAA", "PRS_PPU_SEC", "BEN_SEX_COD", "CAM_ACT_COD", "CAM_TRT_PHA",
                 "TIP_PRS_TYP", "EXO_MTF", "RGM_COD", "IMB_ETM_NAT", "BEN_RNG_GEM")  # fmt: skip
"""Codes that exports turn into 1.0, as soon as one value of the column is missing."""


class Sink(Protocol):
    """A file that grows."""

    def add(self, table: pa.Table) -> None:
        """Write rows."""

    def close(self) -> None:
        """End the file."""


class ParquetSink:
    """A Parquet file: text columns are dictionaries, no Arrow schema is kept beside Parquet's own."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.writer = pq.ParquetWriter(path, schema, compression="snappy", store_schema=False)

    def add(self, table: pa.Table) -> None:
        """Write rows as one row group."""
        self.writer.write_table(table, row_group_size=max(len(table), 1))

    def close(self) -> None:
        """Write the end of the file."""
        self.writer.close()


class CsvSink:
    """A CSV file with semicolons, as SAS exports on the CNAM's portal."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.file: IO[bytes] = path.open("wb")
        self.file.write((";".join(schema.names) + "\n").encode())

    def add(self, table: pa.Table) -> None:
        """Write rows."""
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        frame.write_csv(self.file, include_header=False, separator=";")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


class DeliveryWriter:
    """Takes rows of any table in the order in which they are made, and writes each file aside until all is whole.

    Rows are encoded in a thread of their own, while the next ones are made.

    Args:
        folder: gets `delivery/` and `truth/`.
        form: csv or parquet; the truth is always Parquet.
        seed: which columns of codes are written 1.0 depends on it.
        decimals: share of the columns of codes that are.
    """

    def __init__(self, folder: Path, form: Format, seed: int, decimals: float = 0.0) -> None:
        self.folder, self.form, self.seed, self.decimals = folder, form, seed, decimals
        self.rows: dict[str, int] = {}
        self.with_decimals: set[tuple[str, int | None, str]] = set()
        self._files = ExitStack()
        self._sinks: dict[str, Sink] = {}
        self._waiting: dict[str, list[pa.Table]] = {}
        self._writing = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "DeliveryWriter":
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every file; if something failed, none appears."""
        try:
            self._wait()
            if kind is None:
                for name in list(self._waiting):
                    self._flush(name)
        finally:
            self._writing.shutdown()
            for sink in self._sinks.values():
                sink.close()
            self._files.__exit__(kind, error, trace)

    def write(self, made: list[SourceRows]) -> None:
        """Write rows of several tables, in this order."""
        self._wait()  # one bundle is encoded while the next is made, no more
        self._last = self._writing.submit(self._write, made)

    def write_truth(self, name: str, table: pa.Table) -> None:
        """Write rows of a table of the truth (persons, visits, events...)."""
        self._wait()
        self._last = self._writing.submit(self._add, f"truth/{name}.parquet", table, PARQUET)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()
            self._last = None

    def _write(self, made: list[SourceRows]) -> None:
        for rows in made:
            if not len(rows):
                continue
            contract = official_tables()[rows.table]
            stem = Path(contract.file_name() if rows.year is None else contract.file_name(rows.year)).stem.upper()
            name = f"{stem}.{'CSV' if self.form == CSV else PARQUET}"
            table = self._as_written(rows)
            self._add(f"delivery/{name}", table, self.form)
            self.rows[name] = self.rows.get(name, 0) + len(table)
            if rows.rule is not None:
                self._add(f"truth/rows/{stem}.parquet", _truth_of(rows), PARQUET)

    def _add(self, name: str, table: pa.Table, form: str) -> None:
        waiting = self._waiting.setdefault(name, [])
        waiting.append(table)
        if name not in self._sinks:
            path = self._files.enter_context(written_aside(self.folder / name))
            self._sinks[name] = (CsvSink if form == CSV else ParquetSink)(path, table.schema)
        if sum(map(len, waiting)) >= ENOUGH_ROWS:
            self._flush(name)

    def _flush(self, name: str) -> None:
        if waiting := self._waiting.pop(name, []):
            table = waiting[0] if len(waiting) == 1 else pa.concat_tables(waiting)
            table = table.unify_dictionaries().combine_chunks()
            self._sinks[name].add(pa.table([_each_once(column) for column in table.columns], table.column_names))

    def _as_written(self, rows: SourceRows) -> pa.Table:
        """Columns in the contract's order; in CSV, days and months in the format of the table."""
        order = [name for name in official_tables()[rows.table].columns if name in rows.columns]
        if unknown := set(rows.columns) - set(order):
            raise KeyError(f"{rows.table} has no column {min(unknown)}")
        columns = {name: rows.columns[name] for name in order}
        if self.form == CSV:
            columns = {name: self._text(rows, name, values) for name, values in columns.items()}
        return pa.table(columns)

    def _text(self, rows: SourceRows, name: str, values: pa.Array) -> pa.Array:
        if pa.types.is_date(values.type):
            return _days_as_text(values, date_format(rows.table, name))
        if name in MONTHS_FIRST:
            return _as_months_first(values)
        if name in WITH_DECIMALS and pa.types.is_dictionary(values.type) and self._decimal(rows, name):
            dictionary = pa.array(
                [f"{int(text)}.0" if text.isdecimal() else text for text in values.dictionary.to_pylist()]
            )
            return pa.DictionaryArray.from_arrays(values.indices, dictionary)
        return values

    def _decimal(self, rows: SourceRows, name: str) -> bool:
        column = (rows.table, rows.year, name)
        chosen = zlib.crc32(f"{self.seed} {column}".encode()) / 2**32 < self.decimals
        if chosen:
            self.with_decimals.add(column)
        return chosen


def _each_once(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column whose dictionary has no text twice: else Arrow writes a page of raw memory."""
    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([_distinct(chunk) for chunk in column.chunks], column.type)


def _distinct(chunk: pa.DictionaryArray) -> pa.DictionaryArray:
    known = chunk.dictionary.dictionary_encode()
    if len(known.dictionary) == len(chunk.dictionary):
        return chunk
    return pa.DictionaryArray.from_arrays(known.indices.take(chunk.indices), known.dictionary)


def date_format(table: str, column: str) -> str:
    """How the dates of a column are written in CSV: formats differ by table in one delivery (SCALPEL's schemas)."""
    if column in PLAIN_DAYS and table.startswith("T_"):
        return DAY_PLAIN
    if table.startswith(("T_MCO_", "T_RIP_")):
        return TIME_SAS
    if table.startswith(("T_SSR_", "T_HAD_")):
        return DAY_SAS
    return DAY_SLASHED


def _days_as_text(values: pa.Array, form: str) -> pa.Array:
    """Days as text, each written once."""
    days = values.cast(pa.int32())
    numbers = days.fill_null(0).to_numpy(zero_copy_only=False)
    known, places = np.unique(numbers, return_inverse=True)
    dictionary = pa.array([_day_as_text(int(day), form) for day in known], pa.string())
    mask = days.is_null().to_numpy(zero_copy_only=False)
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32), mask=mask), dictionary)


def _day_as_text(number: int, form: str) -> str:
    day = np.datetime64(number, "D").item()
    if form == DAY_SLASHED:
        return f"{day:%d/%m}/{day.year:04d}"
    if form == DAY_PLAIN:
        return f"{day:%d%m}{day.year:04d}"
    text = f"{day.day:02d}{MONTHS[day.month - 1]}{day.year:04d}"
    return f"{text}:00:00:00" if form == TIME_SAS else text


def _as_months_first(values: pa.Array) -> pa.Array:
    return pa.array([None if month is None else f"{month % 100:02d}{month // 100}" for month in values.to_pylist()])


def _truth_of(rows: SourceRows) -> pa.Table:
    """The rule, visit and event of each row, in the order of the file."""
    assert rows.rule is not None
    names = pa.array(list(rules()), pa.string())
    count = len(rows)
    return pa.table({
        "rule": pa.DictionaryArray.from_arrays(pa.array(np.asarray(rows.rule, np.int32)), names),
        "visit": _numbers(rows.visit, count),
        "event": _numbers(rows.event, count),
    })  # fmt: skip


def _numbers(values: Any, count: int) -> pa.Array:
    numbers = np.full(count, NO_NUMBER) if values is None else np.asarray(values, np.int64)
    return pa.array(numbers, mask=numbers == NO_NUMBER)
