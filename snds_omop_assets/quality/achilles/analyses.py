"""The analyses, from analyses.csv, and the layouts of their results.

Ids and strata are those of OHDSI's Achilles (1.7 and later). `analyses.csv` has a row per analysis and table:

    source   rows that are counted: a file of sql/, made for the table; `where` chooses among them
    strata   what cells are made of: SQL over the source
    value    whose spread is described; without it, the analysis counts
    counts   persons (different ones), records, rows (records, all in one cell); summed, summed_records: the source has
             counted persons and their records, each person in one row of a cell
    margins  whose totals may be known, so that no cell may be the only one hidden of them (hiding.py):
             `*` all cells; `1` the cells with the same first stratum; `1,2` with the same two; `1/100` with the same
             first stratum divided by 100; `1=3`: these totals are the cells of analysis 3
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, cast

import pyarrow as pa

Counted = Literal["persons", "records", "rows", "summed", "summed_records"]

HERE = Path(__file__).parent
STRATA = tuple(f"stratum_{place}" for place in range(1, 6))
USED_STRATA = 4
"""No analysis has a fifth stratum."""

VALUES = ("min", "max", "avg", "stdev", "median", "p10", "p25", "p75", "p90")

_CELL = {
    "analysis_id": (pa.int32(), "Id of the analysis, as in Achilles; achilles_analysis says what it is"),
    **{
        name: (pa.string(), f"What makes the cell: the value of {name}_name of the analysis, as text; NULL if none")
        for name in STRATA
    },
}

RESULTS: Mapping[str, tuple[pa.DataType, str]] = {
    **_CELL,
    "count_value": (pa.int64(), "Persons or records in the cell; cells of few persons have no row"),
}
"""The columns of achilles_results: a row per analysis and cell."""

DISTRIBUTIONS: Mapping[str, tuple[pa.DataType, str]] = {
    **_CELL,
    "count_value": (pa.int64(), "Persons or records that have a value; cells of few persons have no row"),
    **{
        f"{name}_value": (
            pa.float64(),
            "Of the values" if name in ("avg", "stdev") else "Of the values; NULL where few persons have one beyond it",
        )
        for name in VALUES
    },
}
"""The columns of achilles_results_dist: a row per analysis and cell."""

ANALYSIS: Mapping[str, tuple[pa.DataType, str]] = {
    "analysis_id": (pa.int32(), "Id of the analysis, as in Achilles"),
    "analysis_name": (pa.string(), "What is counted, of whom, by what"),
    **{f"{name}_name": (pa.string(), f"What {name} is; NULL if the analysis has none") for name in STRATA},
    "is_default": (pa.int32(), "1: Achilles makes it without being asked"),
    "category": (pa.string(), "What the analysis is about"),
}
"""The columns of achilles_analysis: a row per analysis that was made."""


@dataclass(frozen=True)
class Margin:
    """Cells whose total may be known.

    Attributes:
        strata: places of the strata, from 0, that the cells have in common; none for all cells.
        divisor: the first of them counts divided by this.
        told_by: the analysis whose cells are the totals; None where something else tells them.
    """

    strata: tuple[int, ...]
    divisor: int = 1
    told_by: int | None = None


@dataclass(frozen=True)
class Analysis:
    """One analysis of one table; see the text of this module."""

    id: int
    table: str
    name: str
    stratum_names: tuple[str, ...]
    category: str
    source: str
    where: str
    strata: tuple[str, ...]
    value: str
    counts: Counted
    margins: tuple[Margin, ...]


@cache
def analyses() -> tuple[Analysis, ...]:
    """All analyses: one that tells the totals of another comes before it."""
    with (HERE / "analyses.csv").open(encoding="utf-8", newline="") as lines:
        return tuple(_analysis(row) for row in csv.DictReader(lines))


@cache
def event_tables() -> Mapping[str, Mapping[str, str]]:
    """The tables of events: the field by what it is (concept, start_date, ...), those that a table has."""
    with (HERE / "event_tables.csv").open(encoding="utf-8", newline="") as lines:
        return {
            row.pop("table"): {what: field for what, field in row.items() if field} for row in csv.DictReader(lines)
        }


def schema_of(columns: Mapping[str, tuple[pa.DataType, str]]) -> pa.Schema:
    """Names and types of the columns of a layout."""
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()])


def _analysis(row: Mapping[str, str]) -> Analysis:
    return Analysis(
        id=int(row["analysis_id"]),
        table=row["table"],
        name=row["name"],
        stratum_names=tuple(filter(None, (row[name] for name in STRATA[:USED_STRATA]))),
        category=row["category"],
        source=row["source"],
        where=row["where"] or "TRUE",
        strata=tuple(filter(None, row["strata"].split("; "))),
        value=row["value"],
        counts=cast(Counted, row["counts"]),
        margins=tuple(_margin(words) for words in row["margins"].split()),
    )


def _margin(words: str) -> Margin:
    which, _, told_by = words.partition("=")
    places, _, divisor = which.partition("/")
    strata = () if places == "*" else tuple(int(place) - 1 for place in places.split(","))
    return Margin(strata, int(divisor or 1), int(told_by) if told_by else None)
