"""Running the whole project in this process: the function behind `snds-omop run` and `make demo`."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.reception.assets import UNCLAIMED
from snds_omop_assets.settings import Settings, dagster_home_is_set


@dataclass(frozen=True)
class AssetSummary:
    """One materialized asset: its rows, and the seconds its step took."""

    name: str
    rows: int
    seconds: float
    path: Path
    counts: Mapping[str, int]


@dataclass(frozen=True)
class CheckSummary:
    """One asset check that was evaluated."""

    asset: str
    check: str
    passed: bool
    blocking: bool


@dataclass
class RunSummary:
    """What a run did.

    Attributes:
        success: every step ran and no blocking check failed.
        assets: in the order in which they were materialized.
        checks: in the order in which they were evaluated.
        failures: one sentence per failed step.
        unclaimed: files of the delivery that no table claims, as one text.
        seconds: wall time.
    """

    success: bool = False
    assets: list[AssetSummary] = field(default_factory=list)
    checks: list[CheckSummary] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    unclaimed: str = ""
    seconds: float = 0.0


def run(settings: Settings, on_step: Callable[[str, int, int], None] | None = None) -> RunSummary:
    """Receive the delivery, build the CDM tables, check them.

    Args:
        settings: where things are.
        on_step: called when a step starts, with its name, how many steps are done and how many there are.

    Returns:
        The summary; a failure is in it, not raised. With DAGSTER_HOME set, the run is also in the Dagster UI.
    """
    started = time.monotonic()
    logger = logging.Logger("snds_omop_assets")
    loggers = {"steps": dg.LoggerDefinition(lambda _: logger)}
    job = build_defs(settings, loggers).resolve_job_def("everything")
    steps = len(job.graph.node_dict)
    logger.addHandler(_StepHandler(steps, on_step or (lambda name, done, total: None)))
    with _instance() as instance:
        result = job.execute_in_process(instance=instance, run_config={"loggers": {"steps": {}}}, raise_on_error=False)
    summary = RunSummary(success=result.success, seconds=time.monotonic() - started)
    seconds: dict[str, float] = {}
    for event in result.all_events:
        step = event.step_key or "run"
        if event.is_step_success:
            seconds[step] = (event.step_success_data.duration_ms or 0) / 1000
        elif event.is_step_failure:
            summary.failures.append(_sentence(step, event.step_failure_data))
    for event in result.get_asset_materialization_events():
        summary.assets.append(_asset_summary(event, seconds.get(event.step_key or "", 0.0)))
        if (entry := event.step_materialization_data.materialization.metadata.get(UNCLAIMED)) is not None:
            summary.unclaimed = str(entry.value)
    for check in result.get_asset_check_evaluations():
        name = check.asset_key.to_user_string()
        summary.checks.append(CheckSummary(name, check.check_name, check.passed, bool(check.blocking)))
    return summary


def _instance() -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, so that the UI shows the run; else one that leaves nothing behind."""
    return dg.DagsterInstance.get() if dagster_home_is_set() else dg.DagsterInstance.ephemeral()


def _asset_summary(event: dg.DagsterEvent, seconds: float) -> AssetSummary:
    materialization = event.step_materialization_data.materialization
    values: dict[str, Any] = {name: entry.value for name, entry in materialization.metadata.items()}
    return AssetSummary(
        name=materialization.asset_key.to_user_string(),
        rows=int(values["dagster/row_count"]),
        seconds=seconds,
        path=Path(str(values["path"])),
        counts={name: value for name, value in values.items() if isinstance(value, int) and "/" not in name},
    )


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
