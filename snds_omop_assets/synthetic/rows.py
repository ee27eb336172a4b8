"""Rows of delivered tables with the truth of each, and the Arrow arrays that they are made of."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from snds_omop_assets.synthetic.days import Days, Ints

RULES_FILE = Path(__file__).parent / "rules.csv"

NO_NUMBER = -1
"""No visit, no event."""


@dataclass(frozen=True)
class Rule:
    """What becomes of a source row.

    Attributes:
        name: in the truth.
        bucket: loaded, netted, duplicate or filtered.
        sentence: why.
        source: where the rule is documented.
    """

    name: str
    bucket: str
    sentence: str
    source: str


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by name, in the order of rules.csv."""
    with RULES_FILE.open(encoding="utf-8", newline="") as lines:
        return {r["rule"]: Rule(r["rule"], r["bucket"], r["sentence"], r["source"]) for r in csv.DictReader(lines)}


@cache
def rule(name: str) -> int:
    """The place of a rule, as rows carry it."""
    return list(rules()).index(name)


@dataclass(frozen=True)
class SourceRows:
    """Rows of one delivered table and year.

    Attributes:
        table: name of its contract (ER_PRS_F, T_MCO_B).
        year: of the file; None where the table comes whole.
        columns: Arrow arrays of equal length by official name. Days are date32, months YYYYMM and numbers are
            numbers, everything else is text, mostly as dictionaries.
        rule: what becomes of each row, places in rules(); None where the truth has nothing to say (nomenclatures).
        visit, event: the number of the visit and event that each row makes, or NO_NUMBER.
    """

    table: str
    year: int | None
    columns: Mapping[str, pa.Array]
    rule: Ints | None = None
    visit: Ints | None = None
    event: Ints | None = None

    def __len__(self) -> int:
        """How many rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0


def coded(values: Sequence[str] | np.ndarray | pa.Array, places: Any) -> pa.Array:
    """Text by place in a list of values; the empty text is NULL."""
    dictionary = values if isinstance(values, pa.Array) else pa.array([str(value) for value in values], pa.string())
    places = np.asarray(places, np.int32)
    empty = np.array([value is None or value == "" for value in dictionary.to_pylist()], bool)
    mask = empty[places] if empty.any() else None
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=mask), dictionary, safe=False)


def constant(value: str, count: int) -> pa.Array:
    """The same text in each row; the empty text is NULL."""
    return coded([value], np.zeros(count, np.int32))


def texts(values: Any) -> pa.Array:
    """Texts of few different values, from numbers or text; the empty text is NULL."""
    found, places = np.unique(np.asarray(values), return_inverse=True)
    return coded([str(value) for value in found], places)


def small(numbers: Any, width: int = 0) -> pa.Array:
    """Small whole numbers from 0 on as text codes, padded with zeros to a width; negative ones are NULL."""
    numbers = np.asarray(numbers, np.int64)
    known = [f"{number:0{width}d}" for number in range(int(numbers.max(initial=0)) + 1)]
    return pa.DictionaryArray.from_arrays(
        pa.array(np.maximum(numbers, 0).astype(np.int32), mask=numbers < 0), pa.array(known, pa.string()), safe=False
    )


def unique_texts(values: Any) -> pa.Array:
    """Texts that are mostly different from each other; the empty text is NULL."""
    values = np.asarray(values)
    return pa.array(values, pa.string(), mask=values == "")


def dates(days: Days, missing: Any = None) -> pa.Array:
    """Days as dates; NULL where `missing`."""
    return pa.array(np.asarray(days, np.int32), mask=None if missing is None else np.asarray(missing)).cast(pa.date32())


def whole(numbers: Any, missing: Any = None) -> pa.Array:
    """Whole numbers; NULL where `missing`."""
    return pa.array(np.asarray(numbers, np.int32), mask=None if missing is None else np.asarray(missing))


def amounts(numbers: Any, missing: Any = None) -> pa.Array:
    """Amounts with two decimals; NULL where `missing`."""
    rounded = np.round(np.asarray(numbers, np.float64), 2)
    return pa.array(rounded, mask=None if missing is None else np.asarray(missing))
