"""The conformance checks find what is planted, and the planted number of it."""

import dataclasses

import pyarrow as pa
import pytest

from snds_omop_assets.contracts.cdm_tables import cdm_tables
from snds_omop_assets.engines.duckdb_engine import duckdb_with
from snds_omop_assets.io_managers.stored import CsvTable, SqliteTable, write_csv, write_sqlite
from snds_omop_assets.quality.assets import CHECKS, findings_of
from snds_omop_assets.quality.conformance import Judged
from snds_omop_assets.tables import Frames, frame_of

PERSON = cdm_tables()["person"]
LOCATION = cdm_tables()["location"]

GOOD = {
    "person_id": 1, "gender_concept_id": 8532, "year_of_birth": 1963, "race_concept_id": 0, "ethnicity_concept_id": 0,
    "location_id": 75114,
}  # fmt: skip


@pytest.fixture
def violations(stored, own):
    """Violated rows by (check, field), of all five checks, on PERSON rows that differ from a good one."""

    def judge(*differences, person=None):
        rows = [{**GOOD, "person_id": number, **row} for number, row in enumerate(differences, start=1)]
        person = person or stored("person", PERSON.schema, rows)
        location = stored("location", LOCATION.schema, [{"location_id": 75114}])
        tables = {"person": person, "location": location, "known_concept": own.tables["concept"]}
        with duckdb_with(tables) as connection:
            judged = Judged(connection, PERSON, person.schema, person.kept_as_text)
            findings = [f for check in CHECKS for f in findings_of(check, judged, ["person", "location"])]
        assert all(finding.violated <= max(finding.looked_at, 1) for finding in findings)
        return {(f.check, f.field): f.violated for f in findings if f.violated}

    return judge


def test_a_good_table_has_no_violation(violations):
    assert violations({}, {}, {"location_id": None}) == {}


def test_an_empty_table_has_no_violation(violations):
    assert violations() == {}


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ({"year_of_birth": None}, {("isRequired", "year_of_birth"): 2}),
        ({"person_id": 9}, {("isPrimaryKey", "person_id"): 1}),
        ({"location_id": 69383}, {("isForeignKey", "location_id"): 2}),
        ({"care_site_id": 1}, {("isForeignKey", "care_site_id"): 2}),  # no care_site in this warehouse
        ({"gender_concept_id": 12345}, {("isForeignKey", "gender_concept_id"): 2}),
        ({"gender_concept_id": 38004446}, {("fkDomain", "gender_concept_id"): 2}),
        ({"race_concept_id": 8507}, {("fkDomain", "race_concept_id"): 2}),
        ({"gender_source_value": "x" * 51}, {("cdmDatatype", "gender_source_value"): 2}),
        ({"person_source_value": "x" * 64}, {}),  # a SHA-256 is a pseudonym like another
    ],
)
def test_a_planted_fault_is_found_with_its_number(violations, bad, found):
    assert violations({}, bad, {}, bad) == found


def test_a_column_in_the_wrong_place_or_absent_or_too_many_is_a_wrong_structure(stored, violations):
    names = PERSON.schema.names
    swapped = pa.schema([PERSON.schema.field(name) for name in [names[1], names[0], *names[2:]]])
    assert violations(person=stored("swapped", swapped, [GOOD])) == {
        ("cdmField", "person_id"): 1, ("cdmField", "gender_concept_id"): 1,
    }  # fmt: skip
    without_last = pa.schema([PERSON.schema.field(name) for name in names[:-1]])
    assert violations(person=stored("without_last", without_last, [GOOD])) == {("cdmField", names[-1]): 1}
    with_more = pa.schema([*PERSON.schema, pa.field("favourite_colour", pa.string())])
    assert violations(person=stored("with_more", with_more, [GOOD])) == {("cdmField", "favourite_colour"): 1}


def test_a_column_of_another_type_is_found(stored, violations):
    as_float = pa.schema([pa.field(f.name, pa.float64() if f.name == "location_id" else f.type) for f in PERSON.schema])
    found = violations(person=stored("as_float", as_float, [{**GOOD, "location_id": 75114.0}]))
    assert found == {("cdmDatatype", "location_id"): 1, ("isForeignKey", "location_id"): 1}


def test_text_in_a_csv_file_must_read_as_its_type(tmp_path, violations):
    schema = pa.schema([pa.field(f.name, pa.string()) for f in PERSON.schema])
    rows = [{**{k: str(v) for k, v in GOOD.items()}, "person_id": str(n)} for n in (1, 2, 3)]
    rows[0]["month_of_birth"] = "12.0"
    rows[1]["year_of_birth"] = "1963.4"
    rows[2]["location_id"] = "75114.5"
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    write_csv(Frames(schema, iter([frame_of(table)])), tmp_path / "person.csv")
    assert violations(person=CsvTable(tmp_path / "person.csv")) == {
        ("cdmDatatype", "month_of_birth"): 1, ("cdmDatatype", "year_of_birth"): 1, ("cdmDatatype", "location_id"): 1,
        ("isForeignKey", "location_id"): 1,
    }  # fmt: skip


def test_text_is_the_wrong_type_where_the_file_could_say_better(stored, violations):
    schema = pa.schema([pa.field(f.name, pa.string()) for f in PERSON.schema])
    found = violations(person=stored("as_text", schema, [{name: str(value) for name, value in GOOD.items()}]))
    assert found == {("cdmDatatype", name): 1 for name in GOOD}


def test_a_sqlite_table_is_judged_alike(tmp_path, violations):
    rows = [{**GOOD, "person_id": 1}, {**GOOD, "person_id": 2, "gender_concept_id": 12345, "year_of_birth": None}]
    table = pa.Table.from_pylist([{name: row.get(name) for name in PERSON.schema.names} for row in rows], PERSON.schema)
    write_sqlite(Frames(PERSON.schema, iter([frame_of(table)])), tmp_path / "person.sqlite", "person")
    assert violations(person=SqliteTable(tmp_path / "person.sqlite", "person")) == {
        ("isForeignKey", "gender_concept_id"): 1, ("isRequired", "year_of_birth"): 1,
    }  # fmt: skip


def test_findings_hold_counts_and_no_values():
    from snds_omop_assets.quality.conformance import Finding

    assert [field.name for field in dataclasses.fields(Finding)] == ["check", "field", "violated", "looked_at"]
