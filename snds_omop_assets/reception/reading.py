"""Reading a text file: batches of text, each row with its line number, and the rows that do not fit the header."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from snds_omop_assets.errors import DeliveryError
from snds_omop_assets.reception.delivery import TextFile
from snds_omop_assets.tables import frame_of

BLOCK_BYTES = 2 << 20
"""Bytes read at a time, about 10 000 rows of ER_PRS_F. Arrow reads some 30 blocks ahead: memory is a multiple of it."""


@dataclass(frozen=True)
class RaggedRow:
    """A row that has more or fewer values than the header has names."""

    line: int
    values: int


@dataclass(frozen=True)
class TextBatch:
    """Rows as they stand in the file.

    Attributes:
        frame: text columns named as in the header, an empty value being NULL; the index is the line in the file.
        ragged: rows between these that do not fit the header.
        blank: how many lines had no value at all.
    """

    frame: pd.DataFrame
    ragged: Sequence[RaggedRow]
    blank: int


def text_batches(file: TextFile) -> Iterator[TextBatch]:
    """Read a file in bounded memory. A line without any value is no row.

    Raises:
        DeliveryError: a quoted value runs over several lines (a quote that is never closed would swallow rows in
            silence; no SNDS value has a line break), or a byte is not of the file's encoding.
    """
    ragged: list[RaggedRow] = []
    without_row: set[int] = set()  # lines not yet passed that hold no row of the frames

    def set_aside(row: pyarrow.csv.InvalidRow) -> str:
        without_row.add(row.number)
        ragged.append(RaggedRow(row.number, row.actual_columns))
        return "skip"

    names = list(file.header)
    encoding = "utf8" if file.encoding == "utf-8-sig" else file.encoding
    line = file.header_line + 1
    if not _has_rows(file):
        return
    try:
        with pyarrow.csv.open_csv(
            file.path,
            # One thread: only then does Arrow tell the number of a row that does not fit.
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                column_names=names,
                skip_rows=file.header_line,
                encoding=encoding,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=file.separator,
                invalid_row_handler=set_aside,
                newlines_in_values=True,
                ignore_empty_lines=False,  # or the lines after one would be miscounted
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names},
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                null_values=[""],
            ),
        ) as reader:
            for batch in reader:
                frame = frame_of(batch)
                lines = _lines_with_rows(line, len(frame), without_row)
                line = int(lines[-1]) + 1 if len(lines) else line
                without_row = {number for number in without_row if number >= line}
                frame.index = pd.Index(lines, name="line")
                _refuse_line_breaks(frame, file.path.name)
                blank = frame.isna().all(axis="columns")
                yield TextBatch(frame[~blank], tuple(ragged), int(blank.sum()))
                ragged.clear()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DeliveryError(
            f"{file.path.name} cannot be read as CSV beyond line {line - 1}: {_without_values(error)} "
            f"Check the export of this file."
        ) from None
    if ragged:
        yield TextBatch(pd.DataFrame(columns=names, dtype="string[pyarrow]"), tuple(ragged), 0)


def _has_rows(file: TextFile) -> bool:
    """Whether anything follows the header; Arrow takes a file that ends there for a broken one."""
    with file.path.open("rb") as lines:
        return sum(1 for _, line in zip(range(file.header_line + 1), lines, strict=False)) > file.header_line


def _lines_with_rows(first: int, count: int, without_row: set[int]) -> np.ndarray:
    """The numbers of the next `count` lines, from `first` on, that are not in `without_row`."""
    lines = np.arange(first, first + count + len(without_row))
    return lines[~np.isin(lines, list(without_row))][:count]


def _refuse_line_breaks(frame: pd.DataFrame, file: str) -> None:
    for name in frame.columns:
        if (broken := frame[name].str.contains("\n", regex=False).fillna(False)).any():
            raise DeliveryError(
                f"{file}: the value of {name} that begins in line {broken.idxmax()} runs over several lines, "
                f"most often because a quote is never closed. Correct that line, or export the file again."
            )


def _without_values(error: Exception) -> str:
    """What kind of error it is; the parser's own words may quote a value of a person."""
    if isinstance(error, UnicodeDecodeError):
        return f"a byte is not valid {error.encoding}."
    return "its structure is broken."
