"""What a new vocabulary changes in a base: codes that get another target, domain, value, validity or status, and the
rows and persons that move between tables of the CDM.

The answer of a code on a day is a set of target, domain and value: a row moves when that set differs on its day. A
code whose status alone changes (mapped, then remapped to the same concept) moves nothing.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from pyarrow import csv

from snds_omop_assets.engines.duckdb_engine import one_row
from snds_omop_assets.errors import StoreError
from snds_omop_assets.io_managers.aside import written_aside
from snds_omop_assets.reception.report import number, plural
from snds_omop_assets.reception.store import said_of
from snds_omop_assets.vocabulary.coverage import (
    UNNAMED,
    domain_tables,
    formless,
    list_domains,
    rows_of,
    shown_to_sql,
)
from snds_omop_assets.vocabulary.shapes import Columns

SQL = Path(__file__).with_name("differences.sql")

JSON: Final = "vocabulary_differences.json"
CSV: Final = "vocabulary_differences.csv"

_SIDES: Columns = {
    f"{side}_{name}": (pa.string(), f"{said} with the {side} vocabulary; several are separated by a blank.")
    for name, said in (
        ("status", "Status"),
        ("target_concept_ids", "Targets"),
        ("domain_ids", "Domains"),
        ("value_concept_ids", "Values"),
    )
    for side in ("old", "new")
}

CHANGES: Columns = {
    "nomenclature": (pa.string(), "French list of codes (nomenclatures.csv)."),
    "code": (pa.string(), "Code as the store spells it; NULL where a rare code is not named."),
    "label": (pa.string(), "French label; NULL where nobody knows one."),
    "valid_start_date": (pa.date32(), "First day of events that are concerned."),
    "valid_end_date": (pa.date32(), "Last day of events that are concerned."),
    "changed": (pa.string(), "What changes, of `target`, `domain`, `value`, `validity` (other days) and `status`."),
    "outcome": (pa.string(), "`gained` (a target where there was none), `lost`, or `changed`."),
    **_SIDES,
    "old_tables": (pa.string(), "CDM tables of the events with the old vocabulary."),
    "new_tables": (pa.string(), "CDM tables of the events with the new vocabulary."),
    "moves": (pa.bool_(), "Target, domain or value differ: the rows move."),
    "rows": (pa.int64(), "Rows of the base that hold the code in this period."),
    "persons": (pa.int64(), "Different persons of these rows; NULL: hidden; 0: nobody tells them."),
}
"""Rows are codes of the base and periods of events for which the answers differ, those with the most rows first."""

MOVES: Columns = {
    "old_tables": (pa.string(), "CDM tables of the events with the old vocabulary."),
    "new_tables": (pa.string(), "CDM tables with the new one; the same ones: other concepts there."),
    "codes": (pa.int64(), "Different codes."),
    "rows": (pa.int64(), "Rows that move."),
    "persons": (pa.int64(), "Different persons of these rows; NULL: hidden; 0: nobody tells them."),
}
"""Rows are ways from tables of the CDM to tables of the CDM, those with the most rows first."""

_CHANGES_SQL = f"""
    SELECT l.nomenclature, CASE WHEN NOT unnamed THEN l.code END AS code,
           CASE WHEN unnamed THEN '{UNNAMED}' ELSE label END AS label, valid_start_date, valid_end_date,
           concat_ws(
               ', ',
               -- The same targets and values in other pairs are other targets.
               CASE WHEN other_targets OR (moves AND NOT other_domains AND NOT other_values) THEN 'target' END,
               CASE WHEN other_domains THEN 'domain' END,
               CASE WHEN other_values THEN 'value' END,
               CASE WHEN other_days THEN 'validity' END,
               CASE WHEN other_status THEN 'status' END
           ) AS changed,
           CASE WHEN old_side.targets = [0] AND new_side.targets <> [0] THEN 'gained'
                WHEN old_side.targets <> [0] AND new_side.targets = [0] THEN 'lost'
                ELSE 'changed' END AS outcome,
           array_to_string(old_side.statuses, ' ') AS old_status,
           array_to_string(new_side.statuses, ' ') AS new_status,
           array_to_string(old_side.targets, ' ') AS old_target_concept_ids,
           array_to_string(new_side.targets, ' ') AS new_target_concept_ids,
           array_to_string(old_side.domains, ' ') AS old_domain_ids,
           array_to_string(new_side.domains, ' ') AS new_domain_ids,
           array_to_string(list_filter(old_side.value_ids, lambda v: v <> 0), ' ') AS old_value_concept_ids,
           array_to_string(list_filter(new_side.value_ids, lambda v: v <> 0), ' ') AS new_value_concept_ids,
           old_tables, new_tables, moves, rows, CASE WHEN NOT differences_few(persons) THEN persons END AS persons
    FROM (
        SELECT l.*, f.code IS NOT NULL AND l.rare AS unnamed
        FROM differences_listed l
        LEFT JOIN differences_formless f ON f.nomenclature = l.nomenclature AND f.code = l.code
    ) l
    ORDER BY moves DESC, rows DESC, l.nomenclature, l.code, valid_start_date
"""

_MOVES_SQL = """
    SELECT old_tables, new_tables, codes, rows, CASE WHEN NOT differences_few(persons) THEN persons END AS persons
    FROM differences_moves ORDER BY rows DESC, old_tables, new_tables
