"""One seam for every format: batches of text, each row with its line, and the rows that do not fit the header."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.coding import DICTIONARY, from_arrow, with_codes
from snds_omop_assets.reception.delivery import PARQUET, TEXT, Source
from snds_omop_assets.reception.looking import Written

BLOCK_BYTES = 2 << 20
"""Bytes read at a time, about 10 000 rows of ER_PRS_F. Arrow reads some 30 blocks ahead: memory is a multiple of it."""

BATCH_ROWS = 250_000
"""Rows typed and judged together: enough for the columns' work to outweigh its overhead, 120 MB of 123 columns."""


@dataclass(frozen=True)
class RaggedRow:
    """A row that has more or fewer values than the header has names; it may have swallowed others."""

    line: int
    values: int
    over_lines: bool = False


@dataclass(frozen=True)
class TextBatch:
    """Rows as they stand in the file.

    Attributes:
        frame: text columns, coded or not, named as in the header, an empty value being NULL.
        lines: the line of each row in the file (the row's number, where a file has no lines).
        ragged: rows between these that do not fit the header.
        blank: how many lines had no value at all.
    """

    frame: pl.DataFrame
    lines: pl.Series
    ragged: Sequence[RaggedRow]
    blank: int


def text_batches(
    source: Source,
    written: Written,
    progress: Callable[[int], None] | None = None,
    coded: Collection[str] = (),
) -> Iterator[TextBatch]:
    """Read a file in bounded memory, as text. A line without any value is no row.

    Args:
        source: the file.
        written: how it is written, see `looking.look_at`.
        progress: called with the number of rows read since the last call.
        coded: columns that are coded, where they have few different texts.

    Raises:
        DeliveryError: the file is broken; a quoted value runs over several lines (a quote that is never closed would
            swallow rows in silence; no SNDS value has a line break), or a byte is not of the file's encoding.
    """
    if source.kind == TEXT:
        batches = _csv_batches(source, written, coded)
    elif source.kind == PARQUET:
        batches = _numbered(_parquet_frames(source), source, coded)
    else:
        from snds_omop_assets.reception.reading_sas import sas_frames  # an extra

        batches = _numbered(sas_frames(source, BATCH_ROWS), source, coded)
    for batch in batches:
        yield batch
        if progress is not None:
            progress(batch.frame.height + len(batch.ragged))


def as_text(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Typed columns as the text that a CSV export would have: ISO days, numbers without needless decimals.

    Raises:
        DeliveryError: a column has a type that no SNDS column has (lists, bytes, durations).
    """
    texts = []
    for name, dtype in frame.schema.items():
        column = pl.col(name)
        if dtype in (pl.Date, pl.Datetime):
            texts.append(column.dt.strftime("%Y-%m-%d"))
        elif dtype == pl.Boolean:
            texts.append(column.cast(pl.Int8).cast(pl.String))
        elif dtype.is_float():
            whole = pl.when(column == column.floor()).then(column.cast(pl.Int64, strict=False))
            texts.append(pl.coalesce(whole.cast(pl.String), column.cast(pl.String)).alias(name))
        elif dtype.is_numeric() or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            texts.append(column.cast(pl.String))
        else:
            raise DeliveryError(
                f"{source.name}: the column {name} has the type {dtype}, which no SNDS column has: export it as text."
            )
    return frame.select(texts)


def _csv_batches(source: Source, written: Written, coded: Collection[str]) -> Iterator[TextBatch]:
    """Batches of BATCH_ROWS rows from Arrow's blocks."""
    tables: list[pa.Table] = []
    lines: list[np.ndarray] = []
    ragged: list[RaggedRow] = []
    rows, passed = 0, written.header_line
    for table, numbers in _csv_blocks(source, written, ragged, coded):
        tables.append(table)
        lines.append(numbers)
        rows += len(numbers)
        if rows >= BATCH_ROWS:
            # Arrow's thread goes on adding rows meanwhile: exactly those that are taken are counted and removed.
            taken = ragged[: len(ragged)]
            del ragged[: len(taken)]
            passed += rows + len(taken)
            yield _batch(tables, lines, taken)
            tables, lines, rows = [], [], 0
    passed += rows + len(ragged)
    # A quote that is open at the end of the file may swallow the last line's end and no other.
    if passed != written.lines or (rows and _has_line_break(tables[-1])):
        raise DeliveryError(_why_lines_differ(source, written))
    blank = 0
    if written.ends_as_dos and ragged and ragged[-1].line == written.lines and ragged[-1].values == 1:
        ragged.pop()
        blank = 1
    if tables or ragged or blank:
        tables = tables or [pa.table({name: pa.array([], pa.string()) for name in written.header})]
        yield _batch(tables, lines or [np.array([], np.int64)], ragged, blank)


def _csv_blocks(
    source: Source, written: Written, ragged: list[RaggedRow], coded: Collection[str] = ()
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Arrow's blocks with the line of each row; rows that do not fit the header are added to `ragged`."""
    without_row: set[int] = set()  # lines not yet passed that hold no row of the blocks

    def set_aside(row: pyarrow.csv.InvalidRow) -> str:
        without_row.add(row.number)
        ragged.append(RaggedRow(row.number, row.actual_columns, "\n" in row.text))
        return "skip"

    names = list(written.header)
    line = written.header_line + 1
    if (written.lines or 0) <= written.header_line:
        return  # Arrow takes a file that ends after its header for a broken one
    try:
        with (
            source.opened() as file,
            pyarrow.csv.open_csv(
                file,
                # One thread: only then does Arrow tell the number of a row that does not fit.
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    column_names=names,
                    skip_rows=written.header_line,
                    encoding="utf8" if written.encoding == "utf-8-sig" else written.encoding,
                ),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=written.separator,
                    invalid_row_handler=set_aside,
                    newlines_in_values=True,
                    ignore_empty_lines=False,  # or the lines after one would be miscounted
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={name: DICTIONARY if name in coded else pa.string() for name in names},
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                    null_values=[""],
                ),
            ) as reader,
        ):
            for batch in reader:
                numbers = _lines_with_rows(line, batch.num_rows, without_row)
                line = int(numbers[-1]) + 1 if len(numbers) else line
                # `list` copies in one step, while Arrow's thread adds to the set.
                without_row.difference_update([number for number in list(without_row) if number < line])
                yield pa.Table.from_batches([batch]), numbers
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DeliveryError(
            f"{source.name} cannot be read as CSV beyond line {line - 1}: {_without_values(error)} "
            f"Check the export of this file."
        ) from None


