"""The analyses of a small CDM give what one counts by hand, on DuckDB and on Spark, whatever the CDM stores."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_session import duckdb_session
from snds_omop_assets.engines.sessions import Session
from snds_omop_assets.engines.spark_session import SparkSessionOfModels
from snds_omop_assets.quality.achilles.analyses import ANALYSIS, DISTRIBUTIONS, RESULTS, STRATA, analyses, schema_of
from snds_omop_assets.quality.achilles.characterise import Characterisation, characterise, concept_names

MALE, FEMALE = 8507, 8532
OFFICE, HOSPITAL, CONDITION, DRUG, CODE, TYPE = 9202, 9201, 500, 501, 700, 32810

Cells = dict[tuple[str, ...], int]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def rows(table: str, *values: Mapping[str, Any]) -> pa.Table:
    """The rows in the CDM's types; a column that a row does not have is NULL."""
    schema = cdm_tables()[table].schema
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in values], schema)


def period(person: int, first: str, last: str) -> Mapping[str, Any]:
    return {
        "person_id": person, "observation_period_start_date": day(first), "observation_period_end_date": day(last),
        "period_type_concept_id": TYPE,
    }  # fmt: skip


def visit(person: int, kind: int, first: str, last: str, source: int = 0) -> Mapping[str, Any]:
    return {
        "person_id": person, "visit_concept_id": kind, "visit_start_date": day(first), "visit_end_date": day(last),
        "visit_source_concept_id": source, "visit_source_value": "a visit",
    }  # fmt: skip


def condition(person: int, concept: int, first: str, code: str) -> Mapping[str, Any]:
    return {
        "person_id": person, "condition_concept_id": concept, "condition_start_date": day(first),
        "condition_source_value": code, "condition_source_concept_id": CODE,
    }  # fmt: skip


def drug(person: int, first: str, days: int | None, quantity: float | None) -> Mapping[str, Any]:
    return {
        "person_id": person, "drug_concept_id": DRUG, "drug_exposure_start_date": day(first), "days_supply": days,
        "quantity": quantity,
    }  # fmt: skip


def small_cdm() -> dict[str, pa.Table]:
    """A man with one period; two women, one whose periods overlap, one with a gap; a man who was never observed."""
    people = ((1, MALE, 1950), (2, FEMALE, 1980), (3, FEMALE, 1980), (4, MALE, 1990))
    return {
        "person": rows("person", *({"person_id": p, "gender_concept_id": g, "year_of_birth": y} for p, g, y in people)),
        "observation_period": rows(
            "observation_period",
            period(1, "2018-01-01", "2018-12-31"),
            period(2, "2018-01-01", "2018-03-15"),
            period(2, "2018-03-10", "2018-06-30"),
            period(3, "2018-02-10", "2018-02-20"),
            period(3, "2018-02-25", "2018-05-31"),
        ),
        "payer_plan_period": rows(
            "payer_plan_period",
            {"person_id": 1, "payer_plan_period_start_date": day("2018-01-01"),
             "payer_plan_period_end_date": day("2018-12-31")},
        ),
        "visit_occurrence": rows(
            "visit_occurrence",
            visit(1, OFFICE, "2018-02-01", "2018-02-01", source=CODE),
            visit(1, HOSPITAL, "2018-03-10", "2018-03-15"),
            visit(2, OFFICE, "2018-02-05", "2018-02-05"),
            visit(2, OFFICE, "2018-08-01", "2018-08-01"),  # after her last day
            visit(3, HOSPITAL, "2018-02-19", "2018-03-05"),  # ends in another period than it starts
        ),
        "condition_occurrence": rows(
            "condition_occurrence",
            condition(1, CONDITION, "2018-03-10", "A00"),
            condition(1, CONDITION, "2018-04-10", "A00"),
            condition(2, 0, "2018-02-05", "B00"),
        ),
        "death": rows("death", {"person_id": 1, "death_date": day("2018-12-31"), "cause_concept_id": CONDITION,
                                "death_type_concept_id": TYPE}),
        "drug_exposure": rows(
            "drug_exposure", drug(1, "2018-03-10", 30, 1.5), drug(1, "2018-04-10", 10, None),
            drug(2, "2018-02-05", None, 2.0),
        ),
        "drug_era": rows(
            "drug_era", {"person_id": 1, "drug_concept_id": DRUG, "drug_era_start_date": day("2018-03-10"),
                         "drug_era_end_date": day("2018-04-19")},
        ),
        "concept": rows("concept", {"concept_id": OFFICE, "concept_name": "Office visit"}),
        "cdm_source": rows("cdm_source", {"cdm_source_name": "A small base"}),
    }  # fmt: skip


def characterised(
    tables: Mapping[str, pa.Table], small_cell: int = 1, session: Session | None = None
) -> Characterisation:
    if session is None:
        with duckdb_session() as opened:
            return characterised(tables, small_cell, opened)
    for name, table in tables.items():
        session.give(name, table)
    return characterise(session, {name: t.schema for name, t in tables.items()}, small_cell, today=day("2024-05-01"))


@pytest.fixture(scope="module")
def found() -> Characterisation:
    return characterised(small_cdm())


