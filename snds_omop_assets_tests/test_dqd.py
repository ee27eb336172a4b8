"""OHDSI's checks find what is planted in a small CDM, and nothing else, on DuckDB and on Spark."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import hypothesis
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from snds_omop_assets.contracts.cdm_checks import CheckRule, check_rules, check_types
from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.quality.dqd import shared_keys
from snds_omop_assets.quality.dqd.judge import judge_cdm
from snds_omop_assets.quality.dqd.results import CheckResult

Rows = dict[str, list[dict[str, Any]]]
"""The rows of a CDM by table; a column that a row does not have is NULL."""

TODAY = dt.date(2024, 5, 1)
MALE, FEMALE = 8507, 8532
TYPE, VISIT, CONDITION, DRUG, INGREDIENT, PROCEDURE, UNIT, OTHER_UNIT = 32810, 9202, 500, 501, 502, 503, 8784, 8645
MALES_CONDITION = 26662
"""A condition of males: plausibleGender."""
PROSTATE, BELOW_PROSTATE = 4025213, 510
"""A condition of males with its descendants: plausibleGenderUseDescendants."""
BASOPHILS = 3006315
"""A measurement whose units are listed: plausibleUnitConceptIds."""
OLD = 511
"""A condition that is no longer valid."""
UNKNOWN = 999
"""In no table."""

CONCEPTS = {
    0: ("Metadata", "Undefined", None, None),
    MALE: ("Gender", "Gender", "S", None),
    FEMALE: ("Gender", "Gender", "S", None),
    8515: ("Race", "Race", "S", None),
    38003564: ("Ethnicity", "Ethnicity", "S", None),
    TYPE: ("Type Concept", "Type Concept", "S", None),
    VISIT: ("Visit", "Visit", "S", None),
    CONDITION: ("Condition", "Disorder", "S", None),
    MALES_CONDITION: ("Condition", "Disorder", "S", None),
    BELOW_PROSTATE: ("Condition", "Disorder", "S", None),
    OLD: ("Condition", "Disorder", None, "U"),
    DRUG: ("Drug", "Clinical Drug", "S", None),
    INGREDIENT: ("Drug", "Ingredient", "S", None),
    PROCEDURE: ("Procedure", "Procedure", "S", None),
    BASOPHILS: ("Measurement", "Lab Test", "S", None),
    UNIT: ("Unit", "Unit", "S", None),
    OTHER_UNIT: ("Unit", "Unit", "S", None),
}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def sound_rows() -> Rows:
    """Three persons in whom nothing is wrong; the third is dead."""
    rows: Rows = {table: [] for table in cdm_tables()}
    for concept, (domain, kind, standard, invalid) in CONCEPTS.items():
        rows["concept"].append({
            "concept_id": concept, "concept_name": "x", "domain_id": domain, "vocabulary_id": "None",
            "concept_class_id": kind, "standard_concept": standard, "concept_code": "x", "invalid_reason": invalid,
            "valid_start_date": day("1970-01-01"), "valid_end_date": day("2099-12-31"),
        })  # fmt: skip
    for concept in (BELOW_PROSTATE, PROSTATE):
        rows["concept_ancestor"].append({
            "ancestor_concept_id": PROSTATE, "descendant_concept_id": concept,
            "min_levels_of_separation": 0, "max_levels_of_separation": 1,
        })  # fmt: skip
    for person, sex in ((1, MALE), (2, FEMALE), (3, FEMALE)):
        key = {"person_id": person}
        rows["person"].append({
            **key, "gender_concept_id": sex, "year_of_birth": 1950, "month_of_birth": 7, "race_concept_id": 8515,
            "ethnicity_concept_id": 38003564, "gender_source_value": str(sex),
        })  # fmt: skip
        rows["observation_period"].append({
            "observation_period_id": person, **key, "observation_period_start_date": day("2010-01-01"),
            "observation_period_end_date": day("2018-12-31"), "period_type_concept_id": TYPE,
        })  # fmt: skip
        rows["visit_occurrence"].append({
            "visit_occurrence_id": person, **key, "visit_concept_id": VISIT, "visit_start_date": day("2015-03-10"),
            "visit_end_date": day("2015-03-12"), "visit_type_concept_id": TYPE, "visit_source_value": "stay",
        })  # fmt: skip
        condition = {**key, "condition_concept_id": CONDITION}
        rows["condition_occurrence"].append({
            "condition_occurrence_id": person, **condition, "condition_start_date": day("2015-03-10"),
            "condition_type_concept_id": TYPE, "visit_occurrence_id": person, "condition_source_value": "A00",
            "condition_end_date": day("2015-03-12"),
        })  # fmt: skip
        rows["condition_era"].append({
            "condition_era_id": person, **condition, "condition_era_start_date": day("2015-03-10"),
            "condition_era_end_date": day("2015-03-12"), "condition_occurrence_count": 1,
        })  # fmt: skip
        rows["drug_exposure"].append({
            "drug_exposure_id": person, **key, "drug_concept_id": DRUG, "drug_type_concept_id": TYPE,
            "drug_exposure_start_date": day("2015-03-11"), "drug_exposure_end_date": day("2015-03-11"),
            "drug_source_value": "box", "days_supply": 30, "quantity": 1.5,
        })  # fmt: skip
        rows["drug_era"].append({
            "drug_era_id": person, **key, "drug_concept_id": INGREDIENT, "drug_era_start_date": day("2015-03-11"),
            "drug_era_end_date": day("2015-03-11"),
        })  # fmt: skip
        rows["measurement"].append({
            "measurement_id": person, **key, "measurement_concept_id": BASOPHILS, "unit_concept_id": UNIT,
            "measurement_date": day("2015-03-11"), "measurement_type_concept_id": TYPE, "value_as_number": 1.0,
        })  # fmt: skip
        rows["procedure_occurrence"].append({
            "procedure_occurrence_id": person, **key, "procedure_concept_id": PROCEDURE,
            "procedure_type_concept_id": TYPE, "procedure_date": day("2015-03-11"),
        })  # fmt: skip
        rows["observation"].append({
            "observation_id": person, **key, "observation_concept_id": CONDITION, "observation_type_concept_id": TYPE,
            "observation_date": day("2015-03-11"),
        })  # fmt: skip
    rows["death"].append({"person_id": 3, "death_date": day("2018-12-31"), "death_type_concept_id": TYPE})
    return rows


POINTED_TO = {"care_site", "location", "provider", "visit_detail"}
"""Tables without rows, which must be there for foreign keys."""


def as_tables(rows: Rows) -> dict[str, pa.Table]:
    """The rows in the CDM's types."""
    schemas = {name: cdm_tables()[name].schema for name, some in rows.items() if some or name in POINTED_TO}
    return {
        name: pa.Table.from_pylist([{c: row.get(c) for c in schema.names} for row in rows[name]], schema)
        for name, schema in schemas.items()
    }


