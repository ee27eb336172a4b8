"""How much of a base has a standard concept: codes, rows, persons and amounts by what became of the code.

Two passes over the rows (coverage.sql) count them by code and by person; everything else is made of these counts.
Counts of persons below the small cell are hidden, and so is what would give them away: the other half of a whole, the
sum of a list, and the amounts of so few persons. Counts of rows and of codes are exact.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from snds_omop_assets.vocabulary.nomenclatures import nomenclatures
from snds_omop_assets.vocabulary.resolve import DAY
from snds_omop_assets.vocabulary.shapes import SOURCE_CODES, STATUSES, Columns, schema_of

SQL = Path(__file__).with_name("coverage.sql")

DOMAIN_TABLES: Final[Mapping[str, str]] = {
    "Condition": "condition_occurrence",
    "Drug": "drug_exposure",
    "Procedure": "procedure_occurrence",
    "Device": "device_exposure",
    "Measurement": "measurement",
    "Meas Value": "measurement",
    "Observation": "observation",
    "Specimen": "specimen",
    "Visit": "visit_occurrence",
    "Gender": "person",
    "Provider": "provider",
}
"""The CDM table that a concept's domain leads to (OMOP CDM v5.4)."""

PRECISIONS: Final = ("code", "trimmed", "pack", "ingredient")
ORIGINS: Final = ("user_map", "vocabulary", "project_map")

UNNAMED: Final = "(codes not of the form of this list)"
"""Stands for rare codes that do not look like codes of their list: where columns are shifted they may be pseudonyms."""

_BY_STATUS: Columns = {
    f"{what}_{status}": (kind, f"{said} {status}.")
    for what, kind, said in (
        ("codes", pa.int64(), "Of these codes:"),
        ("rows", pa.int64(), "Of these rows:"),
        ("persons", pa.int64(), "Persons whose worst row is"),
        ("amount", pa.float64(), "Of this amount:"),
    )
    for status in STATUSES
}

GROUPS: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "place": (pa.string(), "TABLE.COLUMN; NULL for the whole list."),
    "codes": (pa.int64(), "Different codes; each counts once, by the worst of its rows."),
    **{name: told for name, told in _BY_STATUS.items() if name.startswith("codes")},
    "codes_decided": (pa.int64(), "Of the unmapped codes: a map says that there is no concept."),
    "rows": (pa.int64(), "Rows that hold a code."),
    **{name: told for name, told in _BY_STATUS.items() if name.startswith("rows")},
    "rows_decided": (pa.int64(), "Of the unmapped rows: a map says that there is no concept."),
    **{f"rows_{name}": (pa.int64(), f"Rows with a target, of precision {name}.") for name in PRECISIONS},
    **{f"rows_{name}": (pa.int64(), f"Rows with a target, from the {name.replace('_', ' ')}.") for name in ORIGINS},
    "persons": (pa.int64(), "Different persons; NULL: hidden; 0: nobody tells them."),
    "persons_with_target": (pa.int64(), "Persons all of whose rows have a target; NULL: hidden."),
    "persons_without_target": (pa.int64(), "Persons with one row at least without a target; NULL: hidden."),
    **{name: told for name, told in _BY_STATUS.items() if name.startswith("persons")},
    "amount": (pa.float64(), "Sum of the amounts; NULL: unknown, or hidden (of few persons)."),
    "amount_with_target": (pa.float64(), "Of rows with a target."),
    "amount_without_target": (pa.float64(), "Of rows without a target."),
    **{name: told for name, told in _BY_STATUS.items() if name.startswith("amount")},
    "amount_hidden": (pa.bool_(), "Amounts are known, and (some of them) hidden."),
}
"""Rows are lists of codes (place NULL), and the columns where codes of a list stand."""

ROUTES: Columns = {
    "nomenclature": (pa.string(), "French list of codes."),
    "cdm_table": (
        pa.string(),
        "CDM table that the domain of the (first) target leads to; without target, of the list.",
    ),
    "rows": (pa.int64(), "Rows that go there."),
    "rows_with_target": (pa.int64(), "Those with a concept other than 0."),
}
"""Rows are ways from a list of codes into a CDM table."""

UNMAPPED_CODES: Columns = {
    "nomenclature": (pa.string(), "French list of codes."),
    "code": (pa.string(), "Code as the store spells it; NULL where rare codes are not named."),
    "label": (pa.string(), "French label; NULL where nobody knows one."),
    "status": (pa.string(), "`unmapped` or `rejected`."),
    "decided": (pa.bool_(), "A map says that there is no concept: nothing is left to do."),
    "codes": (pa.int64(), "1; more where rare codes are not named."),
    "rows": (pa.int64(), "Rows without a target."),
    "persons": (pa.int64(), "Different persons of these rows; NULL: hidden; 0: nobody tells them."),
    "amount": (pa.float64(), "Sum of their amounts; NULL: unknown, or hidden (of few persons)."),
    "places": (pa.string(), "The columns where it stands, as TABLE.COLUMN, in order."),
}
"""Rows are codes that have no target on some day of the base; those to work on first, the most frequent first."""

