"""The quarantine: a CSV file beside a table that lists every row set aside and every value set to NULL.

Columns: file, line, column, action, reason, value. The value is there only for values set to NULL in columns that hold
neither an identifier nor a date of a person. One line per reason; a row set aside for two reasons has two lines.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from snds_omop_assets.io_managers.aside import PARTIAL

SUFFIX = ".quarantine.csv"

ROW_SET_ASIDE = "row set aside"
VALUE_SET_TO_NULL = "value set to NULL"


@dataclass(frozen=True)
class Reject:
    """One reason why a row was set aside or a value became NULL.

    Attributes:
        file: name of the delivered file.
        line: line in the file; the header is line 1.
        column: the column, None where the whole row is at fault.
        value: the delivered text, None where it is private or absent.
    """

    file: str
    line: int
    column: str | None
    action: str
    reason: str
    value: str | None = None


class Quarantine:
    """Writes rejects aside as they come; `publish` puts the file beside the table once the table is stored."""

    def __init__(self, table_path: Path) -> None:
        self.path = table_path.with_name(table_path.stem + SUFFIX)
        self.counts: Counter[tuple[str | None, str, str]] = Counter()
        """How many rejects there are by column, action and reason."""
        self._partial = self.path.with_name(f".{self.path.name}{PARTIAL}")
        self._file: IO[str] | None = None

    def add(self, rejects: Sequence[Reject]) -> None:
        """Write rejects and count them."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._partial.open("w", encoding="utf-8", newline="")
            csv.writer(self._file, lineterminator="\n").writerow(Reject.__dataclass_fields__)
        lines = csv.writer(self._file, lineterminator="\n")
        for reject in rejects:
            lines.writerow([reject.file, reject.line, reject.column, reject.action, reject.reason, reject.value])
            self.counts[reject.column, reject.action, reject.reason] += 1

    def publish(self) -> None:
        """Put the file in place; it is there after every reception, with its header alone when all was well."""
        self.add([])
        assert self._file is not None
        self._file.close()
        self._partial.replace(self.path)

    def discard(self) -> None:
        """Remove what was written aside: the reception failed."""
        if self._file is not None:
            self._file.close()
        self._partial.unlink(missing_ok=True)
