"""Which columns of the received tables hold codes of which French list: the lines of coded_columns.csv.

A row of a stay says neither whose it is nor when it was: that is in another table, the line's `who`.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CODED_COLUMNS = Path(__file__).with_name("coded_columns.csv")


@dataclass(frozen=True)
class CodedColumn:
    """One column that holds codes. Columns that repeat what another one says hold a code where the other is empty.

    Attributes:
        table: name of the table's contract.
        column: the column.
        nomenclature: the French list (nomenclatures.csv).
        condition: SQL over the columns of the same row, for rows that count; None: all of them do.
        who: the table that tells the person and the date, joined on its key; None: the table itself.
        dates: date columns of `who`; the first that is filled counts. Empty: no date is known.
        person: pseudonym in `who`; None: no person is known.
        amount: amount paid, in `who`; None: there is none.
    """

    table: str
    column: str
    nomenclature: str
    condition: str | None
    who: str | None
    dates: tuple[str, ...]
    person: str | None
    amount: str | None

    @property
    def place(self) -> str:
        """TABLE.COLUMN."""
        return f"{self.table}.{self.column}"


@cache
def coded_columns() -> tuple[CodedColumn, ...]:
    """The columns that hold codes, in the file's order."""
    with CODED_COLUMNS.open(encoding="utf-8", newline="") as lines:
        return tuple(
            CodedColumn(
                table=row["table"],
                column=row["column"],
                nomenclature=row["nomenclature"],
                condition=row["condition"] or None,
                who=row["who"] or None,
                dates=tuple(row["date"].split()),
                person=row["person"] or None,
                amount=row["amount"] or None,
            )
            for row in csv.DictReader(lines)
        )
