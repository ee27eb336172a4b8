"""What OHDSI's dashboard says of the CDM tables beyond their conformance, as asset checks that warn: two per table.

One step judges all tables that were made, for what they are judged against (persons, deaths, visits, concepts) is
joined once. `snds-omop check-cdm` runs the same checks, and those of conformance, on any CDM.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from snds_omop_assets.contracts.cdm_checks import check_rules, check_types
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.quality.assets import BUILT, CONCEPT, VOCABULARY, key_of
from snds_omop_assets.quality.dqd.judge import judge_cdm
from snds_omop_assets.quality.dqd.opening import open_cdm
from snds_omop_assets.quality.dqd.report import subject
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.settings import Settings
from snds_omop_assets.steward import said_plainly, table_of

CHECKS: Mapping[str, str] = {
    "completeness": "Fields, source values and persons are there and mapped, as OHDSI's dashboard asks.",
    "plausibility": "Values and dates make sense, beside each other and in a life, as OHDSI's dashboard asks.",
}
"""The categories of OHDSI's checks that warn; those of conformance block (quality/assets.py)."""

OF_PERSONS = frozenset(
    {"measurePersonCompleteness", "measureConditionEraCompleteness", "measureObservationPeriodOverlap"}
)
"""Checks that count persons: a few are not told."""

TABLES = tuple(table for table in BUILT if table not in (*VOCABULARY, "source_to_concept_map"))
SHOWN = 5
"""Failed checks that the sentence names; the table has all."""


@dg.multi_asset_check(
    name="data_quality",
    specs=[
        dg.AssetCheckSpec(check, asset=key_of(table), description=description, additional_deps=[key_of(CONCEPT)])
        for table in TABLES
        for check, description in CHECKS.items()
    ],
    can_subset=True,
)
def data_quality(
    context: dg.AssetCheckExecutionContext, settings: dg.ResourceParam[Settings], spark: LazyPySparkResource
) -> Iterator[dg.AssetCheckResult]:
    """OHDSI's checks of completeness and plausibility on the tables that were made."""
    wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    rules = [
        rule
        for rule in check_rules(settings.cdm_thresholds)
        if rule.table in TABLES and (key_of(rule.table), check_types()[rule.check].category.lower()) in wanted
    ]
    with said_plainly(), open_cdm(open_session(settings, spark), settings.warehouse) as (session, cdm):
        results = judge_cdm(session, cdm, rules)
    for table in TABLES:
        for check in CHECKS:
            if (key_of(table), check) in wanted:
                found = [r for r in results if (r.rule.table, category_of(r)) == (table, check)]
                yield judged(table, check, found, settings.small_cell)


def category_of(result: CheckResult) -> str:
    """The category of a result, as CHECKS names it."""
    return check_types()[result.rule.check].category.lower()


def judged(table: str, check: str, results: Sequence[CheckResult], small_cell: int) -> dg.AssetCheckResult:
    """One table and category: passed if no check failed.

    Args:
        table: CDM table.
        check: of CHECKS.
        results: its results.
        small_cell: counts of persons below this are not told.
    """
    ended = Counter(result.status for result in results)
    failed = sorted((r for r in results if r.status == "fail"), key=lambda r: -r.percent)
    named = [f"{r.rule.check} of {subject(r.rule)} ({_share(r, small_cell)})" for r in failed[:SHOWN]]
    more = f", and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
    metadata: dict[str, Any] = {
        "failed checks": ended["fail"],
        "passed checks": ended["pass"],
        "checks that do not apply": ended["not applicable"],
        "checks that could not be run": ended["error"],
        "what failed": table_of(
            {"check": str, "of": str, "violated": str, "rows": str, "share": str, "allowed": str},
            [_line(result, small_cell) for result in failed],
        ),
    }
    return dg.AssetCheckResult(
        asset_key=key_of(table),
        check_name=check,
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Failed: {'; '.join(named)}{more}." if failed else "No check failed.",
        metadata=metadata,
    )


def _line(result: CheckResult, small_cell: int) -> tuple[str, ...]:
    counts, share = _counts(result, small_cell), _share(result, small_cell)
    return (result.rule.check, subject(result.rule), *counts, share, f"{result.rule.threshold:g} %")


def _hidden(result: CheckResult, small_cell: int) -> bool:
    """Whether a result counts few persons, or all but few."""
    few = (result.violated, result.total - result.violated)
    return result.rule.check in OF_PERSONS and any(0 < count < small_cell for count in few)


def _counts(result: CheckResult, small_cell: int) -> tuple[str, str]:
    if _hidden(result, small_cell):
        return f"fewer than {small_cell}, or all but so many", "persons"
    return str(result.violated), str(result.total)


def _share(result: CheckResult, small_cell: int) -> str:
    return "few persons or nearly all" if _hidden(result, small_cell) else f"{result.percent:.4g} %"
