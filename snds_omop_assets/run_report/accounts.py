"""What the warehouse holds, counted: the ledger by table and by rule, the rows of the CDM by year, the vocabularies."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.contracts.contract_files import official_tables
from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.io_managers.parts import PartsTable
from snds_omop_assets.io_managers.stored import CsvTable, ParquetTable
from snds_omop_assets.quality.ledger import ledger_rules
from snds_omop_assets.quality.ledger_assets import BUCKETS
from snds_omop_assets.reception.store import Store
from snds_omop_assets.vocabulary.coverage_report import JSON as COVERAGE
from snds_omop_assets.vocabulary.nomenclatures import nomenclatures

LEDGER_FILE = Path("quality", "ledger.parquet")
COVERAGE_FILE = Path("vocabulary", COVERAGE)
KEPT = "loaded"
"""The bucket of the rows that the CDM is made of; all others are lost to it, each for its reason."""


@dataclass(frozen=True)
class SourceRows:
    """The delivered rows of a table by what became of them; `buckets` add up to `rows`."""

    table: str
    rows: int
    buckets: Mapping[str, int]


@dataclass(frozen=True)
class RuleRows:
    """How many rows ended by a rule, and in which tables, those with the most rows first."""

    rule: str
    bucket: str
    rows: int
    sentence: str
    source: str
    tables: Mapping[str, int]


@dataclass(frozen=True)
class Unbalanced:
    """A table of which the ledger has other rows than reception read."""

    table: str
    delivered: int
    accounted: int


@dataclass(frozen=True)
class Accounts:
    """The ledger, added up.

    Attributes:
        rows: of all delivered files.
        buckets: rows by bucket, in the order of BUCKETS.
        sources: by table, that with the most rows first.
        rules: that with the most rows first.
        differences: tables of which the sums are not the rows that reception read.
    """

    rows: int
    buckets: Mapping[str, int]
    sources: Sequence[SourceRows]
    rules: Sequence[RuleRows]
    differences: Sequence[Unbalanced]

    @property
    def lost(self) -> Sequence[RuleRows]:
        """The rules by which rows do not reach the CDM."""
        return [rule for rule in self.rules if rule.bucket != KEPT]


@dataclass(frozen=True)
class TableRows:
    """The rows of a CDM table; `years` has those of each year of care, where the table is cut by year."""

    table: str
    rows: int
    years: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ListRows:
    """The rows that hold a code of a list: how many have a standard concept, how many need none by decision."""

    nomenclature: str
    title: str
    codes: int
    rows: int
    mapped: int
    decided: int


@dataclass(frozen=True)
class Vocabularies:
    """The newest coverage report, in short."""

    version: str
    summary: str
    lists: Sequence[ListRows]

    @property
    def share(self) -> float | None:
        """Share of the rows with a code that have a standard concept; None where no row has a code."""
        rows = sum(one.rows for one in self.lists)
        return sum(one.mapped for one in self.lists) / rows if rows else None


def accounts(warehouse: Path) -> Accounts | None:
    """The ledger that the asset `quality/ledger` wrote, added up; None where there is none.

    Raises:
        OSError, pa.ArrowException: the file cannot be read.
    """
    file = warehouse / LEDGER_FILE
    return added_up(pq.read_table(file), delivered_rows(warehouse)) if file.exists() else None


def added_up(ledger: pa.Table, delivered: Mapping[str, int]) -> Accounts:
    """Add up a ledger.

    Args:
        ledger: rows as in quality.ledger.LEDGER.
        delivered: rows that reception read, by table.
    """
    known = ledger_rules()
    by_table: dict[str, Counter[str]] = {}
    by_rule: dict[tuple[str, str], Counter[str]] = {}
    for row in ledger.to_pylist():
        table, rule, bucket, rows = row["source_table"], row["rule"], row["bucket"], row["row_count"]
        by_table.setdefault(table, Counter())[bucket] += rows
        by_rule.setdefault((rule, bucket), Counter())[table] += rows
    sums: Counter[str] = Counter()
    for counts in by_table.values():
        sums.update(counts)
    names = [*BUCKETS, *sorted(set(sums) - set(BUCKETS))]
    sources = [SourceRows(t, c.total(), {b: c[b] for b in names if c[b]}) for t, c in by_table.items()]
    rules = [
        RuleRows(
            rule,
            bucket,
            counts.total(),
            known[rule].sentence if rule in known else "ledger_rules.csv does not have this rule",
            known[rule].source if rule in known else "",
            dict(counts.most_common()),
        )
        for (rule, bucket), counts in by_rule.items()
    ]
    told = {source.table: source.rows for source in sources}
    differences = [
        Unbalanced(table, delivered.get(table, 0), told.get(table, 0))
        for table in sorted({*told, *delivered})
        if delivered.get(table, 0) != told.get(table, 0)
    ]
    return Accounts(
        rows=sums.total(),
        buckets={name: sums[name] for name in names if sums[name]},
        sources=sorted(sources, key=lambda one: (-one.rows, one.table)),
        rules=sorted(rules, key=lambda one: (-one.rows, one.rule)),
        differences=differences,
    )


def delivered_rows(warehouse: Path) -> dict[str, int]:
    """The rows of the files of each received table, as reception read them."""
    store, found = Store(warehouse), {}
    for contract in official_tables().values():
        if (table := store.table(contract)) is not None:
            found[table.name] = sum(receipt.rows for receipt in table.receipts)
    return found


def delivered_years(warehouse: Path) -> list[int]:
    """The years of the files of the received tables."""
    store = Store(warehouse)
    tables = (store.table(contract) for contract in official_tables().values())
    found = {receipt.year for table in tables if table is not None for receipt in table.receipts}
    return sorted(year for year in found if year is not None)


def cdm_rows(warehouse: Path) -> tuple[list[TableRows], list[str]]:
    """The rows of the CDM tables that a warehouse has, by year of care; and the tables whose file cannot be read."""
    found, unread = [], []
    for table in cdm_tables():
        try:
            if (one := _rows_of(warehouse / "omop", table)) is not None:
                found.append(one)
        except (OSError, pa.ArrowException, sqlite3.Error, duckdb.Error, SndsOmopError):
            unread.append(table)
    return found, unread


def _rows_of(folder: Path, table: str) -> TableRows | None:
    """Footers of Parquet tell their rows; a CSV file is read."""
    parquet, csv, sqlite = (folder / f"{table}.{suffix}" for suffix in ("parquet", "csv", "sqlite"))
    if parquet.is_dir():
        parts = sorted(part.name for part in parquet.iterdir() if part.is_dir() and part.name[0] not in "._")
        years = {part: PartsTable(parquet).part(part).rows for part in parts}
        return TableRows(table, PartsTable(parquet).rows, years)
    if parquet.exists():
        return TableRows(table, ParquetTable(parquet).rows)
    if csv.exists():
        stored = CsvTable(csv)
        return TableRows(table, sum(batch.num_rows for batch in stored.batches(stored.schema.names[:1])))
    if sqlite.exists():
        with closing(sqlite3.connect(f"file:{sqlite}?mode=ro", uri=True)) as connection:
            return TableRows(table, int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]))
    return None


def vocabularies(warehouse: Path) -> Vocabularies | None:
    """The newest coverage report of a warehouse, in short; None where there is none.

    Raises:
        OSError, ValueError, KeyError, TypeError: the file cannot be read, or is no such report.
    """
    file = warehouse / COVERAGE_FILE
    if not file.exists():
        return None
    told = json.loads(file.read_text(encoding="utf-8"))
    titles = {name: one.title for name, one in nomenclatures().items()}
    lists = [
        ListRows(
            nomenclature=str(one["nomenclature"]),
            title=titles.get(one["nomenclature"], ""),
            codes=int(one["codes"]),
            rows=int(one["rows"]),
            mapped=int(one["rows_mapped"]) + int(one["rows_remapped"]),
            decided=int(one["rows_decided"]),
        )
        for one in told["lists"]
    ]
    return Vocabularies(str(told["version"]), str(told["summary"]), sorted(lists, key=lambda one: -one.rows))
