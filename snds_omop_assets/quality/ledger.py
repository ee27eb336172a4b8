"""The ledger: every row of every delivered file ends by exactly one rule.

Each step counts the rows that end with it (COUNTS); here they are added up and compared with what reception read.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_connection, parquet_rows
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.preparation.persons_and_places import COUNTED, PERSON_TABLES
from snds_omop_assets.preparation.prepared_years import KINDS
from snds_omop_assets.preparation.referentials import REFERENTIAL_TABLES
from snds_omop_assets.reception.receipt import Receipt
from snds_omop_assets.reception.store import Store
from snds_omop_assets.settings import Settings

RULES = Path(__file__).with_name("ledger_rules.csv")

LEDGER = {
    "source_table": (pa.string(), "SNDS table."),
    "file_year": (pa.int64(), "Year of the delivered file; NULL where the table comes whole."),
    "rule": (pa.string(), "By which rule the rows end."),
    "bucket": (pa.string(), "loaded, netted, duplicate, filtered, quarantined, waiting or unused."),
    "row_count": (pa.int64(), "How many rows."),
}
"""Rows are numbers of delivered rows by table, year of the file and rule."""

NOT_READ, REFERENCE, WAITING = "not_converted", "reference", "year_not_converted"
SET_ASIDE, DUPLICATE = "set_aside", "duplicate_row"

REFERENCES = ("IR_PHA_R", "IR_SPE_V", "IR_ACT_V", "IR_NAT_V", "BE_IDE_R", "T_MCO_E", "T_SSR_E", "T_HAD_E", "T_RIP_E")
"""Tables that models look up, row by row or not at all."""


@dataclass(frozen=True)
class LedgerRule:
    """A rule by which source rows end.

    Attributes:
        rule: its id.
        bucket: where such rows are.
        sentence: why, for people.
        source: who says so.
    """

    rule: str
    bucket: str
    sentence: str
    source: str


@cache
def ledger_rules() -> Mapping[str, LedgerRule]:
    """Every rule by its id, in the order of ledger_rules.csv."""
    with RULES.open(encoding="utf-8", newline="") as lines:
        return {row["rule"]: LedgerRule(**row) for row in csv.DictReader(lines)}


@dataclass(frozen=True)
class Difference:
    """A table and year whose rules do not add up to its rows."""

    source_table: str
    file_year: int | None
    delivered: int
    counted: int


@dataclass(frozen=True)
class Ledger:
    """The ledger of a warehouse.

    Attributes:
        table: rows as in LEDGER.
        differences: where the sums are not the rows that came in.
        pending: years of care that were not converted, or not since rows of them came.
        unknown: rules that ledger_rules.csv does not have.
    """

    table: pa.Table
    differences: tuple[Difference, ...]
    pending: tuple[int, ...]
    unknown: tuple[str, ...]


def ledger(settings: Settings) -> Ledger:
    """Add up what became of every delivered row of a warehouse.

    Raises:
        StoreError: a manifest of the store cannot be read.
        EngineError: a file cannot be read.
    """
    conversion = Conversion.of_files(settings)
    pending = tuple(conversion.pending())
    counted = _counted(conversion)
    facts = {name for kind in KINDS for name in kind.tables}
    read = {*facts, *REFERENTIAL_TABLES, *PERSON_TABLES}
    rows: list[tuple[str, int | None, str, int]] = []
    differences: list[Difference] = []
    for receipt in _receipts(settings):
        place = (receipt.table, receipt.year)
        told = dict(counted.pop(place, {}))
        if receipt.table in REFERENCES:
            told = {REFERENCE: receipt.stored}
        elif receipt.table not in read:
            told = {NOT_READ: receipt.stored}
        elif receipt.table in facts and pending and (waiting := receipt.stored - sum(told.values())) > 0:
            told[WAITING] = waiting
        told |= {SET_ASIDE: receipt.set_aside, DUPLICATE: receipt.duplicates}
        if (total := sum(told.values())) != receipt.rows:
            differences.append(Difference(receipt.table, receipt.year, receipt.rows, total))
        rows += [(*place, rule, count) for rule, count in told.items() if count]
    for (name, year), told in counted.items():
        differences.append(Difference(name, year, 0, sum(told.values())))
    rules = ledger_rules()
    unknown = tuple(sorted({rule for *_, rule, _ in rows} - set(rules)))
    columns = zip(
        *((t, y, rule, rules[rule].bucket if rule in rules else "?", n) for t, y, rule, n in rows), strict=True
    )
    arrays = [pa.array(c, kind) for c, (kind, _) in zip(columns, LEDGER.values(), strict=True)]
    table = pa.table(dict(zip(LEDGER, arrays, strict=True))) if rows else _schema().empty_table()
    return Ledger(
        table.sort_by([("source_table", "ascending"), ("file_year", "ascending"), ("rule", "ascending")]),
        tuple(differences),
        pending,
        unknown,
    )


def _schema() -> pa.Schema:
    return pa.schema([(name, kind) for name, (kind, _) in LEDGER.items()])


def _counted(conversion: Conversion) -> dict[tuple[str, int | None], dict[str, int]]:
    """Rows by rule, of each table and year, as the steps counted them."""
    files = conversion.prepared_files("counts") + conversion.files("counts")
    files += sorted((conversion.warehouse / "prepared" / COUNTED).rglob("*.parquet"))
    found: dict[tuple[str, int | None], dict[str, int]] = {}
    if not files:
        return found
    with duckdb_connection() as connection:
        sql = f"SELECT source_table, file_year, rule, sum(row_count)::BIGINT FROM {parquet_rows(files)} GROUP BY ALL"
        for table, year, rule, count in connection.execute(sql).fetchall():
            found.setdefault((table, year), {})[rule] = count
    return found


def _receipts(settings: Settings) -> list[Receipt]:
    """What reception stored, by table and year."""
    store = Store(settings.warehouse)
    tables = (store.table(contract) for contract in official_tables().values())
    return [receipt for table in tables if table is not None for receipt in table.receipts]