_UNMAPPED_SQL = f"""
    WITH told AS (
        SELECT l.*, s.label, m.code IS NOT NULL AND l.rare AS unnamed
        FROM coverage_lacking l
        LEFT JOIN (SELECT nomenclature, code, max(label) AS label FROM coverage_labels GROUP BY nomenclature, code) s
          ON s.nomenclature = l.nomenclature AND s.code = l.code
        LEFT JOIN coverage_formless m ON m.nomenclature = l.nomenclature AND m.code = l.code
    ), lines AS (
        SELECT nomenclature, CASE WHEN NOT unnamed THEN code END AS code,
               CASE WHEN unnamed THEN '{UNNAMED}' ELSE any_value(label) END AS label,
               status, decided, count(*) AS codes,
               sum(rows)::BIGINT AS rows,
               CASE WHEN count(*) = 1 THEN any_value(persons) ELSE 1 END AS persons,
               sum(amount) AS amount,
               array_to_string(list_sort(list_distinct(flatten(list(places)))), ' ') AS places
        FROM told
        GROUP BY nomenclature, CASE WHEN NOT unnamed THEN code END, unnamed, status, decided
    ), judged AS (
        SELECT *, coverage_few(persons) AS hidden,
               amount IS NOT NULL AND coverage_few(CASE WHEN persons = 0 THEN rows ELSE persons END) AS hide_amount
        FROM lines
    ), twins AS (
        -- An amount that alone is hidden in a list would come back from the sum: the next smallest goes with it.
        SELECT *, sum(hide_amount::INTEGER) OVER (PARTITION BY nomenclature) AS hidden_amounts,
               row_number() OVER (
                   PARTITION BY nomenclature, hide_amount OR amount IS NULL ORDER BY rows, code, status
               ) AS smallest
        FROM judged
    )
    SELECT nomenclature, code, label, status, decided, codes, rows,
           CASE WHEN NOT hidden THEN persons END AS persons,
           CASE WHEN NOT (hide_amount OR (hidden_amounts = 1 AND smallest = 1)) THEN amount END::DOUBLE AS amount,
           places
    FROM twins
    ORDER BY decided, rows DESC, nomenclature, code NULLS LAST, status
"""


