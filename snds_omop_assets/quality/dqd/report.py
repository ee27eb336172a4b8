"""Checking a CDM: what was found there, whoever made it and however it is stored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from snds_omop_assets.contracts.cdm_checks import CheckRule, CheckType, check_rules, check_types
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_engine import spark_config
from snds_omop_assets.quality.dqd.copies import CdmError
from snds_omop_assets.quality.dqd.judge import judge_cdm
from snds_omop_assets.quality.dqd.opening import open_cdm
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.settings import SPARK, Settings

CATEGORIES: Final = ("Conformance", "Completeness", "Plausibility")
SEVERITIES: Final = ("fatal", "convention", "characterization")
ANY, NONE = "any", "none"
FAIL_ON = (*(category.lower() for category in CATEGORIES), ANY, NONE)
"""The words for what makes a CDM fail: a category, any of them, or nothing."""


@dataclass(frozen=True)
class Counts:
    """How many checks ended how."""

    passed: int
    failed: int
    not_applicable: int
    error: int

    @property
    def total(self) -> int:
        """All checks."""
        return self.passed + self.failed + self.not_applicable + self.error


@dataclass(frozen=True)
class CdmReport:
    """All that the checks of a CDM have found.

    Attributes:
        path: where the CDM lies, as it was given.
        engine: what ran the checks.
        started: when the checks began; `ended`: when they were done. Local times.
        tables: the tables that are there, in the CDM's order.
        source: the row of CDM_SOURCE by column; empty where there is none. NULLs are not in it, a date is text.
        results: one per rule, in the rules' order.
    """

    path: str
    engine: str
    started: datetime
    ended: datetime
    tables: tuple[str, ...]
    source: Mapping[str, Any]
    results: Sequence[CheckResult]

    @property
    def name(self) -> str:
        """The name of the CDM: as CDM_SOURCE says, else as its path."""
        return str(self.source.get("cdm_source_name") or Path(self.path).name)

    def counts(self, category: str | None = None, context: str | None = None) -> Counts:
        """How the checks ended: all, or those of a category, of a context, of both."""
        ended = [
            result.status
            for result in self.results
            if category in (None, type_of(result).category) and context in (None, type_of(result).context)
        ]
        return Counts(*(ended.count(status) for status in ("pass", "fail", "not applicable", "error")))

    def with_status(self, status: str) -> list[CheckResult]:
        """The results with a status: by category, the most severe and the largest share of violated rows first."""
        return sorted((result for result in self.results if result.status == status), key=_weight)

    def fails(self, fail_on: str) -> bool:
        """Whether a check that counts (FAIL_ON) failed, or could not be run."""
        if fail_on == NONE:
            return False
        counted = CATEGORIES if fail_on == ANY else (fail_on.capitalize(),)
        counts = [self.counts(category) for category in counted]
        return any(count.failed + count.error for count in counts)


def check_cdm(
    path: Path,
    settings: Settings,
    checks: Iterable[str] = (),
    tables: Iterable[str] = (),
    on_step: Callable[[str], None] = lambda step: None,
) -> CdmReport:
    """Run the checks of OHDSI's Data Quality Dashboard on a CDM; nothing is written to where it lies.

    Args:
        path: a folder, a warehouse or a database file; see opening.py.
        settings: engine, memory, the folder for what does not fit into it, and a project's own thresholds.
        checks: names of the types of check to run; none means all.
        tables: names of the CDM tables to check, in any case; none means all. The others are read where a check of
            these needs them.
        on_step: called with what is being done.

    Raises:
        CdmError: nothing of a CDM is there, a table cannot be read, or a check or table has no such name.
        ContractError: the thresholds of the project cannot be read.
        EngineError: the engine does not start or has no room.
    """
    rules = chosen(check_rules(settings.cdm_thresholds), checks, tables)
    spark = None
    if settings.engine == SPARK:
        from dagster_pyspark import LazyPySparkResource

        spark = LazyPySparkResource(spark_config=spark_config(settings.spark_master, settings.memory))
    started = _now()
    on_step("reading the tables")
    spill = settings.spill.parent if settings.spill.parent.is_dir() else None
    with open_cdm(open_session(settings, spark), path, spill) as (session, cdm):
        on_step(f"{len(rules):,} checks of {len(cdm)} tables")
        results = judge_cdm(session, cdm, rules)
        source = _source(session, cdm)
    return CdmReport(str(path), settings.engine, started, _now(), tuple(cdm), source, results)


def chosen(rules: Sequence[CheckRule], checks: Iterable[str], tables: Iterable[str]) -> Sequence[CheckRule]:
    """The rules of these types of check and of these tables; none means all.

    Raises:
        CdmError: there is no type or table of such a name, or no rule is left.
    """
    wanted_checks = _known(checks, check_types(), "check")
    wanted_tables = _known(tables, cdm_tables(), "table of the CDM")
    found = [
        rule
        for rule in rules
        if (not wanted_checks or rule.check in wanted_checks) and (not wanted_tables or rule.table in wanted_tables)
    ]
    if not found:
        raise CdmError(f"No check {' or '.join(wanted_checks)} is made of {', '.join(wanted_tables)}: take others.")
    return found


def type_of(result: CheckResult) -> CheckType:
    """The type of check of a result."""
    return check_types()[result.rule.check]


def subject(rule: CheckRule) -> str:
    """What a rule is about: `measurement.unit_concept_id`, and the concept it is about."""
    where = rule.table if rule.field is None else f"{rule.table}.{rule.field}"
    concepts = ", ".join(map(str, rule.concept_ids))
    return f"{where}, concept {concepts}" if concepts else where


def _weight(result: CheckResult) -> tuple[int, int, float, int]:
    kind = type_of(result)
    return CATEGORIES.index(kind.category), SEVERITIES.index(kind.severity), -result.percent, -result.violated


def _known(names: Iterable[str], known: Mapping[str, Any], what: str) -> list[str]:
    """The names as they are known, whatever their case."""
    spelled = {name.lower(): name for name in known}
    found = []
    for name in names:
        if name.lower() not in spelled:
            near = get_close_matches(name.lower(), spelled, 1)
            hint = f"did you mean {spelled[near[0]]}?" if near else f"there are {', '.join(known)}."
            raise CdmError(f"{name} is no {what}: {hint}")
        found.append(spelled[name.lower()])
    return found


def _source(session: Session, cdm: Mapping[str, pa.Schema]) -> Mapping[str, Any]:
    """The row of CDM_SOURCE, one where there are several; nothing where it is damaged, which its checks say."""
    if "cdm_source" not in cdm:
        return {}
    try:
        rows = session.result(f"SELECT {', '.join(cdm['cdm_source'].names)} FROM cdm_source LIMIT 1").to_pylist()
    except duckdb.Error:
        return {}
    row = rows[0] if rows else {}
    return {name: value if isinstance(value, int) else str(value) for name, value in row.items() if value is not None}


def _now() -> datetime:
    return datetime.now().replace(microsecond=0)
