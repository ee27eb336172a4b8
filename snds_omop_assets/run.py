"""Running the whole project in this process: the function behind `snds-omop run` and `make demo`."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import dagster as dg

from snds_omop_assets.definitions import build_defs
from snds_omop_assets.errors import SettingsError, SndsOmopError, StoreError
from snds_omop_assets.omop.conversion import Conversion
from snds_omop_assets.quality.assets import years_to_judge
from snds_omop_assets.reception.assets import FIRST_YEAR_TAG, LAST_YEAR_TAG
from snds_omop_assets.reception.deliveries import open_settings_delivery
from snds_omop_assets.reception.delivery import FIRST_YEAR
from snds_omop_assets.run_report.dagster_events import (
    add_failure,
    add_unclaimed,
    asset_summary,
    check_summary,
    step_name,
    summary_of_instance,
)
from snds_omop_assets.run_report.report import write_run_report
from snds_omop_assets.run_report.summary import RunSummary
from snds_omop_assets.settings import DUCKDB, Settings, dagster_home_is_set

CONVERSION = "conversion"
STAGES: Mapping[str, Sequence[str]] = {"everything": ("preparation", CONVERSION)}
"""Jobs that are run one after the other: which years of care there are is known once the files are prepared."""


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


def report_on(summary: RunSummary, settings: Settings) -> tuple[Path | None, str]:
    """Write the report on a run, and say where it is.

    Whatever keeps the report from being written does not hide what the run did: it is one sentence, and no error.

    Returns:
        The HTML file, None where it could not be written; and the sentence.
    """
    try:
        html, _ = write_run_report(summary, settings)
    except SndsOmopError as error:
        return None, f"The run report could not be written: {error}"
    except Exception as error:  # its text may hold anything
        return None, f"The run report could not be written ({type(error).__name__}): `snds-omop report` tries again."
    return html, f"Run report: {html}"


def report_on_warehouse(settings: Settings) -> tuple[Path, Path]:
    """Write the report on what a warehouse holds now, from what Dagster remembers: runs of the UI, `dg launch`, ours.

    Of each asset and year the newest materialization counts, of each check the newest evaluation, and each failure
    that nothing has made good since. It makes a point in the trend if something happened since the newest point.

    Returns:
        The HTML file and the JSON file.

    Raises:
        SettingsError: DAGSTER_HOME is not set.
        StoreError: Dagster remembers no run of this warehouse, or the report cannot be written.
    """
    if not dagster_home_is_set():
        raise SettingsError("DAGSTER_HOME is not set: give the folder where the Dagster UI keeps its runs.")
    definitions = build_defs(settings)
    graph = definitions.resolve_asset_graph()
    with _instance() as instance:
        summary, at = summary_of_instance(
            instance, sorted(graph.materializable_asset_keys), sorted(graph.asset_check_keys), settings.warehouse
        )
    if at is None:
        raise StoreError(
            f"Dagster's instance in DAGSTER_HOME remembers no run of the warehouse {settings.warehouse}: materialize "
            "something, or give --warehouse."
        )
    return write_run_report(summary, settings, at, from_instance=True)


def _add(summary: RunSummary, result: dg.ExecuteInProcessResult) -> None:
    """Add what one Dagster run did."""
    summary.success = summary.success and result.success
    for event in result.all_events:
        step = event.step_key or "run"
        if event.is_step_success:
            summary.steps[step_name(step)] = (event.step_success_data.duration_ms or 0) / 1000
        elif event.is_step_failure:
            add_failure(summary, step, event.step_failure_data)
    for event in result.get_asset_materialization_events():
        step = event.step_key or ""
        found = event.step_materialization_data.materialization
        summary.assets.append(asset_summary(found, step, summary.steps.get(step_name(step), 0.0)))
        add_unclaimed(summary, found)
    summary.checks += [check_summary(check) for check in result.get_asset_check_evaluations()]


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
        years = [max(year, FIRST_YEAR) for year in years_to_convert(settings)]
    years = years or delivered
    first, last = str(min(years)), str(max(years))
    return {FIRST_YEAR_TAG: first, LAST_YEAR_TAG: last}


def years_to_convert(settings: Settings) -> list[int]:
    """The years of care that a run has to convert or to judge; all of them where there is none, or nobody can tell.

    Years that nothing new touches and that passed their checks are left as they are. On Spark all years go through,
    and those that did not change end at once: to ask beforehand would start Spark twice.
    """
    conversion = Conversion.of_files(settings)
    if settings.engine == DUCKDB:
        try:
            waiting = {*conversion.changed(), *years_to_judge(settings)}
        except SndsOmopError:
            waiting = set()  # the assets say why
        if waiting:
            return sorted(waiting)
    return conversion.care_years()


def _instance() -> dg.DagsterInstance:
    """The instance of DAGSTER_HOME, so that the UI shows the run; else one that leaves nothing behind."""
    return dg.DagsterInstance.get() if dagster_home_is_set() else dg.DagsterInstance.ephemeral()


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