@dataclass(frozen=True)
class Coverage:
    """What became of the codes of a base.

    Attributes:
        small_cell: counts of persons below this are hidden.
        groups: rows are lists of codes and the columns where they stand (GROUPS).
        routes: rows are ways from a list into a CDM table (ROUTES).
        unmapped: rows are codes without a target (UNMAPPED_CODES).
    """

    small_cell: int
    groups: pa.Table
    routes: pa.Table
    unmapped: pa.Table

    def lists(self) -> list[dict[str, Any]]:
        """The figures of the whole lists, the one with the most rows first."""
        rows = [row for row in self.groups.to_pylist() if row["place"] is None]
        return sorted(rows, key=lambda row: (-row["rows"], row["nomenclature"]))

    def places(self, nomenclature: str) -> list[dict[str, Any]]:
        """The figures of the columns of a list, the one with the most rows first."""
        rows = [row for row in self.groups.to_pylist() if row["place"] and row["nomenclature"] == nomenclature]
        return sorted(rows, key=lambda row: (-row["rows"], row["place"]))

    def to_map(self) -> pa.Table:
        """The codes that somebody should map (SOURCE_CODES): those named, unless a map decided that there is none.

        A code that is unmapped on some days and rejected on others is one line.
        """
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self.unmapped.to_pylist():
            if row["code"] is not None and not row["decided"]:
                line = found.setdefault((row["nomenclature"], row["code"]), {**row, "rows": 0, "places": ""})
                line["rows"] += row["rows"]
                line["places"] = " ".join(sorted({*line["places"].split(), *row["places"].split()}))
        lines = sorted(found.values(), key=lambda line: (-line["rows"], line["nomenclature"], line["code"]))
        schema = schema_of(SOURCE_CODES)
        return pa.Table.from_pylist([{name: line[name] for name in schema.names} for line in lines], schema)

    def figures(self) -> dict[str, int | float]:
        """The sums over all lists, for the UI."""
        lists = self.lists()
        sums = {
            name: sum(row[name] for row in lists)
            for name in ("codes", "rows", *(f"rows_{status}" for status in STATUSES), "rows_decided")
        }
        share = share_of(sums, "rows")
        told = {name.replace("_", " "): count for name, count in sums.items()}
        return told if share is None else {**told, "share of rows with a concept": round(share, 4)}

    def summary(self) -> dict[str, Any]:
        """All that the tables say, in words that JSON has; the same coverage gives the same content."""
        return {
            "small_cell": self.small_cell,
            **{name.replace(" ", "_"): value for name, value in self.figures().items()},
            "lists": [
                {**_told(row), "places": [_told(place) for place in self.places(row["nomenclature"])]}
                for row in self.lists()
            ],
            "cdm_tables": self.routes.to_pylist(),
            "unmapped": self.unmapped.to_pylist(),
        }

    def to_json(self) -> str:
        """The summary as text."""
        return json.dumps(self.summary(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def coverage(
    connection: duckdb.DuckDBPyConnection,
    occurrences: str,
    code_map: pa.Table,
    source_codes: pa.Table,
    small_cell: int,
    maps: pa.Table | None = None,
) -> Coverage:
    """Count what became of the codes of a base.

    A row is counted by the first target of its code on its day (the last day that OMOP knows where it has none), so
    that one-to-many does not multiply rows. A code that `code_map` does not know is unmapped.

    Args:
        connection: sees what `occurrences` reads, and has a folder to spill to.
        occurrences: a SELECT of place, nomenclature, code, event_date, person, amount (source_codes.occurrences_sql).
        code_map: the answers (shapes.CODE_MAP).
        source_codes: labels of the codes (shapes.SOURCE_CODES).
        small_cell: counts of persons below this are hidden.
        maps: lines of maps (shapes.MAP_LINES); a code for which they say 0 is decided: it needs no concept.
    """
    given = {
        "coverage_map": code_map,
        "coverage_labels": source_codes.select(["nomenclature", "code", "label"]),
        "coverage_decided": _decided(maps),
        "coverage_lists": list_domains(),
        "coverage_tables": domain_tables(),
    }
    with shown_to_sql(connection, "coverage", occurrences, given, small_cell):
        connection.execute(SQL.read_text(encoding="utf-8"))
        few = connection.execute("SELECT DISTINCT nomenclature, code FROM coverage_lacking WHERE rare").fetchall()
        connection.register("coverage_formless", formless(few))
        queries = (
            ("SELECT * FROM coverage_groups", GROUPS),
            ("SELECT * FROM coverage_routes", ROUTES),
            (_UNMAPPED_SQL, UNMAPPED_CODES),
        )
        tables = [rows_of(connection, sql, columns) for sql, columns in queries]
        connection.unregister("coverage_formless")
    return Coverage(small_cell, *tables)


def share_of(row: Mapping[str, Any], what: str) -> float | None:
    """The share of rows, codes, persons or amount that has a target; None where it is unknown or hidden.

    Of persons: all of whose rows have a target.
    """
    if what in ("persons", "amount"):
        part, whole = row[f"{what}_with_target"], row[what]
    else:
        part, whole = row[f"{what}_mapped"] + row[f"{what}_remapped"], row[what]
    return None if part is None or not whole else float(part / whole)


def domain_tables() -> pa.Table:
    """DOMAIN_TABLES as rows."""
    return pa.table({"domain_id": [*DOMAIN_TABLES], "cdm_table": [*DOMAIN_TABLES.values()]})


def list_domains() -> pa.Table:
    """Rows are lists of codes, with the domain of an event without target."""
    lists = nomenclatures()
    return pa.table({"nomenclature": [*lists], "domain": [one.domain for one in lists.values()]})


def formless(codes: Iterable[tuple[str, str]]) -> pa.Table:
    """Those of these pairs of nomenclature and code whose text has not the form of its list."""
    lists = nomenclatures()
    found = [(name, code) for name, code in codes if name not in lists or lists[name].local_id(code) == 0]
    return pa.table(
        {
            "nomenclature": pa.array([name for name, _ in found], pa.string()),
            "code": pa.array([code for _, code in found], pa.string()),
        }
    )


@contextmanager
def shown_to_sql(
    connection: duckdb.DuckDBPyConnection,
    prefix: str,
    occurrences: str,
    tables: Mapping[str, pa.Table],
    small_cell: int,
) -> Iterator[None]:
    """Show tables and the rows to the SQL of a model, and take away afterwards what carries the model's prefix."""
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute(f"SET VARIABLE small_cell = {int(small_cell)}")
    connection.execute(f"CREATE OR REPLACE TEMP MACRO answer_day(day) AS {DAY.format('day')}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {prefix}_occurrences AS {occurrences}")
    try:
        yield
    finally:
        made = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE temporary AND starts_with(table_name, ?)", [f"{prefix}_"]
        )
        for (name,) in made.fetchall():
            connection.execute(f'DROP TABLE "{name}"')
        connection.execute(f"DROP VIEW {prefix}_occurrences")
        for name in tables:
            connection.unregister(name)


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, columns: Columns) -> pa.Table:
    """The result of a SELECT, with the columns of one of the project's own tables."""
    schema = schema_of(columns)
    return connection.sql(sql).to_arrow_table().select(schema.names).cast(schema)


def _decided(maps: pa.Table | None) -> pa.Table:
    """The codes for which a map says that there is no concept."""
    rows = [] if maps is None else maps.select(["nomenclature", "code", "concept_id"]).to_pylist()
    found = sorted({(row["nomenclature"], row["code"]) for row in rows if row["concept_id"] == 0})
    return pa.table(
        {
            "nomenclature": pa.array([name for name, _ in found], pa.string()),
            "code": pa.array([code for _, code in found], pa.string()),
        }
    )


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a group, with its shares."""
    shares = {what: share_of(row, what) for what in ("codes", "rows", "persons", "amount")}
    return {**row, "mapped_share": {what: None if s is None else round(s, 6) for what, s in shares.items()}}
