"""OHDSI's checks of each CDM table as asset checks: what blocks is judged beside its tables, what warns in the end.

What rows point to (persons, deaths, visits, concepts) is joined once per step: so the tables that are made by one step
are judged by one, and all that only warns by another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.cdm_severities import Severity, severities
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES
from snds_omop_assets.quality.asset_checks import (
    ASSET_CHECKS,
    BUILT,
    CHECKS,
    CONFORMANCE,
    GROUPS,
    STRUCTURE,
    VOCABULARY,
    Check,
    asset_check_of,
    rules_of,
)
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.quality.judging import CONCEPT, judge_columns, judge_tables, stored_table, years_of_care
from snds_omop_assets.quality.passed_years import blocking_checks, not_passed, note_passed
from snds_omop_assets.quality.telling import absent, figure_of, told, years_said
from snds_omop_assets.quality.trend import history
from snds_omop_assets.reception.assets import years_of_run
from snds_omop_assets.settings import DUCKDB, Settings
from snds_omop_assets.steward import said_plainly
from snds_omop_assets.vocabulary.assets import VOCABULARY_TABLES
from snds_omop_assets.vocabulary.assets import key_of as vocabulary_key

LOCAL = "local_concept"


def cdm_asset_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The asset checks of all CDM tables.

    A reference to a table that the project does not build, or that this warehouse does not have yet, may only be NULL.

    Raises:
        ContractError: the project's own severities cannot be read.
    """
    decided = severities(ASSET_CHECKS, VOCABULARY, settings.cdm_severities)
    early = [check for check in ASSET_CHECKS if check[0] in CONFORMANCE or decided[check].blocks]
    steps = {f"conformance_{name}": [check for check in early if check[1] in tables] for name, tables in GROUPS.items()}
    steps["data_quality"] = [check for check in ASSET_CHECKS if check not in set(early)]
    return [_step(name, checks, decided) for name, checks in steps.items() if checks]


def _step(name: str, checks: Sequence[Check], decided: Mapping[Check, Severity]) -> dg.AssetChecksDefinition:
    """The asset checks that one step judges."""
    tables = list(dict.fromkeys(table for _, table in checks))
    deps = [key_of(table) for table in _read_by(tables)]
    if not {*tables} & {*VOCABULARY_TABLES}:  # tables of the data may have the concepts of French codes
        deps.append(vocabulary_key(LOCAL))

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(
                check,
                asset=key_of(table),
                description=CHECKS[check],
                blocking=decided[check, table].blocks,
                additional_deps=deps,
            )
            for check, table in checks
        ],
        can_subset=True,
    )
    def judge(
        context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
    ) -> Iterator[dg.AssetCheckResult]:
        selected = context.selected_asset_check_keys
        wanted = [check for check in checks if dg.AssetCheckKey(key_of(check[1]), check[0]) in selected]
        years = years_of_care(settings.warehouse, years_of_run(context.run.tags))
        failed = False
        with said_plainly():
            found = results_of(settings, wanted, years, spark)
        for check in wanted:
            key = dg.AssetCheckKey(key_of(check[1]), check[0])
            results = found.get(check)
            if results is None:
                result = absent(check, key.asset_key.to_user_string(), decided[check])
            else:
                said = years_said(years, results)
                before = history(context.instance, key, figure_of(check[0]), said)
                result = told(check, results, decided[check], settings.small_cell, said, before)
            failed |= decided[check].blocks and not result["passed"]
            yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, **result)
        if not failed and {*blocking_checks(decided)} <= {*wanted}:
            note_passed(settings, decided, years)

    return judge


def years_to_judge(settings: Settings) -> list[int]:
    """The years of care that were made and have not passed the checks that block since.

    Raises:
        ContractError: the project's own severities or thresholds cannot be read.
    """
    return not_passed(settings, severities(ASSET_CHECKS, VOCABULARY, settings.cdm_severities))


def results_of(
    settings: Settings,
    checks: Sequence[Check],
    years: Sequence[int] | None = None,
    spark: LazyPySparkResource | None = None,
) -> dict[Check, list[CheckResult]]:
    """What the rules of some asset checks found, by asset check; those of a table that has not been made are left out.

    Args:
        settings: where the warehouse is, the engine (tables of the size of a dimension are judged by DuckDB), a
            project's own thresholds.
        checks: names and tables.
        years: years of care to judge; None means all.
        spark: needed where the engine is Spark.

    Raises:
        CdmError: a table cannot be read.
        ContractError: the project's thresholds cannot be read.
        EngineError: the engine does not start or has no room.
    """
    if not {table for _, table in checks} & {*CARE_YEAR_TABLES, *OVER_YEARS_TABLES}:
        settings = replace(settings, engine=DUCKDB)  # Spark takes seconds to answer about a table of any size
    stored = {table: stored_table(settings.warehouse, table) for _, table in checks}
    there = [check for check in checks if stored[check[1]] is not None]
    found: dict[Check, list[CheckResult]] = {check: [] for check in there}
    rules = rules_of(there, settings.cdm_thresholds)
    for result in judge_tables(settings, open_session(settings, spark), rules, years):
        found[asset_check_of(result.rule), result.rule.table].append(result)
    for check, table in there:
        if check == STRUCTURE and (one := stored[table]) is not None:
            found[check, table] += judge_columns(cdm_tables()[table], one)
    return found


def _read_by(tables: Sequence[str]) -> list[str]:
    """Other tables of the project that the checks of these read."""
    parents = {f.reference.table for table in tables for f in cdm_tables()[table].references if f.reference}
    return sorted((parents & {*BUILT} | {CONCEPT}) - {*tables})


def key_of(table: str) -> dg.AssetKey:
    """The asset of a CDM table."""
    return vocabulary_key(table) if table in VOCABULARY_TABLES else dg.AssetKey(["omop", table])
