"""`snds-omop check-cdm`: what it prints and ends with, the JSON for OHDSI's viewer, and the page."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snds_omop_assets import cli
from snds_omop_assets.cli import any_cdm
from snds_omop_assets.contracts.cdm_checks import CheckRule, check_rules, check_types
from snds_omop_assets.errors import StoreError
from snds_omop_assets.quality.dqd import report as report_module
from snds_omop_assets.quality.dqd.copies import CdmError
from snds_omop_assets.quality.dqd.dashboard import percent, results_html, results_json, write_results
from snds_omop_assets.quality.dqd.report import FAIL_ON, CdmReport, check_cdm, chosen
from snds_omop_assets.quality.dqd.results import CheckResult, Status
from snds_omop_assets.settings import Settings

CONFORMS = CheckRule("isRequired", "person", "gender_concept_id", None, 0)
COMPLETE = CheckRule("measureValueCompleteness", "person", "month_of_birth", None, 5)
PLAUSIBLE = CheckRule("plausibleGender", "condition_occurrence", "condition_concept_id", "8507", 5, 26662)
DESCENDANTS = CheckRule(
    "plausibleGenderUseDescendants", "procedure_occurrence", "procedure_concept_id", "8532", 5, 1, (2,)
)
TABLE = CheckRule("cdmTable", "person", None, None, 0)

NONE_VIOLATED = "SELECT * FROM person WHERE 1 < 0"


def result(rule: CheckRule, status: Status, violated: int = 0, total: int = 0, reason: str = "") -> CheckResult:
    return CheckResult(rule, violated, total, status, reason, 0.25, NONE_VIOLATED if rule.field else "")


RESULTS = [
    result(TABLE, "pass", 0, 1),
    result(CONFORMS, "error", reason="DuckDB failed."),
    result(COMPLETE, "fail", 1, 3),
    result(PLAUSIBLE, "pass", 1, 100),
    result(DESCENDANTS, "not applicable", reason="The table procedure_occurrence is not there."),
]


def found(results: list[CheckResult], **source: object) -> CdmReport:
    moments = datetime(2024, 5, 1, 9, 0, 0), datetime(2024, 5, 1, 9, 1, 5)
    return CdmReport("/data/cdm", "duckdb", *moments, ("person", "condition_occurrence"), source, results)


# The JSON is what DataQualityDashboard writes


@pytest.fixture
def told() -> dict:
    return json.loads(
        results_json(found(RESULTS, cdm_source_name="Ours", cdm_version="v5.4", cdm_release_date="2024-01-01"))
    )


def test_the_json_has_the_nesting_of_the_dashboard_where_what_stands_alone_is_a_list_of_one(told: dict) -> None:
    assert list(told) == [
        *("startTimestamp", "endTimestamp", "executionTime", "executionTimeSeconds"),
        *("CheckResults", "Metadata", "Overview"),
    ]
    assert told["startTimestamp"] == ["2024-05-01 09:00:00"]
    assert told["endTimestamp"] == ["2024-05-01 09:01:05"]
    assert (told["executionTime"], told["executionTimeSeconds"]) == (["1 mins"], [65])
    [metadata] = told["Metadata"]
    assert metadata.pop("dqdVersion").startswith("none; snds_omop_assets ")
    assert metadata == {"cdmSourceName": "Ours", "cdmVersion": "v5.4", "cdmReleaseDate": "2024-01-01"}


def test_a_cdm_that_says_nothing_of_itself_is_called_like_its_folder() -> None:
    [metadata] = json.loads(results_json(found(RESULTS)))["Metadata"]
    assert metadata["cdmSourceName"] == "cdm"


def test_a_result_has_the_names_and_types_of_the_dashboard(told: dict) -> None:
    failed = told["CheckResults"][2]
    assert failed.pop("checkDescription").startswith("person.month_of_birth: ")
    assert failed == {
        "numViolatedRows": 1,
        "pctViolatedRows": 1 / 3,
        "numDenominatorRows": 3,
        "executionTime": "0.250000 secs",
        "queryText": NONE_VIOLATED,
        "checkName": "measureValueCompleteness",
        "checkLevel": "FIELD",
        "cdmTableName": "PERSON",
        "cdmFieldName": "MONTH_OF_BIRTH",
        "sqlFile": "field_measure_value_completeness.sql",
        "category": "Completeness",
        "subcategory": "",
        "context": "Verification",
        "checkId": "field_measurevaluecompleteness_person_month_of_birth",
        "failed": 1,
        "passed": 0,
        "isError": 0,
        "notApplicable": 0,
        "thresholdValue": 5,
    }


def test_what_is_not_known_has_no_name(told: dict) -> None:
    table, error, _, concept, absent = told["CheckResults"]
    assert not {"cdmFieldName", "conceptId", "error", "notApplicableReason"} & set(table)
    assert table["checkId"] == "table_cdmtable_person"
    assert (error["isError"], error["failed"], error["passed"], error["error"]) == (1, 0, 0, "DuckDB failed.")
    assert not {"numViolatedRows", "pctViolatedRows", "numDenominatorRows"} & set(error)
    assert concept["conceptId"] == "26662"
    assert concept["checkId"] == "concept_plausiblegender_condition_occurrence_condition_concept_id_26662"
    assert (absent["conceptId"], absent["notApplicable"], absent["failed"], absent["passed"]) == ("1,2", 1, 0, 0)
    assert absent["notApplicableReason"] == "The table procedure_occurrence is not there."


def test_the_overview_counts_as_the_dashboard_does(told: dict) -> None:
    assert told["Overview"] == {
        "countTotal": [5], "countPassed": [4], "countErrorFailed": [1], "countThresholdFailed": [1],
        "countOverallFailed": [1], "percentPassed": [80], "percentFailed": [20],
        "countTotalPlausibility": [2], "countTotalConformance": [2], "countTotalCompleteness": [1],
        "countFailedPlausibility": [0], "countFailedConformance": [0], "countFailedCompleteness": [1],
        "countPassedPlausibility": [1], "countPassedConformance": [1], "countPassedCompleteness": [0],
    }  # fmt: skip


def test_each_check_has_an_id_of_its_own_and_names_an_sql_file_of_the_dashboard() -> None:
    every = json.loads(results_json(found([result(rule, "pass") for rule in check_rules()])))["CheckResults"]
    assert len({one["checkId"] for one in every}) == len(every)
    assert {one["sqlFile"] for one in every} == {
        *("table_cdm_table.sql", "table_person_completeness.sql", "table_condition_era_completeness.sql"),
        *("table_observation_period_overlap.sql", "field_cdm_field.sql", "field_is_not_nullable.sql"),
        *("field_cdm_datatype.sql", "field_is_primary_key.sql", "is_foreign_key.sql", "field_fk_domain.sql"),
        *("field_fk_class.sql", "field_is_standard_valid_concept.sql", "field_measure_value_completeness.sql"),
        *("field_concept_record_completeness.sql", "field_source_value_completeness.sql"),
        *("field_plausible_value_low.sql", "field_plausible_value_high.sql", "field_plausible_temporal_after.sql"),
        *("field_plausible_during_life.sql", "field_within_visit_dates.sql", "field_plausible_after_birth.sql"),
        *("field_plausible_before_death.sql", "field_plausible_start_before_end.sql", "concept_plausible_gender.sql"),
        *("concept_plausible_gender_use_descendants.sql", "concept_plausible_unit_concept_ids.sql"),
    }


# The page


def test_the_page_needs_no_other_host_and_runs_no_script() -> None:
    page = results_html(found(RESULTS, source_documentation_reference="https://example.org/"))
    assert not re.search(r"<(script|link|img|iframe|object|embed|base)\b|@import|url\(|\ssrc=|srcset=", page)
    assert set(re.findall(r'href="([^"]*)"', page)) <= {f"#{name}" for name in re.findall(r' id="([^"]*)"', page)}


def test_the_page_says_what_failed_before_all_else() -> None:
    page = results_html(found(RESULTS, cdm_source_name="Base <1>"))
    places = [
        page.index(f'id="{name}"') for name in ("failed", "errors", "summary", "nearly", "not-applicable", "passed")
    ]
    assert places == sorted(places)
    assert places[0] < page.index("measureValueCompleteness</code>") < places[1]
    assert places[1] < page.index("DuckDB failed.") < places[2]
    assert "1 of 4 checks failed, 1 could not be run; 1 more does not apply" in page
    assert "Base &lt;1&gt;" in page
    assert "SELECT * FROM person WHERE 1 &lt; 0" in page


def test_failed_checks_are_sorted_by_category_severity_and_share() -> None:
    rules = [rule for rule in check_rules() if rule.table == "person" and rule.check != "plausibleGender"]
    failed = [result(rule, "fail", place % 7 + 1, 7) for place, rule in enumerate(rules)]
    ordered = found(failed).with_status("fail")
    categories = [check_types()[one.rule.check].category for one in ordered]
    assert categories == sorted(categories, key=["Conformance", "Completeness", "Plausibility"].index)
    assert [one.percent for one in ordered if one.rule.check == "measureValueCompleteness"] == sorted(
        (one.percent for one in failed if one.rule.check == "measureValueCompleteness"), reverse=True
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 %"), (0.0001, "< 0.01 %"), (0.5, "0.5 %"), (99.9999, "> 99.99 %"), (100, "100 %"), (33.333, "33.33 %")],
)
def test_a_small_failure_does_not_look_like_none(value: float, words: str) -> None:
    assert percent(value).replace("\u202f", " ") == words


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"results\.json cannot be written \(File exists\)"):
        write_results("{}", tmp_path / "file" / "results.json")


# The command

Command = Callable[..., Result]


@pytest.fixture
def cdm(tmp_path: Path) -> Path:
    folder = tmp_path / "cdm"
    folder.mkdir()
    (folder / "person.csv").write_text(
        "person_id,gender_concept_id,year_of_birth,race_concept_id,ethnicity_concept_id\n1,8507,1950,0,0\n2,,1960,0,0\n"
    )
    (folder / "observation_period.csv").write_text(
        "observation_period_id,person_id,observation_period_start_date,observation_period_end_date,"
        "period_type_concept_id\n1,1,2018-01-01,2018-12-31,32810\n2,2,2018-01-01,2018-12-31,32810\n"
    )
    (folder / "cdm_source.csv").write_text("cdm_source_name,cdm_version\nA base of two,v5.4\n")
    return folder


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner(env={"COLUMNS": "200"}).invoke(cli.main, ["check-cdm", *map(str, words)])


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[CheckResult]:
    """What the judge is made to find."""
    results: list[CheckResult] = []
    monkeypatch.setattr(report_module, "judge_cdm", lambda session, cdm, rules: results)
    return results


def test_the_command_checks_a_folder_of_csv_files_and_writes_both_files(command: Command, cdm: Path) -> None:
    ended = command(cdm, "--json", "out/results.json", "--html", "out/results.html")
    assert ended.exit_code == 1, ended.output
    assert re.match(r"\s*A base of two: tables of the CDM at \S+: 3\n", ended.output)
    assert re.search(
        r"^Failed \(conformance\): isRequired of person\.gender_concept_id: 1 of 2 \(50.%, 0.% allowed\)$",
        ended.output,
        re.MULTILINE,
    )
    told = json.loads(Path("out/results.json").read_text())
    assert told["Metadata"][0]["cdmSourceName"] == "A base of two"
    assert len(told["CheckResults"]) == len(check_rules())
    assert "person.gender_concept_id" in Path("out/results.html").read_text()
    assert not Path("warehouse").exists()  # nothing is left of the engine


def test_a_project_may_allow_more_with_a_reason(
    command: Command, cdm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["check,table,field,concept_id,threshold,reason", "isRequired,person,gender_concept_id,,50,a made-up base"]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "cdm_thresholds.csv").write_text("\n".join(lines))
    words = ("--checks", "isRequired", "--tables", "person")
    assert command(cdm, *words).exit_code == 1
    monkeypatch.setenv("SNDS_CONTRACTS", str(tmp_path / "own"))
    assert command(cdm, *words).exit_code == 0


def test_only_the_checks_and_tables_that_were_asked_for_are_run(command: Command, cdm: Path) -> None:
    ended = command(cdm, "--checks", "isrequired", "--tables", "PERSON, observation_period", "--json", "results.json")
    assert ended.exit_code == 1, ended.output
    every = json.loads(Path("results.json").read_text())["CheckResults"]
    assert {one["checkName"] for one in every} == {"isRequired"}
    assert {one["cdmTableName"] for one in every} == {"PERSON", "OBSERVATION_PERIOD"}
    assert command(cdm, "--checks", "isRequired", "--tables", "observation_period").exit_code == 0


@pytest.mark.parametrize("status", ["fail", "error"])
@pytest.mark.parametrize(
    ("rule", "failing"),
    [
        (CONFORMS, {"conformance", "any", None}),
        (COMPLETE, {"completeness", "any"}),
        (PLAUSIBLE, {"plausibility", "any"}),
    ],
)
def test_the_exit_code_is_1_for_what_fail_on_says(
    command: Command, cdm: Path, judged: list[CheckResult], rule: CheckRule, failing: set[str | None], status: Status
) -> None:
    judged.append(result(rule, status, 1, 2, "DuckDB failed." if status == "error" else ""))
    codes = {word: command(cdm, *(["--fail-on", word] if word else [])).exit_code for word in [*FAIL_ON, None]}
    assert {word for word, code in codes.items() if code == 1} == failing
    assert set(codes.values()) == {0, 1}


def test_what_was_not_run_is_said(command: Command, cdm: Path, judged: list[CheckResult]) -> None:
    judged += RESULTS
    ended = command(cdm)
    assert "Not run: isRequired of person.gender_concept_id: DuckDB failed." in ended.output
    assert re.search(r"all +│ +2 │ +1 │ +1 │ +1 │", ended.output)


def test_the_words_of_fail_on_are_those_of_the_report() -> None:
    assert any_cdm.FAIL_ON == FAIL_ON


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere"], "Error: nowhere does not exist: give the folder or the file of a CDM."),
        (["cdm", "--checks", "isRequird"], "Error: isRequird is no check: did you mean isRequired?"),
        (["cdm", "--tables", "persons"], "Error: persons is no table of the CDM: did you mean person?"),
        (["cdm", "--checks", "fkClass", "--tables", "death"], "Error: No check fkClass is made of death: take others."),
        (["cdm", "--checks", "cdmTable", "--json", "cdm/person.csv/a"], "cdm/person.csv/a cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_2(
    command: Command, cdm: Path, words: list[str], sentence: str
) -> None:
    ended = command(*words)
    assert (ended.exit_code, "Traceback" in ended.output) == (2, False), ended.output
    assert sentence in ended.output


def test_the_function_gives_what_the_command_prints(cdm: Path, settings: Settings) -> None:
    steps: list[str] = []
    report = check_cdm(cdm, settings, ["cdmTable", "isRequired"], ["person"], steps.append)
    assert (report.name, report.tables) == ("A base of two", ("person", "observation_period", "cdm_source"))
    assert [(one.rule.field, one.violated, one.total) for one in report.with_status("fail")] == [
        ("gender_concept_id", 1, 2)
    ]
    assert report.counts("Conformance").total == report.counts().total == len(report.results)
    assert steps[0] == "reading the tables"


def test_names_that_nothing_is_like_list_what_there_is() -> None:
    with pytest.raises(CdmError, match=r"zzz is no check: there are cdmTable, measurePersonCompleteness, "):
        chosen(check_rules(), ["zzz"], [])
