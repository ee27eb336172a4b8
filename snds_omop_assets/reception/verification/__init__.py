"""The verification of received tables: what an expert looks at before using a delivery, as findings.

What a receipt tells is read there, without looking at the data (receipts.py). The rest is SQL: on the rows
of one table (rows.py), on keys and parents (links.py), on the patients of several tables
(patients.py). Thresholds are those of the contract. No finding holds an identifier or a value of a person;
counts of rows are exact.

The checks come from the HDH documentation (2024) and from SCALPEL's statistics: see docs/reception.md.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import duckdb

from snds_omop_assets.contracts.nomenclatures import known_codes
from snds_omop_assets.contracts.pmsi import RETURN_CODES
from snds_omop_assets.contracts.snds_tables import FLOW_MONTH, SndsTable
from snds_omop_assets.engines.duckdb_engine import kept_duckdb
from snds_omop_assets.reception.findings import Finding
from snds_omop_assets.reception.store import Store
from snds_omop_assets.reception.verification import links as by_links
from snds_omop_assets.reception.verification import receipts as by_receipt
from snds_omop_assets.reception.verification import rows as by_rows
from snds_omop_assets.reception.verification.patients import PATIENTS, patients_findings
from snds_omop_assets.reception.verification.rows import OLDER_STATES, Result, Subject

PMSI = frozenset({"mco", "ssr", "had", "rip"})
"""The products of the hospital data."""

STAYS_OVER_YEARS = frozenset({"ssr", "had", "rip"})
"""Products whose stays run over years, and are repeated in the file of each year (HDH documentation)."""


def verify_table(
    store: Store,
    tables: Mapping[str, SndsTable],
    name: str,
    years: Sequence[int] | None = None,
    checks: Collection[str] | None = None,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> list[Finding]:
    """Verify what is stored of a table, each year by itself.

    Args:
        store: the received tables.
        tables: the contracts of the layout.
        name: official name of the table.
        years: these years only; None for all.
        checks: these checks only; None for all that apply.
        connection: a DuckDB that looks at several tables; None opens one.

    Returns:
        One finding per year and check, in the order of CHECKS; none where nothing is stored.
    """
    table = tables[name]
    received, whole = store.table(table, years), store.table(table)
    if received is None or whole is None:
        return []
    found = []
    with kept_duckdb(store.spill) if connection is None else nullcontext(connection) as opened:
        for place in received.places:
            if (receipt := place.receipt) is None:
                continue
            subject = Subject(store, tables, table, place, receipt, whole.receipts, opened)
            for check in checks_of(table):
                # Without its files, a table is not accounted for, and there is nothing else to say.
                if (checks is None or check in checks) and (subject.parts or check == "rows_are_accounted"):
                    status, sentence, figures = _CHECKS[check].run(subject)
                    found.append(Finding(check, name, place.year, status, sentence, figures))
    return found


def verify_patients(store: Store, tables: Mapping[str, SndsTable], small_cell: int = 11) -> list[Finding]:
    """Compare the patients of DCIR, PMSI, long-term diseases and IR_BEN_R, over all years.

    Args:
        store: the received tables.
        tables: the contracts of the layout.
        small_cell: counts of persons below this are not shown.

    Returns:
        One finding per comparison, of no table and no year; none where no patient is stored.
    """
    return patients_findings(store, tables, small_cell)


def checks_of(table: SndsTable) -> list[str]:
    """The checks that apply to a table by its contract."""
    return [name for name, check in _CHECKS.items() if check.applies(table)]


@dataclass(frozen=True)
class _Check:
    """A check: what passes, the tables to which it applies, how it runs, and whether it can say unusable."""

    passes: str
    applies: Callable[[SndsTable], bool]
    run: Callable[[Subject], Result]
    blocking: bool = False


def _any_table(_: SndsTable) -> bool:
    return True


_CHECKS: Mapping[str, _Check] = {
    "has_rows": _Check("The table has at least one row, unless it may be empty.", _any_table, by_receipt.has_rows),
    "rows_are_accounted": _Check(
        "Every row of every file is stored, in the quarantine, or a duplicate that was removed.",
        _any_table, by_rows.rows_are_accounted, blocking=True,
    ),
    "key_is_unique": _Check(
        "No two rows have the same key.", lambda table: bool(table.key), by_links.key_is_unique, blocking=True
    ),
    "parents_exist": _Check(
        "Every row has its row in the parent table of the same year.",
        lambda table: table.parent is not None, by_links.parents_exist, blocking=True,
    ),
    "one_to_one": _Check(
        "Every row of the parent table has exactly one row here.",
        lambda table: table.one_to_one, by_links.one_to_one, blocking=True,
    ),
    "flow_months": _Check(
        "No month of flow is missing, and every flow is the first of a month of the file's year.",
        lambda table: table.month == FLOW_MONTH, by_rows.flow_months, blocking=True,
    ),
    "delays": _Check(
        "Care begins before the flow that brings it.",
        lambda table: {"EXE_SOI_DTD", FLOW_MONTH} <= table.columns.keys(), by_rows.delays,
    ),
    "care_year": _Check(
        "Hospital care ends in the year of its file.",
        lambda table: table.product in PMSI - STAYS_OVER_YEARS and "EXE_SOI_DTF" in table.columns, by_rows.care_year,
        blocking=True,
    ),
    "return_codes": _Check(
        "The return codes of the chaining of hospital patients are all 0 in most rows.",
        lambda table: table.product in PMSI and any(name in table.columns for name in RETURN_CODES),
        by_rows.return_codes,
    ),
    "negative_lines": _Check(
        "There are corrections (negative quantities), and not too many.",
        lambda table: table.name == "ER_PRS_F" and by_receipt.QUANTITY in table.columns, by_receipt.negative_lines,
    ),
    "certified_nir": _Check(
        "Most beneficiaries have a certified NIR.",
        lambda table: table.name in OLDER_STATES and "BEN_CDI_NIR" in table.columns, by_receipt.certified_nir,
    ),
    "communes": _Check(
        "The commune of residence is known in most rows.",
        lambda table: "BEN_RES_COM" in table.columns, by_rows.communes,
    ),
    "dates_not_given": _Check(
        "Care has a date.",
        lambda table: any(name in table.columns for name in by_receipt.CARE_DATES), by_receipt.dates_not_given,
    ),
    "rejects": _Check(
        "Few values are wrong and few rows are set aside.", _any_table, by_receipt.rejects, blocking=True
    ),
    "nomenclatures": _Check(
        "Codes are those of their nomenclatures.",
        lambda table: any(column.nomenclature in known_codes() for column in table.columns.values()),
        by_receipt.nomenclatures,
    ),
    "volumes": _Check(
        "No month has far fewer or far more rows than the median month.",
        lambda table: table.month is not None, by_receipt.volumes,
    ),
    "files": _Check(
        "The files are those of the delivery before, each once, and without repeated headers or rows.",
        _any_table, by_receipt.files,
    ),
    "drift": _Check("Little changed since the delivery before, or the year before.", _any_table, by_receipt.drift),
}  # fmt: skip

CHECKS: Mapping[str, str] = {
    **{name: check.passes for name, check in _CHECKS.items()},
    PATIENTS: "The patients of the care are those of IR_BEN_R, and hospital patients have care in town.",
}
"""What passes each check, by its name."""

BLOCKING: frozenset[str] = frozenset({PATIENTS, *(name for name, check in _CHECKS.items() if check.blocking)})
"""The checks that can find a table unusable."""
