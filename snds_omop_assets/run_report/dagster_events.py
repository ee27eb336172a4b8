"""What Dagster's events say, as summaries: of a run that just ended, and of what an instance remembers."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from snds_omop_assets.quality.trend import YEARS
from snds_omop_assets.reception.assets import UNCLAIMED
from snds_omop_assets.run_report.summary import AssetSummary, CheckSummary, RunSummary

JUDGED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def step_name(step: str) -> str:
    """A step as people know it: `omop/person`, where Dagster says omop__person."""
    return step.replace("__", "/")


def asset_summary(materialization: dg.AssetMaterialization, step: str, seconds: float) -> AssetSummary:
    """A materialization, with the step that made it and what this took."""
    values: dict[str, Any] = {name: entry.value for name, entry in materialization.metadata.items()}
    return AssetSummary(
        name=materialization.asset_key.to_user_string(),
        rows=int(values.get("dagster/row_count", values.get("dagster/partition_row_count", 0))),
        seconds=seconds,
        path=Path(str(values.get("path", ""))),
        year=materialization.partition,
        counts={name: value for name, value in values.items() if isinstance(value, int) and "/" not in name},
        step=step_name(step),
    )


def check_summary(evaluation: Any) -> CheckSummary:
    """An evaluation of an asset check (Dagster's AssetCheckEvaluation)."""
    values = {name: entry.value for name, entry in evaluation.metadata.items()}
    year = values.get(YEARS)
    return CheckSummary(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        passed=evaluation.passed,
        blocking=bool(evaluation.blocking),
        failed=not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.ERROR,
        description=(evaluation.description or "").removeprefix(f"{year}: "),
        year=year,
        figures={name: value for name, value in values.items() if isinstance(value, int | float)},
    )


def add_failure(summary: RunSummary, step: str, failure: Any) -> None:
    """Add why a step failed: a Failure's own sentence where there is one.

    A step that failed only because a check that blocks did is told with the checks.
    """
    if failure.error is not None and failure.error.cls_name == "DagsterAssetCheckFailedError":
        return
    name = step_name(step)
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        sentence = str(failure.user_failure_data.description)
    else:
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        sentence = f"{step}: {error.message.strip() if error is not None else 'failed without saying why'}"
        summary.unexpected[name] = error.cls_name or "error" if error is not None else "error"
    summary.failures.append(sentence)
    summary.failed_assets[name] = sentence


def add_unclaimed(summary: RunSummary, materialization: dg.AssetMaterialization) -> None:
    """Add the files that no table claims, where a materialization tells them."""
    if (entry := materialization.metadata.get(UNCLAIMED)) is not None:
        summary.unclaimed = str(entry.value)


def summary_of_instance(
    instance: dg.DagsterInstance,
    assets: Iterable[dg.AssetKey],
    checks: Iterable[dg.AssetCheckKey],
    warehouse: Path,
) -> tuple[RunSummary, datetime | None]:
    """What an instance remembers of a warehouse: of every asset and year the newest materialization, of every check
    the newest evaluation, and the failures that nothing has made good since.

    Args:
        instance: that of DAGSTER_HOME, where the UI and `dagster asset materialize` keep their runs.
        assets: the assets that count.
        checks: the checks that count.
        warehouse: assets that were last made in another one are left out, with their checks.

    Returns:
        The summary, whose seconds are the sum of its steps; and when the newest of all this happened, None if nothing
        did.
    """
    keys = list(assets)
    entries = [entry for key in keys for entry in _newest(instance, key, warehouse)]
    made = {entry.asset_materialization.asset_key for entry in entries}
    seconds = _seconds(instance, entries)
    summary = RunSummary()
    for entry in entries:
        step = entry.step_key or ""
        found = entry.asset_materialization
        summary.assets.append(asset_summary(found, step, seconds.get((entry.run_id, step), 0.0)))
        add_unclaimed(summary, found)
    found = (_evaluation(instance, key) for key in checks if key.asset_key in made)
    judged = [one for one in found if one is not None]
    judging = _seconds(instance, judged)
    for entry in judged:
        summary.checks.append(check_summary(entry.dagster_event.asset_check_evaluation_data))
    for (_, step), took in {**seconds, **judging}.items():
        summary.steps[step_name(step)] = summary.steps.get(step_name(step), 0.0) + took
    failed = _failures(instance, keys, entries)
    for entry in failed:
        add_failure(summary, entry.step_key or "run", entry.dagster_event.step_failure_data)
    summary.seconds = sum(summary.steps.values())
    summary.success = not summary.failures and not any(c.blocking and c.failed for c in summary.checks)
    times = [entry.timestamp for entry in (*entries, *judged, *failed)]
    return summary, datetime.fromtimestamp(max(times), UTC) if times else None


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey, warehouse: Path) -> list[Any]:
    """The newest materialization of an asset, of each of its years; none of those of another warehouse."""
    by_year = instance.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
    ids = list(by_year.values()) or None
    wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids)
    records = instance.fetch_materializations(wanted, limit=len(ids or [1])).records
    entries = sorted((record.event_log_entry for record in records), key=lambda entry: entry.timestamp)
    return [entry for entry in entries if _of(entry.asset_materialization, warehouse)]


def _of(materialization: Any, warehouse: Path) -> bool:
    """Whether all paths that a materialization tells lie in a warehouse."""
    values = materialization.metadata.values()
    paths = [Path(value.path or "") for value in values if isinstance(value, dg.PathMetadataValue)]
    return all(path.is_relative_to(warehouse) for path in paths if path.is_absolute())


def _evaluation(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Any:
    """The newest evaluation of a check; None where it was never judged."""
    history = instance.event_log_storage.get_asset_check_execution_history
    return next((record.event for record in history(key, limit=1, status=JUDGED)), None)


def _seconds(instance: dg.DagsterInstance, entries: Sequence[Any]) -> Mapping[tuple[str, str], float]:
    """What the steps of events took, by run and step; of each step only its newest run."""
    newest: dict[str, Any] = {}
    for entry in sorted(entries, key=lambda entry: entry.timestamp):
        newest[entry.step_key] = entry
    runs: dict[str, list[str]] = {}
    for step, entry in newest.items():
        runs.setdefault(entry.run_id, []).append(step)
    found: dict[tuple[str, str], float] = {}
    for run, steps in runs.items():
        for one in instance.get_run_step_stats(run, steps):
            if one.start_time and one.end_time:
                found[run, one.step_key] = one.end_time - one.start_time
    return found


def _failures(instance: dg.DagsterInstance, keys: Sequence[dg.AssetKey], entries: Sequence[Any]) -> list[Any]:
    """The failures of the last runs of the assets, except of steps that went well later."""
    records = instance.get_asset_records(keys)
    runs = {run for record in records if (run := record.asset_entry.last_run_id) is not None}
    well = {(entry.step_key, entry.timestamp) for entry in entries}
    found: dict[str, Any] = {}
    if not runs:
        return []
    failed = dg.RunsFilter(run_ids=sorted(runs), statuses=[DagsterRunStatus.FAILURE])
    for record in reversed(instance.get_run_records(failed)):
        for entry in instance.all_logs(record.dagster_run.run_id, of_type=DagsterEventType.STEP_FAILURE):
            later = any(step == entry.step_key and at > entry.timestamp for step, at in well)
            if not later and entry.dagster_event is not None:
                found[entry.step_key or ""] = entry
    return list(found.values())
