"""The asset checks of conformance find what is planted, and the planted number of it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.io_managers.stored import write_csv, write_sqlite
from snds_omop_assets.quality.asset_checks import CONFORMANCE
from snds_omop_assets.quality.assets import results_of
from snds_omop_assets.quality.dqd.results import CheckResult
from snds_omop_assets.settings import Settings
from snds_omop_assets.tables import Frames, frame_of
from snds_omop_assets.vocabulary.own import own_vocabulary

PERSON = cdm_tables()["person"].schema
LOCATION = cdm_tables()["location"].schema

GOOD = {
    "person_id": 1, "gender_concept_id": 8532, "year_of_birth": 1963, "race_concept_id": 0, "ethnicity_concept_id": 0,
    "location_id": 75114,
}  # fmt: skip

Found = dict[tuple[str, str | None], int]


def rows_as(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)


@pytest.fixture
def omop(settings: Settings) -> Path:
    """The folder of the CDM tables of a warehouse that has a vocabulary and one location."""
    folder = settings.warehouse / "omop"
    folder.mkdir(parents=True)
    own_vocabulary(settings.warehouse)
    pq.write_table(rows_as(LOCATION, [{"location_id": 75114}]), folder / "location.parquet")
    return folder


@pytest.fixture
def violations(settings: Settings, omop: Path) -> Callable[..., Found]:
    """Violated rows by check and field, of all checks of conformance on PERSON; each differs from a good one so."""

    def judge(*differences: dict[str, Any], person: pa.Table | None = None) -> Found:
        rows = [{**GOOD, "person_id": number, **row} for number, row in enumerate(differences, start=1)]
        if differences or person is not None:
            pq.write_table(rows_as(PERSON, rows) if person is None else person, omop / "person.parquet")
        found = results_of(settings, [(check, "person") for check in CONFORMANCE])
        results = [result for some in found.values() for result in some]
        assert all(result.violated <= result.total for result in results)
        assert not [result for result in results if result.status == "error"]
        return {(result.rule.check, result.rule.field): result.violated for result in results if result.violated}

    return judge


def test_a_good_table_has_no_violation(violations: Callable[..., Found]) -> None:
    assert violations({}, {}, {"location_id": None}) == {}


def test_an_empty_table_has_no_violation(violations: Callable[..., Found]) -> None:
    assert violations(person=PERSON.empty_table()) == {}


def test_without_a_vocabulary_concepts_are_those_that_the_project_can_write(
    settings: Settings, omop: Path, violations: Callable[..., Found]
) -> None:
    (settings.warehouse / "vocabulary" / "current.json").unlink()
    found = violations({}, {"gender_concept_id": 12345})
    assert found == {("isForeignKey", "gender_concept_id"): 1}


def test_a_vocabulary_is_judged_before_there_is_any_table_of_the_data(settings: Settings) -> None:
    own_vocabulary(settings.warehouse)
    tables = ("concept", "vocabulary", "domain", "concept_class", "relationship")
    found = results_of(settings, [(check, table) for table in tables for check in CONFORMANCE])
    results = [result for some in found.values() for result in some]
    assert {result.rule.table for result in results if result.status == "pass"} == set(tables)
    assert {result.status for result in results} == {"pass", "not applicable"}


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ({"year_of_birth": None}, {("isRequired", "year_of_birth"): 2}),
        ({"person_id": 9}, {("isPrimaryKey", "person_id"): 2}),
        ({"location_id": 69383}, {("isForeignKey", "location_id"): 2}),
        ({"care_site_id": 1}, {("referenceWithoutTable", "care_site_id"): 2}),  # no care_site in this warehouse
        ({"gender_concept_id": 12345}, {("isForeignKey", "gender_concept_id"): 2}),
        ({"gender_concept_id": 38004446}, {("fkDomain", "gender_concept_id"): 2}),
        ({"race_concept_id": 8507}, {("fkDomain", "race_concept_id"): 2}),
        ({"gender_source_value": "x" * 51}, {("textLength", "gender_source_value"): 2}),
        ({"person_source_value": "x" * 64}, {}),  # a SHA-256 is a pseudonym like another
    ],
)
def test_a_planted_fault_is_found_with_its_number(
    violations: Callable[..., Found], bad: dict[str, Any], found: Found
) -> None:
    assert violations({}, bad, {}, bad) == found


def test_a_required_field_without_any_value_is_found_though_the_dashboard_passes_over_it(
    violations: Callable[..., Found],
) -> None:
    bad = {"year_of_birth": None}
    assert violations(bad, bad) == {("emptyRequiredField", "year_of_birth"): 2}


def test_specialties_are_of_the_domain_provider(settings: Settings, omop: Path) -> None:
    schema = cdm_tables()["provider"].schema
    rows = [{"provider_id": 1, "specialty_concept_id": 38004446}, {"provider_id": 2, "specialty_concept_id": 8507}]
    pq.write_table(rows_as(schema, rows), omop / "provider.parquet")
    found = results_of(settings, [("concepts", "provider")])["concepts", "provider"]
    assert {r.rule.check: r.violated for r in found if r.violated} == {"domainOfOurs": 1}


def test_a_column_in_the_wrong_place_or_absent_or_too_many_is_a_wrong_structure(
    violations: Callable[..., Found],
) -> None:
    names = PERSON.names
    good = rows_as(PERSON, [GOOD])
    assert violations(person=good.select([names[1], names[0], *names[2:]])) == {
        ("columnOrder", "person_id"): 1, ("columnOrder", "gender_concept_id"): 1,
    }  # fmt: skip
    assert violations(person=good.select(names[:-1])) == {("cdmField", names[-1]): 1}
    assert violations(person=good.select([*names[:3], *names[4:]])) == {("cdmField", names[3]): 1}
    with_more = good.append_column("favourite_colour", pa.array([None], pa.string()))
    assert violations(person=with_more) == {("columnOrder", "favourite_colour"): 1}


def test_a_column_of_another_type_is_found(violations: Callable[..., Found]) -> None:
    as_float = pa.schema([pa.field(f.name, pa.float64() if f.name == "location_id" else f.type) for f in PERSON])
    found = violations(person=rows_as(as_float, [{**GOOD, "location_id": 75114.0}]))
    assert found == {("columnType", "location_id"): 1}


def test_text_in_a_csv_file_must_read_as_its_type(omop: Path, violations: Callable[..., Found]) -> None:
    schema = pa.schema([pa.field(f.name, pa.string()) for f in PERSON])
    rows: list[dict[str, Any]] = [{**{k: str(v) for k, v in GOOD.items()}, "person_id": str(n)} for n in (1, 2, 3)]
    rows[0]["month_of_birth"] = "12.0"
    rows[1]["year_of_birth"] = "1963.4"
    rows[2]["location_id"] = "75114.5"
    write_csv(Frames(schema, iter([frame_of(rows_as(schema, rows))])), omop / "person.csv")
    assert violations() == {
        ("cdmDatatype", "month_of_birth"): 1, ("cdmDatatype", "year_of_birth"): 1, ("cdmDatatype", "location_id"): 1,
    }  # fmt: skip


def test_text_is_the_wrong_type_where_the_file_could_say_better(violations: Callable[..., Found]) -> None:
    schema = pa.schema([pa.field(f.name, pa.string()) for f in PERSON])
    found = violations(person=rows_as(schema, [{name: str(value) for name, value in GOOD.items()}]))
    assert found == {("columnType", f.name): 1 for f in PERSON if f.type != pa.string()}


def test_a_sqlite_table_is_judged_alike(omop: Path, violations: Callable[..., Found]) -> None:
    rows = [{**GOOD, "person_id": 1}, {**GOOD, "person_id": 2, "gender_concept_id": 12345, "year_of_birth": None}]
    write_sqlite(Frames(PERSON, iter([frame_of(rows_as(PERSON, rows))])), omop / "person.sqlite", "person")
    assert violations() == {("isForeignKey", "gender_concept_id"): 1, ("isRequired", "year_of_birth"): 1}


def test_results_hold_counts_and_no_values() -> None:
    names = [field.name for field in dataclasses.fields(CheckResult)]
    assert names == ["rule", "violated", "total", "status", "reason", "seconds", "query"]
