"""Running the whole project in this process: the function behind `snds-omop run` and `make demo`."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.errors import SndsOmopError
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.reception.assets import FIRST_YEAR_TAG, LAST_YEAR_TAG, UNCLAIMED
from snds_omop_assets.reception.deliveries import open_settings_delivery
from snds_omop_assets.reception.delivery import FIRST_YEAR
from snds_omop_assets.settings import Settings, dagster_home_is_set

CONVERSION = "conversion"
STAGES: Mapping[str, Sequence[str]] = {"everything": ("preparation", CONVERSION)}
"""Jobs that are run one after the other: which years of care there are is known once the files are prepared."""


@dataclass(frozen=True)
class AssetSummary:
    """One materialized asset (of one year, where it is cut by year): its rows, and the seconds its step took."""

    name: str
    rows: int
    seconds: float
    path: Path
    counts: Mapping[str, int]
    year: str | None = None


@dataclass(frozen=True)
class CheckSummary:
    """One asset check that was evaluated.

    Attributes:
        failed: it did not pass and is an error, not a warning.
        description: what it found, in words.
    """

    asset: str
    check: str
    passed: bool
    blocking: bool
    failed: bool = False
    description: str = ""


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        success: every step ran and no blocking check failed.
        assets: in the order in which they were materialized.
        checks: in the order in which they were evaluated.
        failures: one sentence per failed step.
        failed_assets: the same, by asset.
        unclaimed: files of the delivery that no table claims, as one text.
        seconds: wall time.
    """

    success: bool = False
    assets: list[AssetSummary] = field(default_factory=list)
    checks: list[CheckSummary] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed_assets: dict[str, str] = field(default_factory=dict)
    unclaimed: str = ""
    seconds: float = 0.0


def run(
    settings: Settings,
    on_step: Callable[[str, int, int], None] | None = None,
    job: str = "everything",
    years: Sequence[int] | None = None,
) -> RunSummary:
    """Receive the delivery, build the CDM tables, check them.

    Args:
        settings: where things are.
        on_step: called when a step starts, with its name, how many steps are done and how many there are.
        job: `everything`, or `reception` for the received tables and the report alone.
        years: first to last year of the tables cut by year; None takes those of the delivery.

    Returns:
        The summary; a failure is in it, not raised. With DAGSTER_HOME set, the run is also in the Dagster UI.
    """
    started = time.monotonic()
    logger = logging.Logger("snds_omop_assets")
    loggers = {"steps": dg.LoggerDefinition(lambda _: logger)}
    stages = STAGES.get(job, (job,))
    definitions = build_defs(settings, loggers)
    jobs = {stage: definitions.resolve_job_def(stage) for stage in stages}
    steps = sum(len(definition.graph.node_dict) for definition in jobs.values())
    logger.addHandler(_StepHandler(steps, on_step or (lambda name, done, total: None)))
    summary = RunSummary(success=True)
    with _instance() as instance:
        for stage, definition in jobs.items():
            result = definition.execute_in_process(
                instance=instance,
                run_config={"loggers": {"steps": {}}},
                raise_on_error=False,
                tags=_partition_range(settings, years, stage),
            )
            _add(summary, result)
            if not result.success:
                break
    summary.seconds = time.monotonic() - started
    return summary


def _add(summary: RunSummary, result: dg.ExecuteInProcessResult) -> None:
    """Add what one Dagster run did."""
    summary.success = summary.success and result.success
    seconds: dict[str, float] = {}
    for event in result.all_events:
        step = event.step_key or "run"
        if event.is_step_success:
            seconds[step] = (event.step_success_data.duration_ms or 0) / 1000
        elif event.is_step_failure and not _check_failed(event.step_failure_data):
            sentence = _sentence(step, event.step_failure_data)
            summary.failures.append(sentence)
            summary.failed_assets[step.replace("__", "/")] = sentence
    for event in result.get_asset_materialization_events():
        summary.assets.append(_asset_summary(event, seconds.get(event.step_key or "", 0.0)))
        if (entry := event.step_materialization_data.materialization.metadata.get(UNCLAIMED)) is not None:
            summary.unclaimed = str(entry.value)
    for check in result.get_asset_check_evaluations():
        name = check.asset_key.to_user_string()
        failed = not check.passed and check.severity == dg.AssetCheckSeverity.ERROR
        summary.checks.append(
            CheckSummary(name, check.check_name, check.passed, bool(check.blocking), failed, check.description or "")
        )


def _partition_range(settings: Settings, years: Sequence[int] | None, stage: str) -> dict[str, str]:
    """The tags of a run over some years; none where the delivery has no table that is cut by year.

    Care may be older than the first flow that tells it: what is converted are the years of care of what is prepared.
    """
    try:
        delivered = open_settings_delivery(settings).years
    except SndsOmopError:
        return {}  # the assets say why
    if not delivered:
        return {}
    if stage == CONVERSION and not years:
        years = [max(year, FIRST_YEAR) for year in Conversion.of_files(settings).care_years()]
    years = years or delivered
    first, last = str(min(years)), str(max(years))
    return {FIRST_YEAR_TAG: first, LAST_YEAR_TAG: last}


def _instance() -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, so that the UI shows the run; else one that leaves nothing behind."""
    return dg.DagsterInstance.get() if dagster_home_is_set() else dg.DagsterInstance.ephemeral()


def _asset_summary(event: dg.DagsterEvent, seconds: float) -> AssetSummary:
    materialization = event.step_materialization_data.materialization
    values: dict[str, Any] = {name: entry.value for name, entry in materialization.metadata.items()}
    return AssetSummary(
        name=materialization.asset_key.to_user_string(),
        rows=int(values.get("dagster/row_count", values.get("dagster/partition_row_count", 0))),
        seconds=seconds,
        path=Path(str(values.get("path", ""))),
        year=materialization.partition,
        counts={name: value for name, value in values.items() if isinstance(value, int) and "/" not in name},
    )


def _check_failed(failure: Any) -> bool:
    """Whether a step failed only because a check that blocks did, which is told with the checks."""
    return failure.error is not None and failure.error.cls_name == "DagsterAssetCheckFailedError"


def _sentence(step: str, failure: Any) -> str:
    """Why a step failed: a Failure's own sentence where there is one."""
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return str(failure.user_failure_data.description)
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return f"{step}: {error.message.strip() if error is not None else 'failed without saying why'}"


class _StepHandler(logging.Handler):
    """Turns Dagster's own events, which pass through its logger, into calls of `on_step`."""

    def __init__(self, steps: int, on_step: Callable[[str, int, int], None]) -> None:
        super().__init__()
        self.steps, self.on_step, self.done = steps, on_step, 0

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None:
            return
        if event.event_type_value == "STEP_START":
            self.on_step(event.step_key.replace("__", "/"), self.done, self.steps)
        elif event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            self.done += 1