def cells(found: Characterisation, analysis: int) -> Cells:
    """Counts by strata."""
    some = found.results.filter(pc.equal(found.results["analysis_id"], analysis)).to_pylist()
    return {tuple(row[name] for name in STRATA if row[name] is not None): row["count_value"] for row in some}


def spread(found: Characterisation, analysis: int) -> dict[tuple[str, ...], tuple[float | None, ...]]:
    """Count, min, median, p75, max by strata."""
    some = found.distributions.filter(pc.equal(found.distributions["analysis_id"], analysis)).to_pylist()
    names = ("count_value", "min_value", "median_value", "p75_value", "max_value")
    return {
        tuple(row[name] for name in STRATA if row[name] is not None): tuple(row[name] for name in names) for row in some
    }


def test_the_tables_have_the_layouts_of_achilles(found: Characterisation) -> None:
    assert found.results.schema.equals(schema_of(RESULTS))
    assert found.distributions.schema.equals(schema_of(DISTRIBUTIONS))
    assert found.analysis.schema.equals(schema_of(ANALYSIS))
    assert found.results.schema.names == ["analysis_id", *STRATA, "count_value"]
    made = set(found.analysis["analysis_id"].to_pylist())
    assert {*found.results["analysis_id"].to_pylist(), *found.distributions["analysis_id"].to_pylist()} <= made
    assert len(made) == found.analysis.num_rows


def test_persons_are_counted_by_sex_and_year_of_birth(found: Characterisation) -> None:
    assert cells(found, 0) == {("A small base", "snds_omop_assets 0.1.0", "2024-05-01"): 4}
    assert cells(found, 1) == {(): 4}
    assert cells(found, 2) == {("8507",): 2, ("8532",): 2}
    assert cells(found, 3) == {("1950",): 1, ("1980",): 2, ("1990",): 1}
    assert cells(found, 10) == {("1950", "8507"): 1, ("1980", "8532"): 2, ("1990", "8507"): 1}


def test_first_periods_tell_age_and_length(found: Characterisation) -> None:
    assert cells(found, 101) == {("38",): 2, ("68",): 1}
    assert cells(found, 102) == {("8532", "38"): 2, ("8507", "68"): 1}
    assert spread(found, 103) == {(): (3, 38, 38, 68, 68)}
    assert spread(found, 104) == {("8507",): (1, 68, 68, 68, 68), ("8532",): (2, 38, 38, 38, 38)}
    assert spread(found, 105) == {(): (3, 10, 73, 364, 364)}
    assert spread(found, 107) == {("3",): (2, 10, 10, 73, 73), ("6",): (1, 364, 364, 364, 364)}
    assert cells(found, 108) == {("0",): 1, ("2",): 1, ("12",): 1}


def test_mean_and_deviation_are_those_of_a_sample(found: Characterisation) -> None:
    [row] = [row for row in found.distributions.to_pylist() if row["analysis_id"] == 103]
    assert (row["avg_value"], row["stdev_value"]) == (48, pytest.approx(300**0.5))
    [one] = [row for row in found.distributions.to_pylist() if (row["analysis_id"], row["stratum_1"]) == (104, "8507")]
    assert (one["avg_value"], one["stdev_value"]) == (68, None)


def test_observation_is_counted_by_month_and_year_and_each_person_once(found: Characterisation) -> None:
    months = [f"2018{month:02d}" for month in range(1, 13)]
    assert [cells(found, 117)[month,] for month in months] == [2, 3, 3, 3, 3, 2, *[1] * 6]
    assert [cells(found, 110)[month,] for month in months] == [2, 2, 3, 3, 3, 2, *[1] * 6]
    assert cells(found, 109) == {("2018",): 1}
    assert cells(found, 116) == {("2018", "8507", "6"): 1, ("2018", "8532", "3"): 2}


def test_a_period_that_is_there_several_times_is_one() -> None:
    """Whichever of them the engine takes first: it chose the wrong one for one person in thousands."""
    persons = 20_000
    days = 5 * ("2018-01-05", "2018-03-05")
    periods = (period(person, on, on) for on in days for person in range(persons))
    made = small_cdm() | {"observation_period": rows("observation_period", *periods)}
    assert cells(characterised(made), 117) == {("201801",): persons, ("201803",): persons}


def test_periods_are_counted_as_they_are_stored(found: Characterisation) -> None:
    assert cells(found, 111) == {("201801",): 2, ("201802",): 1, ("201803",): 1}
    assert cells(found, 112) == {("201802",): 1, ("201803",): 1, ("201805",): 1, ("201806",): 1, ("201812",): 1}
    assert cells(found, 113) == {("1",): 1, ("2",): 2}
    assert cells(found, 119) == {("32810",): 5}


def test_payer_plans_are_counted_as_periods_are(found: Characterisation) -> None:
    assert cells(found, 1409) == {("2018",): 1}
    assert len(cells(found, 1410)) == 12
    assert cells(found, 1411) == {("201801",): 1}
    assert cells(found, 1413) == {("1",): 1}
    assert spread(found, 1406) == {("8507",): (1, 364, 364, 364, 364)}


