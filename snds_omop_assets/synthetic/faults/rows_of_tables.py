"""Faults in the rows of a table: values that changed, rows that come twice or not at all."""

import hashlib
from collections.abc import Callable, Sequence

import polars as pl

from snds_omop_assets.reception.delivery import open_delivery
from snds_omop_assets.synthetic.faults.kinds import Spoil
from snds_omop_assets.synthetic.faults.pieces import ROW, Change, rewrite
from snds_omop_assets.synthetic.faults.sources import of_year, with_details


def in_rows(table: str, change: Change) -> Spoil:
    """Spoils rows of a table."""
    return lambda folder: rewrite(of_year(open_delivery(folder), table), change)


def in_dcir(change: Change, last: bool = False) -> Spoil:
    """Spoils rows of a year of ER_PRS_F and of its details alike, so that they still fit each other."""
    return lambda folder: rewrite(with_details(open_delivery(folder), "ER_PRS_F", last), change)


def as_text(column: str) -> pl.Expr:
    """A column as the text that stands in a CSV file."""
    return pl.col(column).cast(pl.String)


def mapped(column: str, function: Callable[[str], str]) -> pl.Expr:
    """A column with its texts changed, each different one once."""

    def each(values: pl.Series) -> pl.Series:
        texts = values.unique().drop_nulls()
        return values.replace(texts, pl.Series([function(text) for text in texts], dtype=pl.String))

    return as_text(column).map_batches(each, return_dtype=pl.String)


def every_row(rows: int) -> pl.Expr:
    """Chooses one of so many rows, evenly."""
    return pl.col(ROW) % rows == 0


def other_values(columns: Sequence[str], function: Callable[[str], str], one_of: int = 1) -> Change:
    """Changes the values of some columns, in one of so many rows. The columns of a Parquet file become text."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        new = (pl.when(every_row(one_of)).then(mapped(c, function)).otherwise(as_text(c)).alias(c) for c in columns)
        return rows.with_columns(new)

    return change


def repeated(columns: Sequence[str], function: Callable[[str], str], one_of: int) -> Change:
    """Repeats one of so many rows, with other values in some columns; the repeated ones come behind."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        second = other_values(columns, function)(rows.filter(every_row(one_of)))
        return pl.concat([rows.cast(second.schema), second])

    return change


def without(gone: pl.Expr) -> Change:
    """Leaves rows out."""
    return lambda rows: rows.remove(gone)


def always(text: str) -> Callable[[str], str]:
    """The same text, whatever there was."""
    return lambda _: text


def pseudonym_elsewhere(pseudonym: str) -> str:
    """What another delivery calls the same person."""
    return hashlib.sha256(pseudonym.encode()).hexdigest().upper()[: len(pseudonym)]


def as_a_spreadsheet(number: str) -> str:
    """7.5E+08 for 750990001; what is no number stays."""
    return f"{int(number):.1E}" if number.isdecimal() else number