def judged(
    tables: Mapping[str, pa.Table], rules: tuple[CheckRule, ...] | None = None, session: Session | None = None
) -> list[CheckResult]:
    if session is None:
        with duckdb_session() as opened:
            return judged(tables, rules, opened)
    for name, table in tables.items():
        session.give(name, table)
    return judge_cdm(session, {name: table.schema for name, table in tables.items()}, rules, TODAY)


MADE = {name for name, rows in sound_rows().items() if rows}
RULES = tuple(rule for rule in check_rules() if rule.table in MADE - {"concept", "concept_ancestor"})
"""The rules of the tables that are not empty; the vocabulary of the tests is no whole one."""


def failed(results: list[CheckResult]) -> dict[str, tuple[int, int]]:
    """Violated and total of what failed."""
    return {said(r.rule): (r.violated, r.total) for r in results if r.status == "fail"}


def said(rule: CheckRule) -> str:
    parts = (rule.check, rule.table, rule.field, None if rule.concept_id is None else str(rule.concept_id))
    return " ".join(filter(None, parts))


def test_in_a_sound_cdm_nothing_fails_and_all_27_types_were_judged() -> None:
    results = judged(as_tables(sound_rows()), RULES)
    assert failed(results) == {}
    assert [r for r in results if r.status == "error"] == []
    silent = set(check_types()) - {r.rule.check for r in results if r.status == "pass"}
    assert silent == {"sourceConceptRecordCompleteness", "plausibleGender", "plausibleGenderUseDescendants"}


