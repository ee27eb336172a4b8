"""Drift: a delivery against the one before, by the figures of their receipts.

Compared with the version that it replaces or, where the year is new, with the year before. Each finding names the
threshold of the contract that it passed, which is the line to change where the change is right.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from snds_omop_assets.contracts.snds_tables import SndsTable
from snds_omop_assets.reception.describing import OTHER
from snds_omop_assets.reception.receipt import Receipt

LEAST_SHARE = 1e-4
"""A category that one side does not have counts as this share, as is usual: its index would be infinite."""

CERTAIN_ROWS = 30
"""A code with as many rows in one delivery and none in the other did not go by chance."""

FEWEST_ROWS = 200
"""Distributions of fewer rows than this differ by chance alone; volumes too."""


def drift(before: Receipt, now: Receipt, table: SndsTable) -> list[dict[str, Any]]:
    """What changed beyond the thresholds of the contract.

    Args:
        before: the delivery before.
        now: this one.
        table: the contract, with its thresholds.

    Returns:
        One entry per change: `what` (columns, formats, volume, months, nulls, codes, distribution), `column`, a
        `sentence`, the `figure`, and `contract`, which line of the contract to change where the change is right.
    """
    found = [*_columns(before, now), *_formats(before, now), *_volume(before, now, table)]
    if min(before.stored, now.stored) >= FEWEST_ROWS:
        found += [*_months(before, now, table), *_nulls(before, now, table), *_codes(before, now, table),
                  *_distributions(before, now, table)]  # fmt: skip
    return found


def population_stability_index(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The population stability index of two distributions over the same categories: 0 is equal, 0.25 a large shift."""
    index, all_before, all_now = 0.0, sum(before.values()) or 1, sum(now.values()) or 1
    for category in {*before, *now}:
        expected = max(before.get(category, 0) / all_before, LEAST_SHARE)
        actual = max(now.get(category, 0) / all_now, LEAST_SHARE)
        index += (actual - expected) * math.log(actual / expected)
    return index


def by_chance(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """The index to expect of two samples of one distribution: more with more categories, less with more rows."""
    categories = len({*before, *now})
    return (categories - 1) * (1 / max(sum(before.values()), 1) + 1 / max(sum(now.values()), 1))


def _entry(what: str, column: str, sentence: str, figure: float, contract: str) -> dict[str, Any]:
    return {"what": what, "column": column, "sentence": sentence, "figure": round(figure, 4), "contract": contract}


def _threshold(table: SndsTable, name: str) -> str:
    return f"tables: {table.name}: thresholds: {name}: (now {table.thresholds[name]:g})"


def _columns(before: Receipt, now: Receipt) -> Iterator[dict[str, Any]]:
    for column in sorted(before.columns - now.columns):
        yield _entry("columns", column, f"{column} was delivered before and is not any more: it is NULL now.", 1,
                     f"tables: {now.table}: columns: {column}: null")  # fmt: skip
    for column in sorted(now.columns - before.columns):
        yield _entry("columns", column, f"{column} is new: it was not delivered before.", 1,
                     f"tables: {now.table}: columns: {column}: (nothing to change)")  # fmt: skip


def _formats(before: Receipt, now: Receipt) -> Iterator[dict[str, Any]]:
    def dates(receipt: Receipt) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for file in receipt.files:
            for key, columns in file.written.items():
                if key.startswith("dates "):
                    for column in columns:
                        found.setdefault(column, set()).add(key.removeprefix("dates "))
        return found

    then = dates(before)
    for column, forms in sorted(dates(now).items()):
        if (known := then.get(column)) is not None and known != forms:
            was, is_now = ", ".join(sorted(known)), ", ".join(sorted(forms))
            yield _entry("formats", column, f"{column} was written {was} and is written {is_now}.", 1,
                         f"tables: {now.table}: columns: {column}: format: {min(forms)}")  # fmt: skip


def _volume(before: Receipt, now: Receipt, table: SndsTable) -> Iterator[dict[str, Any]]:
    if max(before.stored, now.stored) < FEWEST_ROWS:
        return
    change = now.stored / before.stored - 1 if before.stored else math.inf
    if abs(change) > table.thresholds["drift_volume"]:
        yield _entry("volume", "", f"{now.stored} rows, {before.stored} before ({change:+.0%}).", change,
                     _threshold(table, "drift_volume"))  # fmt: skip


def _months(before: Receipt, now: Receipt, table: SndsTable) -> Iterator[dict[str, Any]]:
    if before.year != now.year:
        return  # the months of another year are others
    for month in sorted({*before.months, *now.months}):
        then, rows = before.months.get(month, 0), now.months.get(month, 0)
        if max(then, rows) >= FEWEST_ROWS and abs(rows - then) > table.thresholds["drift_volume"] * max(then, 1):
            yield _entry("months", "", f"{month}: {rows} rows, {then} before.", rows / max(then, 1) - 1,
                         _threshold(table, "drift_volume"))  # fmt: skip


def _nulls(before: Receipt, now: Receipt, table: SndsTable) -> Iterator[dict[str, Any]]:
    for column in sorted(before.columns & now.columns):
        then, share = before.nulls[column] / before.described, now.nulls[column] / now.described
        if abs(share - then) > table.thresholds["drift_nulls"]:
            yield _entry("nulls", column, f"{column}: {share:.1%} without a value, {then:.1%} before.", share - then,
                         _threshold(table, "drift_nulls"))  # fmt: skip


def _codes(before: Receipt, now: Receipt, table: SndsTable) -> Iterator[dict[str, Any]]:
    for column in sorted(before.codes.keys() & now.codes.keys()):
        then, codes = before.codes[column], now.codes[column]
        for known, other, verb in ((codes, then, "appeared"), (then, codes, "are gone")):
            certain = {code: rows for code, rows in known.items() if code != OTHER and rows >= CERTAIN_ROWS}
            new = {code: rows for code, rows in certain.items() if code not in other}
            share = sum(new.values()) / max(sum(known.values()), 1)
            if share > table.thresholds["drift_codes"]:
                named = ", ".join(sorted(new, key=lambda code: -new[code])[:10])
                yield _entry("codes", column, f"{column}: codes that {verb}, in {share:.1%} of the values: {named}.",
                             share, _threshold(table, "drift_codes"))  # fmt: skip


def _distributions(before: Receipt, now: Receipt, table: SndsTable) -> Iterator[dict[str, Any]]:
    for then, here in ((before.codes, now.codes), (before.sizes, now.sizes)):
        for column in sorted(then.keys() & here.keys()):
            if min(sum(then[column].values()), sum(here[column].values())) < FEWEST_ROWS:
                continue
            index = population_stability_index(then[column], here[column]) - by_chance(then[column], here[column])
            if index > table.thresholds["drift_psi"]:
                yield _entry("distribution", column, f"{column}: the values are distributed otherwise than before "
                             f"(population stability index {index:.2f}).", index,
                             _threshold(table, "drift_psi"))  # fmt: skip