def test_visits_are_counted_by_concept_and_month_if_they_start_in_a_period(found: Characterisation) -> None:
    assert cells(found, 200) == {("9201",): 2, ("9202",): 2}
    assert cells(found, 201) == {("9201",): 2, ("9202",): 2}
    assert cells(found, 202) == {("9201", "201802"): 1, ("9201", "201803"): 1, ("9202", "201802"): 2}
    assert spread(found, 203) == {(): (3, 1, 1, 2, 2)}
    assert cells(found, 204) == {
        ("9201", "2018", "8507", "6"): 1, ("9201", "2018", "8532", "3"): 1,
        ("9202", "2018", "8507", "6"): 1, ("9202", "2018", "8532", "3"): 1,
    }  # fmt: skip
    assert spread(found, 206)["9202", "8507"] == (1, 68, 68, 68, 68)
    assert (cells(found, 210), cells(found, 230)) == ({(): 1}, {(): 4})
    assert cells(found, 212) == {("2018", "8507", "6"): 1, ("2018", "8532", "3"): 2}
    assert cells(found, 220) == {("201802",): 3, ("201803",): 1}
    assert cells(found, 221) == {("2018",): 3}
    assert cells(found, 225) == {("0",): 3, ("700",): 1}


def test_the_length_of_stay_is_of_visits_that_lie_in_one_period(found: Characterisation) -> None:
    assert spread(found, 213) == {("9201",): (1, 5, 5, 5, 5), ("9202",): (2, 0, 0, 0, 0)}


def test_events_without_a_concept_are_told_by_source_value(found: Characterisation) -> None:
    assert cells(found, 401) == {("0",): 1, ("500",): 2}
    assert cells(found, 425) == {("700",): 3}
    assert cells(found, 1900) == {("condition_occurrence", "condition_source_value", "B00"): 1}


def test_deaths_are_counted_by_cause_month_and_age(found: Characterisation) -> None:
    assert cells(found, 500) == cells(found, 501) == {("500",): 1}
    assert cells(found, 502) == {("201812",): 1}
    assert cells(found, 504) == {("2018", "8507", "6"): 1}
    assert cells(found, 505) == {("32810",): 1}
    assert spread(found, 506) == {("8507",): (1, 68, 68, 68, 68)}


def test_drugs_have_days_and_quantity_and_eras_a_length(found: Characterisation) -> None:
    assert spread(found, 715) == {("501",): (2, 10, 10, 30, 30)}
    assert spread(found, 717) == {("501",): (2, 1.5, 1.5, 2, 2)}
    assert spread(found, 907) == {("501",): (1, 40, 40, 40, 40)}
    assert cells(found, 930) == {(): 1}


def test_the_names_of_concepts_come_with_the_results(found: Characterisation) -> None:
    assert concept_names(found.results) == {OFFICE: "Office visit"}


def test_every_family_of_analyses_is_tried_here() -> None:
    """A source that no table of the small CDM asks for would be tested by nothing."""
    made = small_cdm()
    tried = {analysis.source for analysis in analyses() if analysis.table in made}
    assert tried == {analysis.source for analysis in analyses()}


def test_an_absent_table_has_no_analyses_and_an_empty_one_no_cells() -> None:
    tables = small_cdm()
    del tables["death"]
    tables["drug_era"] = tables["drug_era"].slice(0, 0)
    found = characterised(tables)
    made = found.analysis["analysis_id"].to_pylist()
    assert 500 not in made
    assert 900 in made
    assert cells(found, 900) == {}


def test_nothing_is_told_without_persons_or_periods() -> None:
    for table in ("person", "observation_period"):
        found = characterised({name: rows for name, rows in small_cdm().items() if name != table})
        assert (found.results.num_rows, found.distributions.num_rows, found.analysis.num_rows) == (0, 0, 0)


def test_a_cdm_of_texts_gives_the_same_as_one_of_the_cdms_types(found: Characterisation) -> None:
    texts = {
        name: table.cast(pa.schema([(column, pa.string()) for column in table.schema.names]))
        for name, table in small_cdm().items()
    }
    again = characterised(texts)
    assert again.results.equals(found.results)
    assert again.distributions.equals(found.distributions)


def test_columns_that_a_cdm_lacks_are_empty() -> None:
    tables = small_cdm()
    tables["visit_occurrence"] = tables["visit_occurrence"].drop_columns(["visit_source_concept_id", "visit_end_date"])
    found = characterised(tables)
    assert cells(found, 201) == {("9201",): 2, ("9202",): 2}
    assert cells(found, 225) == {(): 4}
    assert spread(found, 213) == {}


@pytest.mark.spark
def test_spark_counts_what_duckdb_counts(spark: Any) -> None:
    """The tables that have every source between them: each analysis takes Spark a second."""
    some = ("person", "observation_period", "visit_occurrence", "death", "concept", "cdm_source")
    tables = {name: small_cdm()[name] for name in some}
    again, here = characterised(tables, session=SparkSessionOfModels(spark)), characterised(tables)
    assert again.results.equals(here.results)
    assert again.distributions.equals(here.distributions)
    assert again.analysis.equals(here.analysis)
