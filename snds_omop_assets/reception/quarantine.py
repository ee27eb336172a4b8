"""The quarantine: a CSV file beside a table that lists every row set aside and every value set to NULL.

Columns: file, line, column, action, reason, value. The value is there only for values set to NULL in columns that hold
neither an identifier nor a date of a person. One line per reason; a row set aside for two reasons has two lines.
"""

from collections import Counter
from pathlib import Path
from typing import BinaryIO

import polars as pl

NAME = "quarantine.csv"

ROW_SET_ASIDE = "row set aside"
ROW_REMOVED = "row removed"
VALUE_SET_TO_NULL = "value set to NULL"

COLUMNS = {
    "file": pl.String, "line": pl.Int64, "column": pl.String, "action": pl.String, "reason": pl.String,
    "value": pl.String,
}  # fmt: skip


class Quarantine:
    """Writes rejects as they come.

    Attributes:
        counts: how many rejects there are by column, action and reason; the column is empty for a whole row.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self._file: BinaryIO = self.path.open("wb")
        self._file.write((",".join(COLUMNS) + "\n").encode())

    def add(self, rejects: pl.DataFrame) -> None:
        """Write and count rejects: a frame of COLUMNS."""
        if not rejects.height:
            return
        # Python writes: Polars' own error would not tell that the disk is full.
        self._file.write(rejects.select(*COLUMNS).write_csv(include_header=False).encode())
        counted = rejects.group_by("column", "action", "reason").len()
        for column, action, reason, rows in counted.iter_rows():
            self.counts[column or "", action, reason] += rows

    def close(self) -> None:
        """No more rejects."""
        self._file.close()


def rejects(
    file: str, lines: pl.Series, columns: pl.Series | str, action: str, reasons: pl.Series | str
) -> pl.DataFrame:
    """Rejects of one kind, without values."""
    return pl.DataFrame({"line": lines}).with_columns(
        file=pl.lit(file),
        column=pl.lit(columns) if isinstance(columns, str) else columns,
        action=pl.lit(action),
        reason=pl.lit(reasons) if isinstance(reasons, str) else reasons,
        value=pl.lit(None, dtype=pl.String),
    ).select(*COLUMNS)  # fmt: skip
