"""The options of `snds-omop run`, and what the settings behind them do; what a run writes into its log."""

import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from snds_omop_assets import run as run_module
from snds_omop_assets.cli import main
from snds_omop_assets.engines.opening import open_session
from snds_omop_assets.omop.care_year import CARE_YEAR_TABLES
from snds_omop_assets.omop.conversion_over_years import convert_over_years
from snds_omop_assets.omop.inputs import base_of
from snds_omop_assets.omop.over_years import OVER_YEARS_TABLES
from snds_omop_assets.preparation.prepared_years import CLAIMS, Prepared
from snds_omop_assets.quality.ledger import ledger_rules
from snds_omop_assets.reception.deliveries import open_settings_delivery
from snds_omop_assets.reception.receive import receive
from snds_omop_assets.reception.store import Store
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings
from snds_omop_assets_tests.conftest import RELEASED


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, object]]:
    """The settings and years of the runs that the command line asks for; none of them runs."""
    found: list[tuple[Settings, object]] = []

    def run(settings: Settings, on_step: object, job: str, years: object) -> RunSummary:
        found.append((settings, years))
        return RunSummary(success=True)

    monkeypatch.setattr(run_module, "run", run)
    monkeypatch.setattr(run_module, "report_on", lambda summary, settings: (None, "no report"))
    return found


def test_the_options_of_a_run_win_over_the_environment(asked: list[tuple[Settings, object]], tmp_path: Path) -> None:
    environment = {"SNDS_ENGINE": "duckdb", "SNDS_MEMORY": "1GB", "SNDS_WAREHOUSE": "/nowhere"}
    words = ["run", "--delivery", str(tmp_path), "--warehouse", str(tmp_path / "warehouse"), "--years", "2018-2019"]
    ended = CliRunner(env=environment).invoke(main, [*words, "--engine", "spark", "--memory", "8 gb"])
    assert ended.exit_code == 0, ended.output
    [(settings, years)] = asked
    assert (settings.engine, settings.memory, settings.warehouse) == ("spark", "8GB", tmp_path / "warehouse")
    assert years == [2018, 2019]


def test_without_options_the_environment_holds(asked: list[tuple[Settings, object]]) -> None:
    ended = CliRunner(env={"SNDS_ENGINE": "spark", "SNDS_MEMORY": "2GB"}).invoke(main, ["run"])
    assert ended.exit_code == 0, ended.output
    [(settings, years)] = asked
    assert (settings.engine, settings.memory, years) == ("spark", "2GB", None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--engine", "postgres"], "Invalid value for '--engine': 'postgres' is not one of 'duckdb', 'spark'."),
        (["--memory", "much"], "SNDS_MEMORY is 'much': write a whole number and MB, GB or TB, as 8GB."),
    ],
)
def test_options_that_say_nothing_are_refused_in_one_sentence(
    asked: list[tuple[Settings, object]], words: list[str], sentence: str
) -> None:
    ended = CliRunner().invoke(main, ["run", *words])
    assert (ended.exit_code, asked) == (2, [])
    assert sentence in ended.output
    assert "Traceback" not in ended.output


def test_the_engine_takes_no_more_memory_than_it_is_told(settings: Settings) -> None:
    with open_session(replace(settings, memory="512MB"))() as session:
        (row,) = session.result("SELECT current_setting('memory_limit') AS memory").to_pylist()
    assert row["memory"] == "488.2 MiB", "512 million bytes"


def bounds_of(settings: Settings, care_years: list[int]) -> tuple[date, date]:
    """First and last day that the base tells."""
    (row,) = base_of(settings, care_years).to_pylist()
    return row["data_start"], row["data_end"]


def test_the_first_and_last_day_of_the_base_can_be_said(demonstration: tuple[Settings, RunSummary]) -> None:
    settings, _ = demonstration
    assert bounds_of(settings, [2012, 2013]) == (date(2013, 1, 1), date(2013, 12, 31))
    told = replace(settings, data_start=date(2012, 7, 1), data_end=date(2014, 6, 30))
    assert bounds_of(told, [2012, 2013]) == (told.data_start, told.data_end)


