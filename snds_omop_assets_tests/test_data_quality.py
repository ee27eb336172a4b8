"""OHDSI's checks as asset checks: what the steward reads of them, by year, with what severity, over runs."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from snds_omop_assets.contracts.cdm_checks import CheckRule
from snds_omop_assets.contracts.cdm_own_checks import OWN_CHECKS
from snds_omop_assets.contracts.cdm_severities import Severity, severities
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.definitions import build_defs
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.errors import ContractError
from snds_omop_assets.quality.asset_checks import ASSET_CHECKS, CHECKS, CONFORMANCE, GROUPS, VOCABULARY, rules_of
from snds_omop_assets.quality.assets import results_of, years_to_judge
from snds_omop_assets.quality.dqd.report import check_cdm
from snds_omop_assets.quality.dqd.results import CheckResult, Status
from snds_omop_assets.quality.judging import is_cut, judge_tables
from snds_omop_assets.quality.telling import figure_of, told
from snds_omop_assets.quality.trend import Point, drawn
from snds_omop_assets.reception.assets import FIRST_YEAR_TAG, LAST_YEAR_TAG, YEAR_TAG
from snds_omop_assets.run import RunSummary
from snds_omop_assets.settings import DEMONSTRATION_DELIVERY, Settings
from snds_omop_assets.vocabulary.own import own_vocabulary

MAPPED = CheckRule("standardConceptRecordCompleteness", "drug_exposure", "drug_concept_id", None, 5)
PERSONS = CheckRule("measurePersonCompleteness", "drug_exposure", None, None, 5)
REQUIRED = CheckRule("isRequired", "drug_exposure", "drug_concept_id", None, 0)

WARNS, BLOCKS = Severity(False, "real data"), Severity(True, "nothing may be missing")


def result(rule: CheckRule, violated: int, total: int, status: Status) -> CheckResult:
    """What a check found."""
    return CheckResult(rule, violated, total, status, "", 0.1, "")


def completeness(*results: CheckResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(**told(("completeness", "drug_exposure"), results, WARNS, 11, {}))


def conformance(*results: CheckResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(**told(("required_fields", "drug_exposure"), results, BLOCKS, 11, {}))


def rows_of(found: dg.AssetCheckResult) -> list[list[object]]:
    """The table of what failed."""
    table = found.metadata["what failed"]
    assert isinstance(table, dg.TableMetadataValue)
    return [list(record.data.values()) for record in table.records]


# What is told


def test_a_failed_check_is_named_with_its_counts_and_its_share() -> None:
    found = completeness(result(MAPPED, 30, 40, "fail"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    name = "standardConceptRecordCompleteness"
    assert found.description == f"Failed: {name} of drug_exposure.drug_concept_id (30 of 40, 75 %)."
    assert rows_of(found) == [[name, "drug_exposure.drug_concept_id", "30", "40", "75 %", "5 %"]]
    assert found.metadata["why it warns"].value == "real data"


def test_what_blocks_is_an_error_and_counts_violated_rows() -> None:
    found = conformance(result(REQUIRED, 2, 40, "fail"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (found.metadata["failed checks"].value, found.metadata["violated rows"].value) == (1, 2)


def test_few_persons_are_not_told_nor_given_by_subtraction() -> None:
    for violated in (3, 97):
        found = completeness(result(PERSONS, violated, 100, "fail"))
        assert not any(str(number) in f"{found.description} {rows_of(found)}" for number in (3, 97))
        assert "violated rows" not in found.metadata
    found = completeness(result(PERSONS, 50, 100, "fail"))
    assert rows_of(found)[0][2:5] == ["50", "100", "50 %"]


def test_what_does_not_apply_is_counted_and_does_not_fail() -> None:
    found = completeness(result(MAPPED, 0, 0, "not applicable"), result(PERSONS, 0, 0, "error"))
    assert found.passed
    counts = [found.metadata[name].value for name in ("checks that do not apply", "checks that could not be run")]
    assert counts == [1, 1]


def test_conformance_that_could_not_be_judged_does_not_pass() -> None:
    found = conformance(result(REQUIRED, 0, 0, "error"))
    assert not found.passed
    assert found.description == "Failed: isRequired of drug_exposure.drug_concept_id (could not be run)."


def test_a_run_judges_every_table_and_warns_of_what_the_demonstration_lacks(
    demonstration: tuple[Settings, RunSummary],
) -> None:
    _, summary = demonstration
    found = {(one.check, one.asset.split("/")[1]): one for one in summary.checks if one.check in CHECKS}
    assert found.keys() == set(ASSET_CHECKS)
    assert not any(one.failed for one in found.values())
    sexes = found["completeness", "person"]
    assert not sexes.passed
    assert "standardConceptRecordCompleteness of person.gender_concept_id" in sexes.description
    assert found["plausibility", "visit_occurrence"].passed


# One judge


def seen(results: list[CheckResult]) -> dict[CheckRule, tuple[object, ...]]:
    """What does not depend on the run."""
    return {r.rule: (r.violated, r.total, r.status, r.reason) for r in results}


def test_the_asset_checks_find_what_check_cdm_finds_rule_by_rule(demonstration: tuple[Settings, RunSummary]) -> None:
    settings, _ = demonstration
    rules = set(rules_of(ASSET_CHECKS))
    commands = seen([r for r in check_cdm(settings.warehouse, settings).results if r.rule in rules])
    ours: list[CheckResult] = []
    for tables in GROUPS.values():
        found = results_of(settings, [check for check in ASSET_CHECKS if check[1] in tables])
        ours += [result for some in found.values() for result in some]
    assert seen([r for r in ours if r.rule.check not in OWN_CHECKS]) == commands
    assert {r.status for r in ours if r.rule.check in OWN_CHECKS} == {"pass", "not applicable"}
    assert {r.rule.check for r in ours} >= set(OWN_CHECKS)


def test_a_run_notes_that_its_years_passed(demonstration: tuple[Settings, RunSummary]) -> None:
    settings, _ = demonstration
    assert years_to_judge(settings) == []
    assert (settings.warehouse / "prepared" / "care" / "2013" / "passed.json").exists()


@pytest.mark.spark
def test_spark_finds_what_duckdb_finds(base: Settings, spark: Any) -> None:
    plant(base, 2017, visit_concept_id=None, visit_source_value="x" * 51, provider_id=5)
    rules = rules_of([check for check in ASSET_CHECKS if check[1] in ("visit_occurrence", "person")])

    @contextmanager
    def on_spark() -> Iterator[Session]:
        yield SparkSessionOfModels(spark)

    for years in (None, [2017], [2018]):
        assert seen(judge_tables(base, on_spark, rules, years)) == seen(
            judge_tables(base, duckdb_session, rules, years)
        )


# By year


def visit(number: int, year: int, **values: Any) -> dict[str, Any]:
    day = dt.date(year, 3, 10)
    return {
        "visit_occurrence_id": number, "person_id": 1, "visit_concept_id": 9202, "visit_start_date": day,
        "visit_end_date": day, "visit_type_concept_id": 32810, **values,
    }  # fmt: skip


def write(settings: Settings, table: str, rows: list[dict[str, Any]], part: str = "") -> None:
    schema = cdm_tables()[table].schema
    file = settings.warehouse / "omop" / f"{table}.parquet" / part / "part-0.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in rows], schema), file)


def plant(settings: Settings, year: int, **values: Any) -> None:
    """Change the visit of a year."""
    write(settings, "visit_occurrence", [visit(year, year, **values)], str(year))


@pytest.fixture
def base(tmp_path: Path) -> Settings:
    """A warehouse with one person, who has a visit in each year from 2016 to 2018."""
    settings = Settings(delivery=DEMONSTRATION_DELIVERY, warehouse=tmp_path / "warehouse")
    own_vocabulary(settings.warehouse)
    person = {"person_id": 1, "year_of_birth": 1963}
    concepts = dict.fromkeys(("gender_concept_id", "race_concept_id", "ethnicity_concept_id"), 0)
    write(settings, "person", [person | concepts])
    write(settings, "visit_occurrence", [], "referentials")
    for year in (2016, 2017, 2018):
        plant(settings, year)
    return settings


Judge = Callable[..., dict[str, dg.AssetCheckEvaluation]]


@pytest.fixture
def visits(base: Settings) -> Judge:
    """Runs the asset checks of VISIT_OCCURRENCE in one Dagster instance, over some years or all."""
    instance = dg.DagsterInstance.ephemeral()

    def judge(*years: int, settings: Settings = base) -> dict[str, dg.AssetCheckEvaluation]:
        definitions = build_defs(settings)
        graph = definitions.resolve_asset_graph()
        key = dg.AssetKey(["omop", "visit_occurrence"])
        checks = [check for check in graph.asset_check_keys if check.asset_key == key]
        job = dg.define_asset_job("judge", dg.AssetSelection.checks(*checks)).resolve(asset_graph=graph)
        tags = {FIRST_YEAR_TAG: str(min(years)), LAST_YEAR_TAG: str(max(years))} if years else {}
        run = job.execute_in_process(
            resources=definitions.resources,
            instance=instance,
            raise_on_error=False,
            tags={YEAR_TAG: str(years[0])} if len(years) == 1 else tags,
        )
        return {found.check_name: found for found in run.get_asset_check_evaluations()}

    return judge


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"person_id": None}, "required_fields"),
        ({"person_id": 7}, "keys"),
        ({"visit_concept_id": 8507}, "concepts"),
        ({"visit_source_value": "x" * 51}, "structure"),
        ({"visit_end_date": dt.date(2017, 3, 9)}, "plausibility"),
    ],
)
def test_a_run_over_a_year_judges_the_rows_of_this_year(
    base: Settings, visits: Judge, fault: dict[str, Any], check: str
) -> None:
    plant(base, 2017, **fault)
    assert visits(2018)[check].passed
    assert not visits(2017)[check].passed
    assert not visits(2017, 2018)[check].passed
    assert visits(2016, 2018)[check].metadata["failed checks"].value


def test_the_years_are_told_and_a_run_over_all_tells_none(visits: Judge) -> None:
    for years, said in (((2017,), "2017"), ((2017, 2018), "2017-2018")):
        found = visits(*years)["required_fields"]
        assert (found.description, found.metadata["years"].value) == (f"{said}: No check failed.", said)
    for years in ((), (2016, 2018), (2010, 2020)):
        found = visits(*years)["required_fields"]
        assert found.description == "No check failed."
        assert "years" not in found.metadata


def test_a_key_that_is_there_in_two_years_is_found_by_a_run_over_one(base: Settings, visits: Judge) -> None:
    plant(base, 2017, visit_occurrence_id=2018)
    found = visits(2018)["keys"]
    assert found.description == "2018: Failed: isPrimaryKey of visit_occurrence.visit_occurrence_id (2 of 3, 66.67 %)."


visits_of_a_year = st.lists(
    st.fixed_dictionaries(
        {
            "person_id": st.sampled_from([1, 7, None]),
            "visit_concept_id": st.sampled_from([9202, 8507, 0, 999, None]),
            "visit_start_date": st.sampled_from([None, *(dt.date(year, 3, 10) for year in (1960, 2017, 2030))]),
            "visit_source_value": st.sampled_from([None, "x", "x" * 51]),
        }
    ),
    max_size=4,
)


@hypothesis.given(st.fixed_dictionaries({2016: visits_of_a_year, 2017: visits_of_a_year, 2018: visits_of_a_year}))
@hypothesis.settings(
    max_examples=8, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_the_years_together_have_the_violated_rows_of_all(base: Settings, by_year: dict[int, Any]) -> None:
    for year, rows in by_year.items():
        write(base, "visit_occurrence", [visit(10 * year + n, year, **row) for n, row in enumerate(rows)], str(year))
    checks = [(check, "visit_occurrence") for check in (*CONFORMANCE, "plausibility")]
    rules = [rule for rule in rules_of(checks) if is_cut(rule) and rule.check != "cdmField"]
    whole = violated_of(judge_tables(base, duckdb_session, rules))
    years = [violated_of(judge_tables(base, duckdb_session, rules, [year])) for year in by_year]
    assert whole == sum(years, Counter())


def violated_of(results: list[CheckResult]) -> Counter[tuple[str, str | None]]:
    """Violated rows by check and field; a required field may be empty in a year and not in all."""
    found: Counter[tuple[str, str | None]] = Counter()
    for one in results:
        check = "isRequired" if one.rule.check == "emptyRequiredField" else one.rule.check
        found[check, one.rule.field] += one.violated
    return +found


def test_persons_are_counted_over_all_years(base: Settings) -> None:
    write(base, "visit_occurrence", [], "2018")
    found = results_of(base, [("completeness", "visit_occurrence")], [2018])["completeness", "visit_occurrence"]
    (persons,) = [r for r in found if r.rule.check == "measurePersonCompleteness"]
    assert (persons.violated, persons.total) == (0, 1)
    assert not is_cut(persons.rule)


def test_a_year_without_a_part_has_nothing_to_judge(base: Settings) -> None:
    (base.warehouse / "omop" / "visit_occurrence.parquet" / "referentials" / "part-0.parquet").unlink()
    found = results_of(base, [("required_fields", "visit_occurrence")], [2012])["required_fields", "visit_occurrence"]
    assert {result.status for result in found} == {"not applicable"}


def test_a_table_that_was_not_made_does_not_pass(base: Settings, visits: Judge) -> None:
    for file in (base.warehouse / "omop" / "visit_occurrence.parquet").rglob("*.parquet"):
        file.unlink()
    sentence = "omop/visit_occurrence has not been materialized in this warehouse: materialize it first."
    found = visits()
    assert found.keys() == CHECKS.keys()
    assert {(one.passed, one.description) for one in found.values()} == {(False, sentence)}


# Severity


def own_severities(folder: Path, *lines: str, header: str = "check,table,severity,reason") -> Path:
    path = folder / "cdm_severities.csv"
    path.write_text("\n".join((header, *lines)), encoding="utf-8")
    return path


def test_conformance_blocks_and_the_rest_warns_and_each_says_why() -> None:
    for (check, table), severity in severities(ASSET_CHECKS, VOCABULARY).items():
        assert severity.blocks == (check in CONFORMANCE and table not in VOCABULARY)
        assert severity.reason
    assert severities(ASSET_CHECKS, VOCABULARY).keys() == set(ASSET_CHECKS)


def test_a_project_decides_what_blocks(base: Settings, visits: Judge, tmp_path: Path) -> None:
    own_severities(
        tmp_path,
        "plausibility,,blocks,we publish",
        "keys,VISIT_OCCURRENCE,warns,known",
        ",,,",
        "plausibility,death,warns,few rows",
    )
    decided = severities(ASSET_CHECKS, VOCABULARY, tmp_path / "cdm_severities.csv")
    assert decided["plausibility", "visit_occurrence"] == Severity(True, "we publish")
    assert decided["keys", "visit_occurrence"] == Severity(False, "known")
    assert not decided["plausibility", "death"].blocks
    assert decided["keys", "person"].blocks
    plant(base, 2017, person_id=7, visit_end_date=dt.date(2017, 3, 9))
    found = visits(settings=replace(base, contracts=tmp_path))
    keys, plausibility = found["keys"], found["plausibility"]
    assert (keys.passed, keys.blocking, keys.severity) == (False, False, dg.AssetCheckSeverity.WARN)
    assert (plausibility.passed, plausibility.blocking) == (False, True)
    assert plausibility.severity == dg.AssetCheckSeverity.ERROR
    assert plausibility.metadata["why it blocks"].value == "we publish"


def test_a_file_that_lets_everything_block_still_loads(base: Settings, tmp_path: Path) -> None:
    own_severities(tmp_path, ",,blocks,strict")
    graph = build_defs(replace(base, contracts=tmp_path)).resolve_asset_graph()
    blocking = {
        (key.name, key.asset_key.path[-1]) for key in graph.asset_check_keys if graph.get_check_spec(key).blocking
    }
    assert set(ASSET_CHECKS) - blocking == {check for check in ASSET_CHECKS if check[1] in VOCABULARY}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("key,person,warns,known", "line 2: there is no asset check key person; correct the names"),
        ("keys,persons,warns,known", "line 2: there is no asset check keys persons; correct the names"),
        ("keys,person,warns,", "line 2: the severity has no reason"),
        ("keys,person,warn,known", "line 2: the severity must be blocks or warns, not 'warn'"),
        ("keys,concept,blocks,strict", "line 2: checks of concept cannot block"),
        ("completeness,concept,warns,known", "line 2: there is no asset check completeness concept"),
        ("keys,person,warns,known,and more", "line 2: there are more cells than columns"),
    ],
)
def test_a_wrong_line_of_severities_is_told_in_a_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        severities(ASSET_CHECKS, VOCABULARY, own_severities(tmp_path, line))


# Trend


def test_the_second_run_has_a_picture_of_both_and_another_year_starts_its_own(base: Settings, visits: Judge) -> None:
    assert "trend" not in visits()["required_fields"].metadata
    plant(base, 2017, person_id=None)
    found = visits()["required_fields"].metadata
    assert "violated rows over 2 runs" in str(found["trend"].value)
    assert "trend" not in visits(2017)["plausibility"].metadata
    assert "trend" not in visits(2018)["required_fields"].metadata
    assert "violated rows over 3 runs" in str(visits()["required_fields"].metadata["trend"].value)


def test_a_picture_of_thirty_runs_is_small_and_marks_what_failed() -> None:
    day = dt.datetime(2024, 5, 1)
    points = [Point(day + dt.timedelta(days=n), 1000 * n, n % 2 == 0) for n in range(30)]
    svg = drawn(points, figure_of("keys"))
    assert svg.count("<circle") == 30
    assert svg.count("#c0392b") == 15
    assert "violated rows: 29,000 now, 29,000 at most in 30 runs" in svg
    assert len(svg) < 3_000
    assert drawn([Point(day, 0, True)] * 2, "violated rows").count("<circle") == 2