Fault = Callable[[Rows], None]


def changed(table: str, **values: Any) -> Fault:
    """The last row is changed."""
    return lambda rows: rows[table][-1].update(values)


def added(table: str, **values: Any) -> Fault:
    """The last row is there once more, with other values."""
    return lambda rows: rows[table].append(rows[table][-1] | values)


FAULTS: dict[str, tuple[Fault, dict[str, tuple[int, int]]]] = {
    "measurePersonCompleteness": (
        lambda rows: rows["observation_period"].pop() and None,
        {"measurePersonCompleteness observation_period": (1, 3)},
    ),
    "measureConditionEraCompleteness": (
        lambda rows: rows["condition_era"].pop() and None,
        {"measureConditionEraCompleteness condition_era": (1, 3)},
    ),
    "measureObservationPeriodOverlap": (
        added(
            "observation_period",
            observation_period_id=4,
            observation_period_start_date=day("2019-01-01"),
            observation_period_end_date=day("2019-01-31"),
        ),
        {"measureObservationPeriodOverlap observation_period": (1, 3)},
    ),
    "isRequired": (
        changed("condition_occurrence", condition_start_date=None),
        {
            "isRequired condition_occurrence condition_start_date": (1, 3),
            "measureValueCompleteness condition_occurrence condition_start_date": (1, 3),
        },
    ),
    "isPrimaryKey": (added("measurement"), {"isPrimaryKey measurement measurement_id": (2, 4)}),
    "isForeignKey": (
        changed("condition_occurrence", visit_occurrence_id=UNKNOWN),
        {"isForeignKey condition_occurrence visit_occurrence_id": (1, 3)},
    ),
    "isForeignKey of a concept": (
        changed("condition_occurrence", condition_concept_id=UNKNOWN),
        {"isForeignKey condition_occurrence condition_concept_id": (1, 3)},
    ),
    "fkDomain": (
        changed("condition_occurrence", condition_concept_id=PROCEDURE),
        {"fkDomain condition_occurrence condition_concept_id": (1, 3)},
    ),
    "fkClass": (
        changed("drug_era", drug_concept_id=DRUG),
        {"fkClass drug_era drug_concept_id": (1, 3)},
    ),
    "isStandardValidConcept": (
        changed("condition_occurrence", condition_concept_id=OLD),
        {"isStandardValidConcept condition_occurrence condition_concept_id": (1, 3)},
    ),
    "measureValueCompleteness": (
        changed("visit_occurrence", visit_end_date=None),
        {
            "measureValueCompleteness visit_occurrence visit_end_date": (1, 3),
            "isRequired visit_occurrence visit_end_date": (1, 3),
        },
    ),
    "standardConceptRecordCompleteness": (
        changed("person", gender_concept_id=0),
        {"standardConceptRecordCompleteness person gender_concept_id": (1, 3)},
    ),
    "standardConceptRecordCompleteness of a field that may be NULL": (
        changed("measurement", unit_concept_id=None, unit_source_value="per field"),
        {"standardConceptRecordCompleteness measurement unit_concept_id": (1, 3)},
    ),
    "sourceConceptRecordCompleteness": (
        changed("condition_occurrence", condition_source_concept_id=0),
        {"sourceConceptRecordCompleteness condition_occurrence condition_source_concept_id": (3, 3)},
    ),
    "sourceValueCompleteness": (
        changed("condition_occurrence", condition_concept_id=0, condition_source_value="B00"),
        {
            "sourceValueCompleteness condition_occurrence condition_source_value": (1, 2),
            "standardConceptRecordCompleteness condition_occurrence condition_concept_id": (1, 3),
        },
    ),
    "plausibleValueLow": (
        changed("drug_exposure", days_supply=0),
        {"plausibleValueLow drug_exposure days_supply": (1, 3)},
    ),
    "plausibleValueLow of a date": (
        changed("condition_era", condition_era_start_date=day("1949-12-31")),
        {
            "plausibleValueLow condition_era condition_era_start_date": (1, 3),
            "plausibleAfterBirth condition_era condition_era_start_date": (1, 3),
            "plausibleTemporalAfter condition_era condition_era_start_date": (1, 3),
        },
    ),
    "plausibleValueHigh": (
        changed("drug_exposure", days_supply=366),
        {"plausibleValueHigh drug_exposure days_supply": (1, 3)},
    ),
    "plausibleValueHigh of a date": (
        lambda rows: rows["condition_era"][0].update(condition_era_end_date=TODAY + dt.timedelta(2)),
        {"plausibleValueHigh condition_era condition_era_end_date": (1, 3)},
    ),
    "plausibleTemporalAfter": (
        changed("condition_era", condition_era_start_date=day("1950-05-31")),
        {
            "plausibleTemporalAfter condition_era condition_era_start_date": (1, 3),
            "plausibleAfterBirth condition_era condition_era_start_date": (1, 3),
        },
    ),
    "plausibleAfterBirth": (  # born in July, which plausibleTemporalAfter takes for June
        changed("condition_era", condition_era_start_date=day("1950-06-30")),
        {"plausibleAfterBirth condition_era condition_era_start_date": (1, 3)},
    ),
    "plausibleDuringLife": (  # 61 days after the death of the only one who died
        changed("drug_exposure", drug_exposure_start_date=day("2019-03-02"), drug_exposure_end_date=day("2019-03-02")),
        {
            f"{check} drug_exposure drug_exposure_{side}_date": (1, 1)
            for check in ("plausibleDuringLife", "plausibleBeforeDeath")
            for side in ("start", "end")
        },
    ),
    "plausibleBeforeDeath": (
        changed("measurement", measurement_date=day("2019-03-02")),
        {"plausibleBeforeDeath measurement measurement_date": (1, 1)},
    ),
    "plausibleStartBeforeEnd": (
        changed("condition_era", condition_era_end_date=day("2015-03-09")),
        {
            "plausibleStartBeforeEnd condition_era condition_era_start_date": (1, 3),
            "plausibleTemporalAfter condition_era condition_era_end_date": (1, 3),
        },
    ),
    "withinVisitDates": (
        changed("condition_occurrence", condition_start_date=day("2015-03-02")),
        {"withinVisitDates condition_occurrence condition_start_date": (1, 3)},
    ),
    "plausibleGender": (
        changed("condition_occurrence", condition_concept_id=MALES_CONDITION),
        {f"plausibleGender condition_occurrence condition_concept_id {MALES_CONDITION}": (1, 1)},
    ),
    "plausibleGenderUseDescendants": (
        changed("condition_occurrence", condition_concept_id=BELOW_PROSTATE),
        {f"plausibleGenderUseDescendants condition_occurrence condition_concept_id {PROSTATE}": (1, 1)},
    ),
    "plausibleUnitConceptIds": (
        changed("measurement", unit_concept_id=OTHER_UNIT),
        {f"plausibleUnitConceptIds measurement measurement_concept_id {BASOPHILS}": (1, 3)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_its_check_and_by_those_that_look_at_the_same(fault: str) -> None:
    plant, expected = FAULTS[fault]
    rows = sound_rows()
    plant(rows)
    assert any(name.startswith(fault.split(maxsplit=1)[0] + " ") for name in expected)
    results = judged(as_tables(rows), RULES)
    assert failed(results) == expected
    assert [r for r in results if r.status == "error"] == []


def test_the_faults_cover_the_types_of_check() -> None:
    tested_below = {"cdmTable", "cdmField", "cdmDatatype"}
    assert {name.split()[0] for name in FAULTS} | tested_below == set(check_types())


def found(results: list[CheckResult], name: str) -> CheckResult:
    (one,) = [r for r in results if said(r.rule) == name]
    return one


def test_sixty_days_after_death_and_a_week_around_a_visit_are_allowed() -> None:
    rows = sound_rows()
    rows["measurement"][-1]["measurement_date"] = day("2019-03-01")
    rows["condition_occurrence"][0]["condition_start_date"] = day("2015-03-03")
    assert failed(judged(as_tables(rows), RULES)) == {}


def test_a_table_that_is_not_there_is_judged_by_cdm_table_alone() -> None:
    tables = as_tables(sound_rows())
    del tables["observation_period"]
    results = judged(tables, RULES)
    assert failed(results) == {"cdmTable observation_period": (1, 1)}
    others = [r for r in results if r.rule.table == "observation_period" and r.rule.check != "cdmTable"]
    assert {r.status for r in others} == {"not applicable"}
    assert {r.reason for r in others} == {"Table observation_period does not exist."}


def test_a_field_that_is_not_there_is_judged_by_cdm_field_alone() -> None:
    tables = as_tables(sound_rows())
    tables["person"] = tables["person"].drop_columns(["year_of_birth"])
    results = judged(tables, RULES)
    assert failed(results) == {"cdmField person year_of_birth": (1, 1)}
    others = [r for r in results if r.rule.field == "year_of_birth" and r.rule.check != "cdmField"]
    assert {r.reason for r in others} == {"Field person.year_of_birth does not exist."}


def test_checks_that_read_another_table_which_is_not_there_are_errors() -> None:
    tables = as_tables(sound_rows())
    del tables["death"], tables["concept"]
    results = judged(tables, RULES)
    assert failed(results) == {}
    errors = {r.rule.check: r.reason for r in results if r.status == "error"}
    assert errors == {
        **dict.fromkeys(
            ("isForeignKey", "fkDomain", "fkClass", "isStandardValidConcept"),
            "Table concept, which this check reads, is not there.",
        ),
        **dict.fromkeys(
            ("plausibleDuringLife", "plausibleBeforeDeath"), "Table death, which this check reads, is not there."
        ),
    }


def test_in_an_empty_table_only_what_looks_at_persons_is_judged() -> None:
    rows = sound_rows()
    rows["observation_period"].clear()
    tables = as_tables(rows) | {"observation_period": cdm_tables()["observation_period"].schema.empty_table()}
    results = [r for r in judged(tables, RULES) if r.rule.table == "observation_period"]
    assert failed(results) == {"measurePersonCompleteness observation_period": (3, 3)}
    judged_checks = {r.rule.check for r in results if r.status != "not applicable"}
    assert judged_checks == {"cdmTable", "cdmField", "measurePersonCompleteness"}
    assert {r.reason for r in results if r.status == "not applicable"} == {"Table observation_period is empty."}


def test_of_conditions_without_a_concept_no_era_is_expected_and_without_conditions_the_check_says_nothing() -> None:
    rows = sound_rows()
    rows["condition_era"].pop()
    rows["condition_occurrence"][-1]["condition_concept_id"] = 0
    name = "measureConditionEraCompleteness condition_era"
    one = found(judged(as_tables(rows), RULES), name)
    assert (one.status, one.violated, one.total) == ("pass", 0, 2)
    rows["condition_occurrence"].clear()
    one = found(judged(as_tables(rows), RULES), name)
    assert (one.status, one.reason) == ("not applicable", "Table condition_occurrence is empty.")


def test_an_empty_column_is_judged_by_measure_value_completeness_alone() -> None:
    rows = sound_rows()
    for row in rows["visit_occurrence"]:
        row["visit_end_date"] = None
    results = judged(as_tables(rows), RULES)
    assert failed(results) == {"measureValueCompleteness visit_occurrence visit_end_date": (3, 3)}
    required = found(results, "isRequired visit_occurrence visit_end_date")
    assert (required.status, required.reason) == ("not applicable", "Field visit_occurrence.visit_end_date is empty.")


def test_what_is_there_twice_does_not_count_the_rows_that_point_to_it_twice() -> None:
    rows = sound_rows()
    for table in ("person", "death", "visit_occurrence", "concept"):
        rows[table].append(dict(rows[table][-1]))
    rows["measurement"][-1].update(measurement_date=day("2019-03-02"), unit_concept_id=OTHER_UNIT)
    rows["condition_occurrence"][-1]["condition_start_date"] = day("2015-03-02")
    results = judged(as_tables(rows), RULES)
    for name in (
        "plausibleBeforeDeath measurement measurement_date",
        "withinVisitDates condition_occurrence condition_start_date",
        f"plausibleUnitConceptIds measurement measurement_concept_id {BASOPHILS}",
    ):
        assert found(results, name).violated == 1
    assert found(results, "isPrimaryKey visit_occurrence visit_occurrence_id").violated == 2


@hypothesis.given(
    st.lists(st.none() | st.integers(-5, 5) | st.sampled_from([-(2**63), 2**63 - 1])), st.sampled_from([1, 4, 99])
)
@hypothesis.settings(max_examples=40, deadline=None)
def test_rows_that_share_a_key_are_counted_however_many_keys_are_sorted_at_once(
    keys: list[int | None], at_once: int
) -> None:
    expected = sum(n for key, n in Counter(keys).items() if key is not None and n > 1)
    with duckdb_session() as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_keys, "AT_ONCE", at_once)
        session.give("rows_of_keys", pa.table({"k": pa.array(keys, pa.int64())}))
        assert shared_keys.rows_that_share(session, "rows_of_keys", "t.k") == expected


def test_a_threshold_is_passed_by_as_many_percent_as_it_says() -> None:
    tables = as_tables(sound_rows())
    tables["drug_exposure"] = pa.Table.from_pylist(
        [sound_rows()["drug_exposure"][0] | {"drug_exposure_id": n, "days_supply": int(n > 7)} for n in range(100)],
        cdm_tables()["drug_exposure"].schema,
    )
    for threshold, status in ((8.0, "pass"), (7.9, "fail"), (0.0, "fail")):
        rule = CheckRule("plausibleValueLow", "drug_exposure", "days_supply", "1", threshold)
        (one,) = judged(tables, (rule,))
        assert (one.status, one.violated, one.total, one.percent) == (status, 8, 100, 8.0)


OF_DAYS_SUPPLY = tuple(rule for rule in RULES if (rule.table, rule.field) == ("drug_exposure", "days_supply"))


def as_text(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """As in CSV files."""
    return {
        name: pa.table({column: table[column].cast(pa.string()) for column in table.column_names})
        for name, table in tables.items()
    }


def partly_text(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Some tables as in CSV files."""
    return {**tables, **as_text({name: tables[name] for name in ("person", "condition_occurrence", "concept")})}


def shown(results: list[CheckResult]) -> list[tuple[object, ...]]:
    """What does not depend on the engine."""
    return [(r.rule, r.violated, r.total, r.status, r.reason) for r in results]


NOT_IN_MANY = {"cdmTable", "cdmField", "cdmDatatype", "measureConditionEraCompleteness"}


def many_faults() -> dict[str, pa.Table]:
    rows = sound_rows()
    for name, (plant, _) in FAULTS.items():
        if name != "measureConditionEraCompleteness":
            plant(rows)
            for table in ("condition_occurrence", "drug_exposure", "measurement", "condition_era"):
                key = f"{table}_id"
                rows[table].append(sound_rows()[table][-1] | {key: len(rows[table]) + 10})
    return as_tables(rows)


def test_a_cdm_of_text_is_judged_as_one_of_numbers_and_dates() -> None:
    tables = many_faults()
    assert shown(judged(as_text(tables), RULES)) == shown(judged(tables, RULES))


@pytest.mark.parametrize("wrong", ["1.5", "x", "", "1e3", "--1", " 30", "12345678901234567890"])
def test_text_that_is_no_whole_number_is_of_the_wrong_type(wrong: str) -> None:
    tables = as_text({"drug_exposure": as_tables(sound_rows())["drug_exposure"]})
    column = pa.array(["30", "+30", wrong])
    place = tables["drug_exposure"].column_names.index("days_supply")
    tables["drug_exposure"] = tables["drug_exposure"].set_column(place, "days_supply", column)
    assert failed(judged(tables, OF_DAYS_SUPPLY)) == {"cdmDatatype drug_exposure days_supply": (1, 3)}


def test_numbers_with_a_point_are_ids_if_they_are_whole() -> None:
    tables = {"drug_exposure": as_tables(sound_rows())["drug_exposure"]}
    place = tables["drug_exposure"].column_names.index("days_supply")
    for number, expected in ((30.0, {}), (30.5, {"cdmDatatype drug_exposure days_supply": (1, 3)})):
        column = pa.array([30.0, 30.0, number])
        tables["drug_exposure"] = tables["drug_exposure"].set_column(place, "days_supply", column)
        assert failed(judged(tables, OF_DAYS_SUPPLY)) == expected


def test_the_query_of_each_check_lists_as_many_rows_as_it_counts() -> None:
    with duckdb_session() as session:
        violated = [r for r in judged(partly_text(many_faults()), RULES, session) if r.violated]
        listed = {said(r.rule): session.result(r.query).num_rows for r in violated}
    assert listed == {said(r.rule): r.violated for r in violated}
    assert {r.rule.check for r in violated} == set(check_types()) - NOT_IN_MANY


def test_a_query_that_the_engine_refuses_makes_only_its_checks_errors() -> None:
    tables = as_tables(sound_rows())
    with duckdb_session() as session:
        for name in tables.keys() - {"drug_era"}:
            session.give(name, tables[name])
        session.view("drug_era", "SELECT 1 AS something_else")
        results = judge_cdm(session, {name: table.schema for name, table in tables.items()}, RULES, TODAY)
    errors = [r for r in results if r.status == "error"]
    assert {r.rule.table for r in errors} == {"drug_era"}
    assert {r.reason.partition(":")[0] for r in errors} == {"The engine refused the query (BinderException)"}


def test_nothing_is_left_in_the_session() -> None:
    with duckdb_session() as session:
        judged(as_text(as_tables(sound_rows())), RULES, session)
        names = session.result("SELECT table_name FROM information_schema.tables")["table_name"].to_pylist()
    assert not [name for name in names if name.startswith("dqd_")]


@pytest.mark.spark
def test_spark_finds_what_duckdb_finds(spark: Any) -> None:
    tables = partly_text(many_faults())
    assert shown(judged(tables, RULES, SparkSessionOfModels(spark))) == shown(judged(tables, RULES))


def test_a_unit_that_is_missing_or_unmapped_is_not_implausible() -> None:
    rows = sound_rows()
    for row, unit in zip(rows["measurement"], (None, 0, UNIT), strict=True):
        row["unit_concept_id"] = unit
    one = found(
        judged(as_tables(rows), RULES), f"plausibleUnitConceptIds measurement measurement_concept_id {BASOPHILS}"
    )
    assert (one.status, one.violated, one.total) == ("pass", 0, 2)
