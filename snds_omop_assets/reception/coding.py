"""Columns of text as codes: each different text of a batch stands once, and each row says which of them it has.

A column of the SNDS has few texts and many rows: what is asked of each text once, and of no row, costs next to nothing.
Here a coded column is a Polars Enum of its own texts, and a dictionary of Arrow; any other column is plain text.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

DICTIONARY = pa.dictionary(pa.int32(), pa.string())
"""A coded column in Arrow."""

ROWS_OF_A_TEXT = 8
"""A column is coded where its texts have so many rows on average: below that, their codes are so much more to carry."""


@dataclass(frozen=True)
class Texts:
    """A column of text, to be asked text by text.

    Attributes:
        texts: the different texts, though no row may have one, and none of them NULL; or the text of each row.
        places: for each row, the place of its text among these, NULL where it has none; None where they are the rows'.
    """

    texts: pl.Series
    places: pl.Series | None

    @classmethod
    def of(cls, column: pl.Series) -> "Texts":
        """The texts of a column, coded or plain."""
        if column.dtype == pl.String:
            if int(column.approx_n_unique()) * ROWS_OF_A_TEXT > len(column):  # type: ignore[arg-type]
                return cls(column, None)
            column = column.cast(pl.Enum(column.drop_nulls().unique(maintain_order=True)))
        return cls(different(column), column.to_physical())

    @cached_property
    def rows(self) -> pl.Series:
        """How many rows have each text."""
        if self.places is None:
            return pl.Series("rows", [1], dtype=pl.Int64).new_from_index(0, len(self.texts))
        return pl.Series("rows", np.bincount(self.places.drop_nulls().to_numpy(), minlength=len(self.texts)))

    def rows_with(self, which: pl.Series) -> int:
        """How many rows have one of some texts."""
        return int(self.rows.filter(which).sum()) if which.any() else 0

    def counts(self, values: pl.Series) -> pl.DataFrame:
        """How many rows have each value (columns `value`, `rows`), where the texts have these; several may be equal."""
        if self.places is None:
            return values.rename("value").drop_nulls().value_counts(name="rows")
        return pl.DataFrame({"value": values, "rows": self.rows}).filter(values.is_not_null() & (self.rows > 0))

    def followed_by_rows(self, values: pl.Series) -> pl.Series:
        """What was found of each text, for each row."""
        return values if self.places is None else values.gather(self.places).rename(self.places.name)

    def spelled(self, texts: pl.Series) -> pl.Series:
        """The coded column that has other texts, of which several may be the same or NULL."""
        once = texts.drop_nulls().unique(maintain_order=True)
        return _enum(once, self.followed_by_rows(texts.cast(pl.Enum(once)).to_physical()))


def different(column: pl.Series) -> pl.Series:
    """The different texts of a column, coded or not: for a coded one it may be more than its rows have."""
    if isinstance(kind := column.dtype, pl.Enum):
        return kind.categories
    return column.drop_nulls().unique()


def from_arrow(table: pa.Table) -> pl.DataFrame:
    """A frame of text columns; those that Arrow has as dictionaries are coded where it pays."""
    return pl.DataFrame([_series(name, table[name]) for name in table.column_names])


def with_codes(frame: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    """A frame of plain text with some columns coded, where it pays. Arrow finds the texts at half of Polars' cost."""
    plain = ((name, frame[name].to_arrow()) for name in frame.columns if name in columns)
    table = pa.table({name: values.cast(pa.string()).dictionary_encode() for name, values in plain})
    return frame.with_columns(from_arrow(table))


def to_arrow(frame: pl.DataFrame) -> pa.Table:
    """The columns of a frame, those that are coded as dictionaries. Plain text is not copied: it stays Polars' kind."""
    table = frame.to_arrow(compat_level=pl.CompatLevel.newest())
    held = [column.cast(DICTIONARY) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    return pa.table(held, names=table.column_names)


def _series(name: str, column: pa.ChunkedArray) -> pl.Series:
    if column.type == DICTIONARY and not _mostly_different(column.chunks):
        chunks = column.unify_dictionaries().chunks
        texts = chunks[0].dictionary if chunks else pa.array([], pa.string())
        if len(texts) * ROWS_OF_A_TEXT <= len(column):
            places = pa.chunked_array([chunk.indices for chunk in chunks], pa.int32())
            return _enum(pl.Series(pl.from_arrow(texts)), pl.Series(name, pl.from_arrow(places)))
    return pl.Series(name, pl.from_arrow(column.cast(pa.string())), dtype=pl.String)


def _mostly_different(chunks: list[pa.DictionaryArray]) -> bool:
    """Whether the texts of a column repeat so little in any chunk that they need not be compared across them."""
    return sum(len(chunk.dictionary) for chunk in chunks) * ROWS_OF_A_TEXT > 4 * sum(map(len, chunks))


def _enum(texts: pl.Series, places: pl.Series) -> pl.Series:
    """The coded column of different texts and of the place of each row's text among them."""
    kind = pl.Enum(texts)
    as_held = pl.Series(dtype=kind).to_physical().dtype
    return places.cast(as_held, wrap_numerical=True).cat.to(kind)