def _batch(tables: list[pa.Table], lines: list[np.ndarray], ragged: list[RaggedRow], blank_lines: int = 0) -> TextBatch:
    frame = from_arrow(pa.concat_tables(tables))
    numbers = pl.Series("line", np.concatenate(lines), dtype=pl.Int64)
    # Blank lines are rare: the first column is asked before all are.
    if frame.height and frame.to_series(0).null_count():
        blank = frame.select(pl.all_horizontal(pl.all().is_null()).alias("blank"))["blank"]
        if blank.any():
            blank_lines += int(blank.sum())
            frame, numbers = frame.filter(~blank), numbers.filter(~blank)
    return TextBatch(frame, numbers, tuple(ragged), blank_lines)


def _lines_with_rows(first: int, count: int, without_row: set[int]) -> np.ndarray:
    """The numbers of the next `count` lines, from `first` on, that are not in `without_row`."""
    known = list(without_row)
    lines = np.arange(first, first + count + len(known))
    return lines[~np.isin(lines, known)][:count] if known else lines


def _has_line_break(table: pa.Table) -> bool:
    texts = (values.cast(pa.string()) for values in table.columns)
    return any(pa.compute.any(pa.compute.match_substring(values, "\n")).as_py() for values in texts)


def _why_lines_differ(source: Source, written: Written) -> str:
    """The sentence for a file whose rows are not as many as its lines: says in which line it begins."""
    ragged: list[RaggedRow] = []
    broken: list[int] = []
    for table, numbers in _csv_blocks(source, written, ragged):
        for values in table.columns:
            rows = np.flatnonzero(pa.compute.fill_null(pa.compute.match_substring(values, "\n"), False))
            broken += [int(numbers[row]) for row in rows[:1]]
        if broken:
            break
    if broken := broken + [row.line for row in ragged if row.over_lines]:
        return (
            f"{source.name}: a value that begins in line {min(broken)} runs over several lines, most often because a "
            f"quote is never closed. Correct that line, or export the file again."
        )
    return (
        f"{source.name} has {written.lines} lines, which are not as many as its rows: a quote may never be closed. "
        f"Export the file again."
    )


def _without_values(error: Exception) -> str:
    """What kind of error it is; the parser's own words may quote a value of a person."""
    if isinstance(error, UnicodeDecodeError):
        return f"a byte is not valid {error.encoding}."
    return "its structure is broken."


def _parquet_frames(source: Source) -> Iterator[pl.DataFrame]:
    try:
        with pq.ParquetFile(source.path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError):
        raise DeliveryError(f"{source.name} is a broken Parquet file: ask for it again.") from None


def _numbered(frames: Iterator[pl.DataFrame], source: Source, coded: Collection[str]) -> Iterator[TextBatch]:
    """Rows are numbered from 1 where a file has no lines."""
    first = 1
    for frame in frames:
        lines = pl.Series("line", np.arange(first, first + frame.height), dtype=pl.Int64)
        first += frame.height
        yield TextBatch(with_codes(as_text(frame, source), coded), lines, (), 0)
