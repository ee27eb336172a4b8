"""Judging the CDM tables of a warehouse of ours with OHDSI's checks, all years or some.

Where some years are asked for, the tables of care are judged on the rows of these years and on those that belong to no
year. Nothing in them reaches over two years of care. What looks at all years: checks that count persons, and that no
key is there twice.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from snds_omop_assets.contracts.cdm_checks import CheckRule, check_types
from snds_omop_assets.contracts.cdm_own_checks import COLUMN_ORDER, COLUMN_TYPE
from snds_omop_assets.contracts.cdm_tables import CdmTable
from snds_omop_assets.engines.opening import Opening
from snds_omop_assets.io_managers.folders import recover
from snds_omop_assets.io_managers.managers import KINDS
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.quality.dqd.judge import judge_cdm
from snds_omop_assets.quality.dqd.opening import open_cdm
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.reception.delivery import FIRST_YEAR
from snds_omop_assets.settings import Settings
from snds_omop_assets.tables import StoredTable
from snds_omop_assets.vocabulary.loaded import FOLDER, TABLES, current_vocabulary
from snds_omop_assets.vocabulary.own import conforming_rows, own_rows

OF_PERSONS = frozenset(
    {"measurePersonCompleteness", "measureConditionEraCompleteness", "measureObservationPeriodOverlap"}
)
"""Checks that count persons."""

OVER_ALL_YEARS = OF_PERSONS | {"isPrimaryKey"}

CONCEPT = "concept"


def judge_tables(
    settings: Settings, opening: Opening, rules: Sequence[CheckRule], years: Collection[int] | None = None
) -> list[CheckResult]:
    """Judge tables of the warehouse.

    Without a vocabulary, concepts are those that the project can write. A reference to a table that the warehouse does
    not have is judged by referenceWithoutTable, and not by isForeignKey.

    Args:
        settings: where the warehouse is.
        opening: opens the engine.
        rules: OHDSI's and ours (quality/asset_checks.py).
        years: years of care to judge; None means all.

    Returns:
        The results, in the order of the rules.

    Raises:
        CdmError: the warehouse has no table, or one cannot be read.
        EngineError: the engine does not start or has no room.
    """
    cut = [rule for rule in rules if years is not None and is_cut(rule)]
    whole = [rule for rule in rules if rule not in set(cut)]
    found: dict[CheckRule, CheckResult] = {}
    settings.spill.mkdir(parents=True, exist_ok=True)
    for some, of in ((cut, years), (whole, None)):
        if some:
            found |= {result.rule: result for result in _judged(settings, opening, some, of)}
    return [found[rule] for rule in rules if rule in found]


def is_cut(rule: CheckRule) -> bool:
    """Whether a run over some years judges the rows of these years only."""
    return rule.table in CARE_YEAR_TABLES and rule.check not in OVER_ALL_YEARS


def years_of_care(warehouse: Path, years: Collection[int] | None) -> list[int] | None:
    """The years of care that a run over some years judges; None where they are all that the warehouse has.

    Care that is older than the first partition goes with it.
    """
    if years is None:
        return None
    folders = [warehouse / "omop" / f"{table}.parquet" for table in CARE_YEAR_TABLES]
    stored = {int(part.name) for folder in folders for part in folder.glob("[0-9]*") if part.name.isdecimal()}
    if FIRST_YEAR in years:
        years = {*years, *(year for year in stored if year < FIRST_YEAR)}
    return None if stored and stored <= {*years} else sorted(years)


def _judged(
    settings: Settings, opening: Opening, rules: Sequence[CheckRule], years: Collection[int] | None
) -> list[CheckResult]:
    needed = {table for rule in rules for table in tables_read(rule)}
    with open_cdm(opening, settings.warehouse, settings.spill, needed, years) as (session, tables):
        cdm = dict(tables)
        if CONCEPT in needed and CONCEPT not in cdm:
            known = conforming_rows(CONCEPT, own_rows()[CONCEPT])
            session.give(CONCEPT, known)
            cdm[CONCEPT] = known.schema
        return judge_cdm(session, cdm, [rule for rule in rules if not _points_nowhere(rule, cdm)])


def _points_nowhere(rule: CheckRule, cdm: Collection[str]) -> bool:
    return rule.check == "isForeignKey" and _target(rule) not in cdm


def _target(rule: CheckRule) -> str:
    """The table that the argument of a rule names."""
    return (rule.argument or "").partition(".")[0]


def tables_read(rule: CheckRule) -> Iterator[str]:
    """The tables that a rule reads, and perhaps some more."""
    yield rule.table
    kind = check_types().get(rule.check)
    if rule.check == "isForeignKey":
        yield _target(rule)
    elif kind is None or kind.category == "Conformance":
        yield CONCEPT
    elif kind.category == "Completeness":
        yield from ("person", "condition_occurrence")
    else:
        yield from ("person", "death", "visit_occurrence", "concept_ancestor")


# Columns


def stored_table(warehouse: Path, table: str) -> StoredTable | None:
    """A CDM table of a warehouse as it is stored; None where it has not been made."""
    if table in TABLES:
        loaded = current_vocabulary(warehouse)
        return None if loaded is None else loaded.tables[table]
    path = warehouse / (FOLDER if table == "source_to_concept_map" else "omop") / table
    recover(path.with_suffix(".parquet"))
    found = (kind(path.with_suffix(ending)) for ending, kind in KINDS.items() if path.with_suffix(ending).exists())
    return next((stored for stored in found if stored.files), None)


def judge_columns(table: CdmTable, stored: StoredTable) -> list[CheckResult]:
    """Whether the columns stand in the CDM's order and have its types; what is not there is the matter of cdmField."""
    names = stored.schema.names
    known = [name for name in table.schema.names if name in names]
    there = [name for name in names if name in known]
    results = [_column(COLUMN_ORDER, table, name, name != wanted) for name, wanted in zip(there, known, strict=True)]
    results += [_column(COLUMN_ORDER, table, name, True) for name in names if name not in known]
    return results + [_column(COLUMN_TYPE, table, name, _is_another(table, stored, name)) for name in known]


def _is_another(table: CdmTable, stored: StoredTable, name: str) -> bool:
    """Whether a column has another type than the CDM's, though this kind of file could hold it."""
    kind, wanted = stored.schema.field(name).type, table.schema.field(name).type
    return kind != wanted and not (kind == pa.string() and wanted in stored.kept_as_text)


def _column(check: str, table: CdmTable, name: str, violated: bool) -> CheckResult:
    rule = CheckRule(check, table.name, name, None, 0)
    return CheckResult(rule, int(violated), 1, "fail" if violated else "pass", "", 0.0, "")
