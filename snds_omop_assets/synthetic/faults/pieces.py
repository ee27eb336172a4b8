"""Rows of a file of any size, read and written in pieces."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from snds_omop_assets.errors import SettingsError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.delivery import PARQUET, Source
from snds_omop_assets.synthetic.faults.bytes_of_files import BLOCK_BYTES

Change = Callable[[pl.DataFrame], pl.DataFrame]
"""Changes some rows of a file, which are numbered in the column ROW."""

ROW = "(row)"
BATCH_ROWS = 100_000
SEPARATOR = ";"


def pieces_of(source: Source) -> Iterator[pl.DataFrame]:
    """The rows in pieces, the first of which has none and tells the columns. Those of a text are all text.

    Raises:
        SettingsError: the file is broken; Arrow's own words may quote a value.
    """
    try:
        yield from map(_frame, _parquet_pieces(source) if source.kind == PARQUET else _text_pieces(source))
    except (pa.ArrowException, UnicodeDecodeError):
        raise SettingsError(
            f"{source.name} cannot be read: it may be spoilt already. Write the delivery anew."
        ) from None


def _parquet_pieces(source: Source) -> Iterator[pa.Table | pa.RecordBatch]:
    with pq.ParquetFile(source.path) as file:
        yield file.schema_arrow.empty_table()
        yield from file.iter_batches(BATCH_ROWS)


def _text_pieces(source: Source) -> Iterator[pa.Table | pa.RecordBatch]:
    with source.path.open(encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file, delimiter=SEPARATOR), [])
    columns = pa.schema([(name, pa.string()) for name in names])
    yield columns.empty_table()
    with pyarrow.csv.open_csv(
        source.path,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pyarrow.csv.ParseOptions(delimiter=SEPARATOR),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=columns, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
        ),
    ) as batches:
        yield from batches


def _frame(rows: pa.Table | pa.RecordBatch) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(rows))


@contextmanager
def _writer(path: Path, empty: pl.DataFrame, kind: str) -> Iterator[Callable[[pl.DataFrame], object]]:
    """Writes rows in pieces; `empty` tells the columns."""
    if kind == PARQUET:
        with pq.ParquetWriter(path, empty.to_arrow().schema) as parquet:
            yield lambda rows: parquet.write_table(rows.to_arrow())
        return
    with path.open("wb") as text:
        empty.write_csv(text, separator=SEPARATOR)
        yield lambda rows: rows.write_csv(text, separator=SEPARATOR, include_header=False)


def rewritten(source: Source, change: Change, target: Path, kind: str) -> bool:
    """Write the rows of a file otherwise, maybe as another file that takes its place; whether any is not as it was."""
    pieces = pieces_of(source)
    columns, first, other = _changed(change, next(pieces), 0), 0, False
    with written_aside(target) as aside, _writer(aside, columns, kind) as write:
        for rows in pieces:
            changed = _changed(change, rows, first)
            other = other or not changed.equals(rows.cast(changed.schema, strict=False))
            first += rows.height
            write(changed)
    if target != source.path:
        source.path.unlink()
    return other


def _changed(change: Change, rows: pl.DataFrame, first: int) -> pl.DataFrame:
    return change(rows.with_row_index(ROW, first)).drop(ROW)


def rewrite(sources: Sequence[Source], change: Change) -> None:
    """Write the rows of some files otherwise.

    Raises:
        SettingsError: there was nothing to change, so that reception would have nothing to find.
    """
    others = [rewritten(source, change, source.path, source.kind) for source in sources]
    if not any(others):
        raise SettingsError(
            f"{sources[0].name} has no row that this fault could spoil: write a delivery with more persons, or choose "
            f"another fault."
        )
