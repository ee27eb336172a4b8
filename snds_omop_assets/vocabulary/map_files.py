"""Reading the CSV files of a user, however they are written: their rows by name of column, with line numbers."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from snds_omop_assets.errors import VocabularyError

SEPARATORS = (",", ";", "\t")
NOTHING = ("", "NA", "NULL")
"""What an empty cell looks like: R writes NA, SQL tools NULL."""


@dataclass(frozen=True)
class Row:
    """One row of a file.

    Attributes:
        file: name of the file.
        number: number of the (last) line of the row, as an editor counts.
        cells: text by name of column, in lower case; blanks around it and words for nothing are off.
    """

    file: str
    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        """The text of a column; empty where the file has not the column."""
        return self.cells.get(column, "")

    def refused(self, why: str) -> VocabularyError:
        """The error that says why this row cannot be used."""
        return VocabularyError(f"{self.file}, line {self.number}: {why}")


def rows_of_file(path: Path) -> tuple[frozenset[str], Iterator[Row]]:
    """Names of the columns, in lower case, and the rows that are not empty.

    Text is UTF-8, with or without its mark, else Windows-1252; separators are those of SEPARATORS.

    Raises:
        VocabularyError: the file, or one of its rows, cannot be read; says which line.
    """
    text = _text_of(path)
    # Usagi writes \" for a quote within a text, spreadsheets write "": both are understood.
    escape = "\\" if '\\"' in text else None
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=re.sub('"[^"]*"', "", first).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, escapechar=escape, strict=True)
    records = _records(reader, path.name, lambda: reader.line_num)
    _, names = next(records, (0, []))
    names = [name.strip().lower() for name in names]
    for name in names:
        if name and names.count(name) > 1:
            raise VocabularyError(f"{path.name} has the column {name} twice: rename or remove one.")
    return frozenset(names), _rows(records, names, path.name, cut=not text.endswith(("\n", "\r")))


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VocabularyError(
            f"{path.name} cannot be read ({error.strerror}): give this account the right to."
        ) from None
    if b"\0" not in data:  # a workbook, or UTF-16
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                continue
    raise VocabularyError(f"{path.name} is no text in UTF-8 or Windows-1252: save it as CSV in UTF-8.")


def _records(reader: Iterator[list[str]], file: str, line_number: Callable[[], int]) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, with the number of their last line."""
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise VocabularyError(
                f"{file}, line {line_number()}: the quotes around its texts do not match ({error}); correct the line."
            ) from None
        if record is None:
            return
        if any(cell.strip() for cell in record):
            yield line_number(), record


def _rows(records: Iterable[tuple[int, list[str]]], names: Sequence[str], file: str, cut: bool) -> Iterator[Row]:
    """The rows by name of column; `cut`: the last line has no end, so that it must be whole."""
    row, width = None, 0
    for number, record in records:
        if row is not None:
            yield row
        if len(record) > len(names):  # even an empty one: what stands before it is not where it should be
            raise VocabularyError(
                f"{file}, line {number}: it has more values than the header has columns; put texts that hold a "
                f"separator in quotes."
            )
        width = len(record)
        cells = (cell.strip() for cell in record)
        row = Row(file, number, {name: "" if c in NOTHING else c for name, c in zip(names, cells, strict=False)})
    if row is not None:
        if cut and width < len(names):  # spreadsheets may leave out empty cells at the end, but not the line's end
            raise row.refused("the file ends in the middle of this line: it was cut; copy it again.")
        yield row