"""


@dataclass(frozen=True)
class Differences:
    """What changes in a base between two vocabularies.

    Attributes:
        small_cell: counts of persons below this are hidden.
        changes: rows are codes and periods whose answers differ (CHANGES).
        moves: rows are ways between tables of the CDM (MOVES).
        codes: different codes whose answers differ.
        codes_moving: those of them of which a row moves.
        rows_moving: rows that move.
        persons_moving: different persons of these rows; None: hidden; 0: nobody tells them.
        base_rows: rows of the base that hold a code.
    """

    small_cell: int
    changes: pa.Table
    moves: pa.Table
    codes: int
    codes_moving: int
    rows_moving: int
    persons_moving: int | None
    base_rows: int

    def sentences(self) -> list[str]:
        """The summary in words: what changes, what moves, and where to."""
        if not self.codes:
            return ["No code of this base changes target, domain, value, validity or status."]
        told = [
            f"{number(self.codes)} {plural(self.codes, 'code of this base changes', 'codes of this base change')} "
            f"target, domain, value, validity or status."
        ]
        if not self.rows_moving:
            return [*told, "No row moves."]
        share = f" ({self.rows_moving / self.base_rows:.2%} of those that hold a code)" if self.base_rows else ""
        told.append(
            f"{number(self.rows_moving)} {plural(self.rows_moving, 'row')}{share} of "
            f"{persons_in_words(self.persons_moving, self.small_cell)} and "
            f"{number(self.codes_moving)} {plural(self.codes_moving, 'code')} "
            f"{plural(self.rows_moving, 'gets', 'get')} another target, domain or value."
        )
        for way in self.moves.to_pylist():
            if way["old_tables"] != way["new_tables"]:
                told.append(
                    f"{number(way['rows'])} {plural(way['rows'], 'row')} of "
                    f"{persons_in_words(way['persons'], self.small_cell)} "
                    f"{plural(way['rows'], 'moves', 'move')} from {way['old_tables']} to {way['new_tables']}."
                )
        return told

    def summary(self) -> dict[str, Any]:
        """All of it, in words that JSON has; the same differences give the same content."""
        return {
            "small_cell": self.small_cell,
            "summary": " ".join(self.sentences()),
            "codes": self.codes,
            "codes_moving": self.codes_moving,
            "rows_moving": self.rows_moving,
            "persons_moving": self.persons_moving,
            "base_rows": self.base_rows,
            "moves": self.moves.to_pylist(),
            "changes": [
                {**row, **{name: row[name].isoformat() for name in ("valid_start_date", "valid_end_date")}}
                for row in self.changes.to_pylist()
            ],
        }

    def to_json(self) -> str:
        """The summary as text."""
        return json.dumps(self.summary(), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def differences(
    connection: duckdb.DuckDBPyConnection,
    occurrences: str,
    old: pa.Table,
    new: pa.Table,
    source_codes: pa.Table,
    small_cell: int,
) -> Differences:
    """Find what changes for the codes of a base.

    A code that one of the answers does not tell on a day is unmapped there. Codes that the base does not have are left
    out; codes without a row in the period that changes have 0 rows.

    Args:
        connection: sees what `occurrences` reads, and has a folder to spill to.
        occurrences: a SELECT of place, nomenclature, code, event_date, person, amount (source_codes.occurrences_sql).
        old: the answers of one vocabulary (shapes.CODE_MAP).
        new: those of the other.
        source_codes: the codes of the base, with labels and rows (shapes.SOURCE_CODES).
        small_cell: counts of persons below this are hidden.
    """
    given = {
        "differences_old": old,
        "differences_new": new,
        "differences_codes": source_codes,
        "differences_lists": list_domains(),
        "differences_tables": domain_tables(),
    }
    with shown_to_sql(connection, "differences", occurrences, given, small_cell):
        connection.execute(SQL.read_text(encoding="utf-8"))
        few = connection.execute("SELECT DISTINCT nomenclature, code FROM differences_listed WHERE rare").fetchall()
        connection.register("differences_formless", formless(few))
        changes = rows_of(connection, _CHANGES_SQL, CHANGES)
        moves = rows_of(connection, _MOVES_SQL, MOVES)
        codes, codes_moving = one_row(
            connection,
            "SELECT count(DISTINCT (nomenclature, code)), count(DISTINCT (nomenclature, code)) "
            "FILTER (moves AND rows > 0) FROM differences_listed",
        )
        persons, base_rows = one_row(connection, "SELECT persons, base_rows FROM differences_whole")
        connection.unregister("differences_formless")
    rows_moving = sum(moves["rows"].to_pylist())
    return Differences(small_cell, changes, moves, codes, codes_moving, rows_moving, persons, base_rows)


def write_differences(found: Differences, folder: Path) -> Sequence[Path]:
    """Write `vocabulary_differences.json`, and the changed codes as `vocabulary_differences.csv`.

    Each file is written whole or not at all.

    Returns:
        The JSON file and the CSV file.

    Raises:
        StoreError: a file cannot be written.
    """
    as_json, as_csv = folder / JSON, folder / CSV
    try:
        with written_aside(as_json) as partial:
            partial.write_text(found.to_json(), encoding="utf-8")
        with written_aside(as_csv) as partial:
            csv.write_csv(found.changes, partial)
    except OSError as error:
        raise StoreError(said_of(error, folder)) from None
    return as_json, as_csv


def persons_in_words(persons: int | None, small_cell: int) -> str:
    """A count of persons that may be hidden."""
    if persons is None:
        return "persons (their number is hidden, it or a part of it being small)"
    return f"{number(persons)} {plural(persons, 'person')}" if persons else "an unknown number of persons"
