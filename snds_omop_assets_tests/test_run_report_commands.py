"""`snds-omop run` writes the report at its end; `snds-omop report` writes it of what Dagster remembers."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snds_omop_assets import run as run_module
from snds_omop_assets.cli import main
from snds_omop_assets.run import run
from snds_omop_assets.run_report.summary import CheckSummary, RunSummary
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, PROJECT, Settings

Command = Callable[..., Result]


@pytest.fixture
def command(settings: Settings, delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs `snds-omop` on a copy of the demonstration, with a DAGSTER_HOME of its own."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text((PROJECT / "dagster.yaml").read_text())
    for name, value in (("DAGSTER_HOME", home), ("SNDS_DELIVERY", delivery), ("SNDS_WAREHOUSE", settings.warehouse)):
        monkeypatch.setenv(name, str(value))
    return lambda *words: CliRunner().invoke(main, [*words])


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunSummary], None]:
    """Lets `snds-omop run` end with a summary, without running."""
    return lambda summary: monkeypatch.setattr(run_module, "run", lambda *_: summary)


def report_of(settings: Settings) -> dict:
    return json.loads((settings.warehouse / "reports" / "run_report.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("success", "code"), [(True, 0), (False, 1)])
def test_a_run_writes_its_report_whether_it_failed_or_not(
    command: Command, ends_with: Callable[[RunSummary], None], settings: Settings, success: bool, code: int
) -> None:
    blocked = CheckSummary("omop/person", "primary_key", success, True, not success, "3 rows share a key")
    ends_with(RunSummary(success, checks=[blocked]))
    ended = command("run")
    assert ended.exit_code == code
    assert f"Run report: {settings.warehouse / 'reports' / 'run_report.html'}" in ended.output
    assert report_of(settings)["run"]["success"] == success
    assert report_of(settings)["checks"]["blocking_failed"] == int(not success)


@pytest.mark.parametrize(("success", "code"), [(True, 0), (False, 1)])
def test_a_report_that_cannot_be_written_does_not_hide_what_the_run_did(
    command: Command, ends_with: Callable[[RunSummary], None], settings: Settings, success: bool, code: int
) -> None:
    settings.warehouse.mkdir()
    (settings.warehouse / "reports").write_text("in the way")
    ends_with(RunSummary(success))
    ended = command("run")
    assert ended.exit_code == code
    assert "The run report could not be written: " in ended.output
    assert ("Done in" if success else "Failed.") in ended.output
    assert "Traceback" not in ended.output


def test_a_fault_of_the_report_itself_is_one_sentence_that_tells_no_value(
    command: Command,
    ends_with: Callable[[RunSummary], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("DPXX:0000000000000000009X")

    monkeypatch.setattr(run_module, "write_run_report", fails)
    ends_with(RunSummary(True))
    ended = command("run")
    assert (ended.exit_code, "DPXX" in ended.output) == (0, False)
    assert "The run report could not be written (RuntimeError)" in ended.output


def test_the_report_of_what_dagster_remembers_follows_failures_and_their_repair(
    command: Command, settings: Settings, delivery: Path
) -> None:
    summary = run(settings, job="reception")
    assert summary.success, summary.failures
    ended = command("report")
    assert ended.exit_code == 0, ended.output
    assert "Run report: " in ended.output
    told = report_of(settings)
    assert told["run"]["from"] == "dagster"
    assert told["failures"] == []
    assert told["verdict"]["reasons"][0] == "there is no table of the CDM"
    checks = told["checks"]
    assert checks["passed"] == sum(check.passed for check in summary.checks) > 0
    assert checks["warnings"] == sum(not check.passed for check in summary.checks)
    assert {step["step"] for step in told["steps"]} >= {"snds/er_prs_f", "check_er_prs_f", "reception/delivery_report"}

    (delivery / "IR_BEN_R.csv").write_bytes(b"")
    assert not run(settings, job="reception").success
    assert command("report").exit_code == 0
    told = report_of(settings)
    assert [failure["step"] for failure in told["failures"]] == ["snds/ir_ben_r"]
    assert told["failures"][0]["sentence"].startswith("IR_BEN_R.csv is empty")
    assert told["verdict"]["reasons"][0] == "1 step failed"

    shutil.copy(DEMONSTRATION_DELIVERY / "IR_BEN_R.csv", delivery)
    assert run(settings, job="reception").success
    assert command("report").exit_code == 0
    assert report_of(settings)["failures"] == []
    assert command("report").exit_code == 0
    assert len(report_of(settings)["trend"]) == 3, "made again, it makes no point"


def test_what_dagster_remembers_of_another_warehouse_does_not_count(
    command: Command, settings: Settings, tmp_path: Path
) -> None:
    assert run(settings, job="reception").success
    ended = command("report", "--warehouse", str(tmp_path / "another"))
    assert ended.exit_code == 2
    assert "remembers no run of the warehouse" in ended.output
    assert not (tmp_path / "another").exists()


def test_without_dagster_home_the_command_says_what_to_give(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    ended = command("report")
    assert (ended.exit_code, "DAGSTER_HOME is not set" in ended.output) == (2, True)
