"""The figures by which deliveries are compared: NULLs, codes, orders of magnitude. They go into the receipt."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import polars as pl

from snds_omop_assets.contracts.nomenclatures import known_codes
from snds_omop_assets.contracts.snds_tables import Column, SndsTable
from snds_omop_assets.reception.parsing import Parsed
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.settings import SMALL_CELL

MOST_CODES = 2_000
"""Columns with more different codes than this are not counted code by code."""

OTHER = "(other)"
"""The rare codes of a column together."""

SHOWN_CODES = 20
"""How many codes outside a nomenclature a receipt names."""


def _folded(counts: Counter[str]) -> dict[str, int]:
    """The codes of SMALL_CELL rows or more by name, the others together.

    A rare code may tell of a person (in some tables a row is a person), or be no code: an identifier of somebody whose
    row is shifted.
    """
    frequent = {code: rows for code, rows in sorted(counts.items()) if rows >= SMALL_CELL}
    rare = sum(counts.values()) - sum(frequent.values())
    return {**frequent, **({OTHER: rare} if rare else {})}


class Description:
    """Describes the rows of a table as they come; `complete` fills the receipt. No value of a person is kept."""

    def __init__(self, table: SndsTable, receipt: Receipt) -> None:
        self.table, self.receipt = table, receipt
        self._codes: dict[str, Counter[str]] = {}
        self._sizes: dict[str, Counter[str]] = {}
        self._outside: dict[str, Counter[str]] = {}
        self._many_codes: set[str] = set()

    def add(self, frame: pl.DataFrame, parsed: Mapping[str, Parsed], all_rows: bool) -> None:
        """Describe some typed rows.

        Args:
            frame: the rows that stay.
            parsed: the columns they are made of.
            all_rows: no row was set aside, so that the counts of `parsed` are those of the frame.
        """
        receipt = self.receipt
        counted = {
            name: one.counts if all_rows else _counts(frame[name])
            for name, one in parsed.items()
            if one.counts is not None and not self.table.columns[name].values_are_private
        }
        codes = {name: counts for name, counts in counted.items() if self.table.columns[name].type == "code"}
        pseudonyms = _pseudonyms_among(codes, parsed, self.table)
        for name, one in parsed.items():
            column = self.table.columns[name]
            receipt.nulls[name] += frame[name].null_count()
            receipt.normalised[name] += one.normalised
            receipt.not_given[name] += one.stands_for_none
            if (counts := codes.get(name)) is not None:
                self._count_codes(column, counts.filter(~counts["value"].is_in(pseudonyms)) if pseudonyms else counts)
            elif (counts := counted.get(name)) is not None:
                self._sizes.setdefault(name, Counter()).update(_sizes(counts))

    def _count_codes(self, column: Column, spellings: pl.DataFrame) -> None:
        known = known_codes().get(column.nomenclature or "")
        if known is not None:
            unpadded = spellings["value"].str.strip_chars_start("0").replace("", "0")
            outside = spellings.filter(~unpadded.is_in(list(known)))
            counts = self._outside.setdefault(column.name, Counter())
            for value, rows in outside.select("value", "rows").sort("value").iter_rows():
                self.receipt.outside[column.name] += rows
                if value in counts or len(counts) < MOST_CODES:
                    counts[value] += rows
        counts = self._codes.setdefault(column.name, Counter())
        if column.name in self._many_codes or (known is None and column.name in self.table.key):
            return
        if spellings.height > MOST_CODES or len(counts) > MOST_CODES:
            self._many_codes.add(column.name)
            counts.clear()
            return
        for value, rows in spellings.select("value", "rows").iter_rows():
            counts[value] += rows

    def complete(self) -> None:
        """Fill the receipt."""
        receipt = self.receipt
        receipt.codes = {name: _folded(c) for name, c in self._codes.items() if 0 < len(c) <= MOST_CODES}
        for name, counts in self._outside.items():
            frequent = [code for code, rows in counts.items() if rows >= SMALL_CELL]
            if frequent:
                receipt.outside_codes[name] = sorted(frequent, key=lambda code: (-counts[code], code))[:SHOWN_CODES]
        receipt.sizes = {name: dict(sorted(c.items())) for name, c in self._sizes.items() if c}
        for counts in (receipt.nulls, receipt.normalised, receipt.not_given):
            for name in [name for name, count in counts.items() if not count]:
                del counts[name]


def _pseudonyms_among(counted: Mapping[str, pl.DataFrame], parsed: Mapping[str, Parsed], table: SndsTable) -> list[str]:
    """Codes that are pseudonyms of the same batch, which stand in the wrong column: no receipt names them."""
    columns = [one.values for name, one in parsed.items() if table.columns[name].type == "pseudonym"]
    codes = [c["value"] for c in counted.values() if 0 < c.height <= MOST_CODES]
    if not columns or not codes:
        return []
    candidates = pl.concat(codes).unique()
    known = pl.concat([column.rename("value").drop_nulls().unique() for column in columns])
    return candidates.filter(candidates.is_in(known.implode())).to_list()


def _counts(values: pl.Series) -> pl.DataFrame:
    """How many rows have each value (columns `value`, `rows`)."""
    counts = values.rename("value").drop_nulls().value_counts(name="rows")
    return counts.cast({"value": pl.String}) if isinstance(values.dtype, pl.Enum) else counts


def _sizes(counts: pl.DataFrame) -> dict[str, int]:
    """How many numbers are of which order of magnitude: the exponent of two, with the sign; 0 apart."""
    numbers = counts["value"].to_numpy()
    _, exponents = np.frexp(np.abs(numbers))
    signed = np.where(numbers == 0, 0, np.where(numbers < 0, -1000, 1000) + exponents)
    sizes: Counter[str] = Counter()
    for one, rows in zip(signed.tolist(), counts["rows"].to_list(), strict=True):
        sizes[_size_name(one)] += rows
    return sizes


def _size_name(signed: int) -> str:
    if signed == 0:
        return "0"
    negative = signed < 0
    exponent = signed + 1000 if negative else signed - 1000
    return f"{'-' if negative else ''}2^{exponent}"