def test_of_a_dcir_that_came_whole_the_flows_tell_the_days_and_not_a_wrong_date_of_care(
    settings: Settings, tmp_path: Path
) -> None:
    delivery, store = tmp_path / "whole", Store(settings.warehouse)
    delivery.mkdir()
    for name in ("ER_PRS_F", "ER_PHA_F", "ER_CAM_F", "ER_ETE_F"):
        lines = (DEMONSTRATION_DELIVERY / f"{name}_2013.csv").read_text(encoding="utf-8")
        (delivery / f"{name}.csv").write_text(lines.replace(";04/03/2013;", ";04/03/1953;"), encoding="utf-8")
    opened = open_settings_delivery(replace(settings, delivery=delivery))
    for name in opened.files:
        receive(opened, name, None, store)
    prepared = Prepared(settings.warehouse, CLAIMS)
    prepared.prepare(open_session(settings), store, None)
    (whole,) = prepared.years().values()
    assert whole.care_years == {1953, 2013}
    assert bounds_of(settings, [1953, 2013]) == (date(2013, 1, 1), date(2013, 12, 31))


def cdm_source(settings: Settings) -> dict[str, Any]:
    (row,) = pq.read_table(settings.warehouse / "omop" / "cdm_source.parquet").to_pylist()
    return row


def test_the_days_of_release_are_those_that_were_said_else_of_reception_and_conversion(
    demonstration: tuple[Settings, RunSummary], tmp_path: Path
) -> None:
    settings, _ = demonstration
    said = cdm_source(settings)
    assert (said["source_release_date"], said["cdm_release_date"]) == (RELEASED, RELEASED)
    metadata = pq.read_table(settings.warehouse / "omop" / "metadata.parquet")
    assert set(metadata["metadata_date"].to_pylist()) == {RELEASED}

    warehouse = Path(shutil.copytree(settings.warehouse, tmp_path / "warehouse"))
    received = datetime(2021, 5, 31, 12).timestamp()
    for manifest in warehouse.glob("snds/**/manifest.json"):
        os.utime(manifest, (received, received))
    unsaid = replace(settings, warehouse=warehouse, source_release_date=None, cdm_release_date=None)
    before = date.today()
    convert_over_years(unsaid, open_session(unsaid))
    row = cdm_source(unsaid)
    assert row["source_release_date"] == date(2021, 5, 31)
    assert before <= row["cdm_release_date"] <= date.today()


def test_without_a_year_in_the_names_of_the_files_the_years_of_care_bound_the_base(settings: Settings) -> None:
    assert bounds_of(settings, [2017, 2018]) == (date(2017, 1, 1), date(2018, 12, 31))


def test_the_log_of_the_conversion_has_a_line_for_each_part_of_each_asset(
    demonstration: tuple[Settings, RunSummary],
) -> None:
    settings, summary = demonstration
    assert summary.success, summary.failures
    lines = [json.loads(line) for line in (settings.warehouse / "logs" / "conversion.jsonl").read_text().splitlines()]
    first = [line for line in lines if line["event"] == "made"]
    assert {(line["asset"], line.get("part")) for line in first} == {
        ("prepared/claims", "2013"),
        ("omop/care_years", "2013"),
        ("omop/care_years", "referentials"),
        ("omop/over_years", None),
    }
    rules: Counter[str] = Counter()
    for line in lines:
        assert line["time"]
        assert line["seconds"] >= 0
        assert line["memory_mb"] > 10
        if line["asset"] != "omop/over_years":
            assert line["rules"].keys() <= ledger_rules().keys()
    for line in first:
        rules.update(line.get("rules", {}))
        tables = {"omop/care_years": CARE_YEAR_TABLES, "omop/over_years": OVER_YEARS_TABLES}.get(line["asset"], ())
        assert list(line.get("rows", {})) == list(tables)
    by_part = {(line["asset"], line.get("part")): line for line in first}
    assert by_part["omop/care_years", "2013"]["rows"]["visit_occurrence"] == 37
    # A line of the ER_ETE_F ends like its line of the ER_PRS_F: two more than there are visits.
    assert (rules["visit"], rules["netted"], rules["information_line"], rules["event"]) == (37 + 2, 2, 1, 3 + 2)
